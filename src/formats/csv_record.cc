#include "formats/csv_record.h"

#include <algorithm>
#include <utility>

namespace hygge::formats {

namespace {

constexpr std::size_t kMaxLinesOfRecord = 1'000;

// Whether a record that is inside quotes at the start of `line` still is at its end. Quadratic work
// on a field that never ends would come from splitting the record again with each line.
bool stays_open(std::string_view line, char delimiter) {
  bool quoted = true;
  std::size_t i = 0;
  while (i < line.size()) {
    if (quoted) {
      const std::size_t quote = line.find('"', i);
      if (quote == std::string_view::npos) return true;
      i = quote + 1;
      if (i < line.size() && line[i] == '"') {
        ++i;
        continue;
      }
      quoted = false;
    } else {
      const std::size_t end = line.find(delimiter, i);
      if (end == std::string_view::npos) return false;
      i = end + 1;
      if (i < line.size() && line[i] == '"') {
        quoted = true;
        ++i;
      }
    }
  }
  return quoted;
}

}  // namespace

CsvFields::State CsvFields::split(std::string_view text, char delimiter) {
  fields_.clear();
  unquoted_.clear();
  std::size_t i = 0;
  while (true) {
    if (i < text.size() && text[i] == '"') {
      const std::size_t from = ++i;
      std::string* copy = nullptr;
      std::size_t part = from;  // what `copy` does not have yet
      while (true) {
        const std::size_t quote = text.find('"', i);
        if (quote == std::string_view::npos) return State::open;
        i = quote + 1;
        if (i == text.size() || text[i] != '"') break;
        if (copy == nullptr) copy = &unquoted_.emplace_back();
        copy->append(text.substr(part, i - part));
        part = ++i;
      }
      if (copy != nullptr) copy->append(text.substr(part, i - 1 - part));
      fields_.push_back(copy != nullptr ? std::string_view(*copy)
                                        : text.substr(from, i - 1 - from));
      if (i < text.size() && text[i] != delimiter) return State::bad;
    } else {
      const std::size_t end = std::min(text.find(delimiter, i), text.size());
      fields_.push_back(text.substr(i, end - i));
      i = end;
    }
    if (i == text.size()) return State::whole;
    ++i;
  }
}

Result<bool> CsvRecords::next_line() {
  if (!again_.empty()) {
    kept_ = std::move(again_.front());
    again_.pop_front();
    text_ = kept_.text;
    had_cr_ = kept_.had_cr;
    too_long_ = false;
    line_number_ = kept_.number;
    return true;
  }
  if (damage_) return false;
  auto more = lines_.next();
  if (!more && more.error().code == ErrorCode::parse) {
    damage_ = more.error();
    return false;
  }
  if (!more || !*more) return more;
  ++importer_.report().lines;
  text_ = lines_.text();
  had_cr_ = lines_.had_cr();
  too_long_ = lines_.too_long();
  line_number_ = lines_.number();
  return true;
}

Result<CsvRecords::Kind> CsvRecords::next() {
  swallowed_.clear();
  do {
    auto more = next_line();
    if (!more) return tl::unexpected<Error>(more.error());
    if (!*more) return Kind::end;
  } while (text_.empty() && !too_long_);
  number_ = line_number_;
  if (too_long_) return bad("the line is longer than 1 MiB");
  switch (split_.split(text_, delimiter_)) {
    case CsvFields::State::whole:
      return Kind::record;
    case CsvFields::State::bad:
      return bad("text behind a closing quote");
    case CsvFields::State::open:
      break;
  }
  return join();
}

void CsvRecords::reread() {
  again_.insert(again_.begin(), std::make_move_iterator(swallowed_.begin()),
                std::make_move_iterator(swallowed_.end()));
  swallowed_.clear();
}

// The current line ends inside quotes: adds lines until it does not.
Result<CsvRecords::Kind> CsvRecords::join() {
  joined_.assign(text_);
  if (had_cr_) joined_ += '\r';
  while (joined_.size() <= kMaxLineBytes && swallowed_.size() < kMaxLinesOfRecord) {
    auto more = next_line();
    if (!more) return tl::unexpected<Error>(more.error());
    if (!*more) break;
    if (too_long_) {
      // It can be part of no record: the open one is bad, and so is this line.
      if (auto said = importer_.reject(line_number_, "the line is longer than 1 MiB"); !said) {
        return tl::unexpected<Error>(said.error());
      }
      break;
    }
    swallow();
    joined_ += '\n';
    joined_ += text_;
    if (!stays_open(text_, delimiter_)) {
      return split_.split(joined_, delimiter_) == CsvFields::State::whole
                 ? Kind::record
                 : bad("text behind a closing quote");
    }
    if (had_cr_) joined_ += '\r';
  }
  return bad("a quoted field does not end");
}

}  // namespace hygge::formats
