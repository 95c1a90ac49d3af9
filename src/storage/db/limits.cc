// Limits that name the offender: of one series' labels, and of how many series there may be.
#include <fmt/format.h>

#include "model/quote.h"
#include "storage/db/db_impl.h"

namespace hygge {

namespace {

std::string shortened(std::string_view text) {
  constexpr std::size_t kShown = 60;
  if (text.size() <= kShown) return quoted(text);
  return quoted(text.substr(0, kShown)) + "…";
}

// What would be one too many.
tl::unexpected<Error> full(std::string_view what, const std::string& whose, std::size_t is,
                           std::size_t limit) {
  return fail(ErrorCode::limit,
              fmt::format("{} of {}: {} are there, the limit is {}", what, whose, is, limit),
              "raise it in Options::limits, or write to fewer series");
}

}  // namespace

tl::unexpected<Error> Db::Impl::over_limit(std::string_view what, std::string_view whose,
                                           std::size_t is, std::size_t limit) {
  return fail(ErrorCode::limit,
              fmt::format("{} of {}: {}, the limit is {}", what, whose, is, limit),
              "raise it in Options::limits, or send less");
}

// Of a series that is not there yet.
Result<void> Db::Impl::check_labels(std::string_view canonical) const {
  const Limits& limits = options_.limits;
  ByteReader in(as_bytes(canonical));
  std::size_t count = 0;
  while (in.left() > 0) {
    const std::string_view name = in.text();
    const std::string_view value = in.text();
    ++count;
    if (limits.label_name_bytes != 0 && name.size() > limits.label_name_bytes) {
      return over_limit("bytes in the name", "label " + shortened(name), name.size(),
                        limits.label_name_bytes);
    }
    if (limits.label_value_bytes != 0 && value.size() > limits.label_value_bytes) {
      return over_limit("bytes in the value", "label " + shortened(name), value.size(),
                        limits.label_value_bytes);
    }
  }
  if (limits.labels_per_series != 0 && count > limits.labels_per_series) {
    return over_limit("labels", "series " + shortened(canonical), count, limits.labels_per_series);
  }
  return {};
}

// Whether there may be one series more, beside those that `group` is about to make; counts it in.
Result<void> Db::Impl::check_counts(std::string_view canonical, std::size_t coming,
                                    Group& group) const {
  const Limits& limits = options_.limits;
  if (const std::size_t there = index_->series_count() + coming;
      limits.series != 0 && there >= limits.series) {
    return full("series", "the database", there, limits.series);
  }
  if (limits.series_per_metric == 0 && limits.values_per_label == 0) return {};
  ByteReader in(as_bytes(canonical));
  while (in.left() > 0) {
    const std::string_view name = in.text();
    const std::string_view value = in.text();
    const std::size_t having = index_->series_with(name, value);
    Group::Coming& of_name = group.coming[name];
    std::size_t& more = of_name.series[value];
    if (name == "__name__" && limits.series_per_metric != 0 &&
        having + more >= limits.series_per_metric) {
      return full("series", "metric " + shortened(value), having + more, limits.series_per_metric);
    }
    if (having == 0 && more == 0) {
      const std::size_t values = index_->value_count(name) + of_name.new_values;
      if (limits.values_per_label != 0 && values >= limits.values_per_label) {
        return full("values", "label " + shortened(name), values, limits.values_per_label);
      }
      ++of_name.new_values;
    }
    ++more;
  }
  return {};
}

}  // namespace hygge
