// The values of a definition file: plain YAML nodes to numbers, words, durations and selectors,
// with an error at the node's place for what is none.
#pragma once

#include <hygge/slo_file.h>
#include <yaml-cpp/yaml.h>

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hygge::formats {

class SloFields {
 public:
  static constexpr std::size_t kMaxErrors = 20;

  SloFields(SloFile& out, const std::string& file) : out_(out), file_(file) {}

  /// Whether nothing has been wrong so far.
  [[nodiscard]] bool ok() const noexcept { return !failed_; }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  /// 1 for the first; 0: unknown.
  [[nodiscard]] static std::uint32_t line_of(const YAML::Node& node);

  void error(const YAML::Node& at, std::string_view code, std::string message);
  void unsupported(const YAML::Node& at, std::string_view what);
  void unknown_key(const YAML::Node& at, const std::string& key,
                   std::span<const std::string_view> known);
  /// Each key of a map must be known, and stand once.
  void check_keys(const YAML::Node& map, std::span<const std::string_view> known);

  // Each gives the value, or an error with `code`; `key` stands in its message.
  std::optional<std::string> text(const YAML::Node& node, std::string_view code,
                                  std::string_view key);
  std::optional<DurationMs> duration(const YAML::Node& node, std::string_view code,
                                     std::string_view key);
  std::optional<Selector> selector(const YAML::Node& node, std::string_view key);
  std::optional<Selector> selector(const YAML::Node& node, std::string_view key,
                                   std::string_view text);
  /// 1 or more.
  std::optional<std::uint64_t> count(const YAML::Node& node, std::string_view code,
                                     std::string_view key);
  /// Between 0 and 1, both excluded.
  std::optional<double> share(const YAML::Node& node, std::string_view code, std::string_view key);
  std::optional<std::string_view> one_of(const YAML::Node& node, std::string_view code,
                                         std::string_view key,
                                         std::span<const std::string_view> words);
  std::optional<std::string> zone(const YAML::Node& node, std::string_view key);
  std::optional<TimeMs> time(const YAML::Node& node, std::string_view code, std::string_view key);

  /// Letters, digits, _ . and -, at most 128.
  [[nodiscard]] static bool is_name(std::string_view text);
  /// "99.9", "99.9%" or "99.9 %" as a fraction of 1; at most 10 decimals. No error message.
  [[nodiscard]] static std::optional<slo::Rational> percent(std::string_view text);

 private:
  SloFile& out_;
  const std::string& file_;
  bool failed_ = false;
};

}  // namespace hygge::formats
