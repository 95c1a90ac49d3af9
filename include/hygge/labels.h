// Label sets: what a series is named by.
#pragma once

#include <hygge/error.h>

#include <algorithm>
#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hygge {

/// The label that holds the metric's name.
inline constexpr std::string_view kNameLabel = "__name__";

/// One name and value, both UTF-8. An empty value means that there is no such label.
struct Label {
  std::string name;
  std::string value;
  friend auto operator<=>(const Label&, const Label&) = default;
};

/// A set of labels, sorted by name (bytes), each name once, no empty value. A value type; copies
/// share their labels until one is set, so that a copy costs a count. Thread-safety: as a string.
class Labels {
 public:
  Labels() = default;

  /// Sorts; drops labels with an empty value. Errors: invalid_argument (a name twice, an empty
  /// name, or bytes that are not UTF-8; names the label).
  [[nodiscard]] static Result<Labels> from(std::vector<Label> labels);

  /// The value, or "" when there is no such label. O(log n).
  [[nodiscard]] std::string_view get(std::string_view name) const noexcept;
  /// The metric's name, or "".
  [[nodiscard]] std::string_view metric() const noexcept { return get(kNameLabel); }

  /// Sets or, with an empty value, removes a label. The caller vouches for UTF-8 and a name.
  /// O(n): labels that others may share are copied.
  void set(std::string_view name, std::string_view value);

  [[nodiscard]] std::size_t size() const noexcept { return span().size(); }
  [[nodiscard]] bool empty() const noexcept { return !labels_; }
  [[nodiscard]] auto begin() const noexcept { return span().begin(); }
  [[nodiscard]] auto end() const noexcept { return span().end(); }
  [[nodiscard]] std::span<const Label> span() const noexcept {
    return labels_ ? std::span<const Label>(*labels_) : std::span<const Label>();
  }

  friend bool operator==(const Labels& a, const Labels& b) noexcept {
    return a.labels_ == b.labels_ || std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b) noexcept {
    return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  explicit Labels(std::vector<Label> sorted);

  std::shared_ptr<const std::vector<Label>> labels_;  ///< none: there are no labels
};

/// `http_requests_total{code="200",job="shop"}`: PromQL's form, which selector() reads back. A
/// metric or label name that is no identifier is quoted: `{"http.requests","a.b"="c"}`.
[[nodiscard]] std::string to_string(const Labels& labels);

/// A series of one database, given out by Db::series, valid until that Db closes.
struct SeriesId {
  std::uint32_t value = 0;
  friend auto operator<=>(const SeriesId&, const SeriesId&) = default;
};

}  // namespace hygge
