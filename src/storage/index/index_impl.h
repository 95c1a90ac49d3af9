// What an Index is made of; for the files that implement it.
#pragma once

#include <roaring/roaring.hh>

#include "storage/index/index.h"
#include "storage/index/label_table.h"
#include "storage/index/regex_cache.h"
#include "storage/index/series_table.h"

namespace hygge::storage {

struct Index::Impl {
  LabelTable labels;
  SeriesTable series;
  ::Roaring all;
  mutable RegexCache regexes;
};

}  // namespace hygge::storage
