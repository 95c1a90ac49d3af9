#include "formats/slo_fields.h"

#include <cctz/time_zone.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/near.h"
#include "formats/slo_time.h"
#include "model/quote.h"

namespace hygge::formats {

using slo::Rational;

std::uint32_t SloFields::line_of(const YAML::Node& node) {
  const int line = node.Mark().line;
  return line < 0 ? 0U : static_cast<std::uint32_t>(line) + 1;
}

bool SloFields::is_name(std::string_view text) {
  constexpr std::size_t kMaxBytes = 128;
  return !text.empty() && text.size() <= kMaxBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
         });
}

void SloFields::error(const YAML::Node& at, std::string_view code, std::string message) {
  failed_ = true;
  if (out_.errors.size() >= kMaxErrors) return;
  const int column = at.Mark().column;
  out_.errors.push_back({file_, line_of(at),
                         column < 0 ? 0U : static_cast<std::uint32_t>(column) + 1,
                         std::string(code), std::move(message)});
}

void SloFields::unsupported(const YAML::Node& at, std::string_view what) {
  error(at, "E_UNSUPPORTED", fmt::format("{} is not supported yet", what));
}

void SloFields::unknown_key(const YAML::Node& at, const std::string& key,
                            std::span<const std::string_view> known) {
  const std::string_view near = nearest(key, known);
  error(at, "E_KEY",
        near.empty() ? fmt::format("unknown key \"{}\"", key)
                     : fmt::format("unknown key \"{}\" (did you mean \"{}\"?)", key, near));
}

void SloFields::check_keys(const YAML::Node& map, std::span<const std::string_view> known) {
  std::set<std::string> seen;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) {
      error(entry.first, "E_KEY", "a key must be a word");
      continue;
    }
    const std::string& key = entry.first.Scalar();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      unknown_key(entry.first, key, known);
    } else if (!seen.insert(key).second) {
      error(entry.first, "E_KEY", fmt::format("key \"{}\" twice", key));
    }
  }
}

std::optional<std::string> SloFields::text(const YAML::Node& node, std::string_view code,
                                           std::string_view key) {
  if (node.IsScalar()) return node.Scalar();
  error(node, code, fmt::format("{} must be a plain value", key));
  return std::nullopt;
}

std::optional<DurationMs> SloFields::duration(const YAML::Node& node, std::string_view code,
                                              std::string_view key) {
  const auto word = text(node, code, key);
  if (!word) return std::nullopt;
  const auto parsed = parse_duration(*word);
  if (!parsed) {
    error(node, code, fmt::format("{}: {}", key, parsed.error().message));
    return std::nullopt;
  }
  if (*parsed < 0) {
    error(node, code, fmt::format("{}: {} is negative", key, *word));
    return std::nullopt;
  }
  return *parsed;
}

std::optional<Selector> SloFields::selector(const YAML::Node& node, std::string_view key) {
  const auto word = text(node, "E_SELECTOR", key);
  return word ? selector(node, key, *word) : std::nullopt;
}

std::optional<Selector> SloFields::selector(const YAML::Node& node, std::string_view key,
                                            std::string_view text) {
  auto parsed = hygge::selector(text);
  if (parsed) return *parsed;
  const TextPlace& place = parsed.error().place;
  error(node, "E_SELECTOR",
        fmt::format("{}: {} (character {} of {})", key, parsed.error().message, place.begin + 1,
                    quoted(text)));
  return std::nullopt;
}

std::optional<std::string_view> SloFields::one_of(const YAML::Node& node, std::string_view code,
                                                  std::string_view key,
                                                  std::span<const std::string_view> words) {
  const auto word = text(node, code, key);
  if (!word) return std::nullopt;
  for (const std::string_view allowed : words) {
    if (allowed == *word) return allowed;
  }
  const std::string_view near = nearest(*word, words);
  error(node, code,
        fmt::format("{}: \"{}\" is not one of {}{}", key, *word, fmt::join(words, ", "),
                    near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
  return std::nullopt;
}

std::optional<std::uint64_t> SloFields::count(const YAML::Node& node, std::string_view code,
                                              std::string_view key) {
  const auto word = text(node, code, key);
  if (!word) return std::nullopt;
  std::uint64_t value = 0;
  const auto [at, failure] = std::from_chars(word->data(), word->data() + word->size(), value);
  if (failure == std::errc{} && at == word->data() + word->size() && value >= 1) return value;
  error(node, code, fmt::format("{}: {} is no whole number of 1 or more", key, quoted(*word)));
  return std::nullopt;
}
std::optional<double> SloFields::share(const YAML::Node& node, std::string_view code,
                                       std::string_view key) {
  const auto word = text(node, code, key);
  if (!word) return std::nullopt;
  const auto value = Rational::parse(*word);
  if (value && value->num > 0 && value->num < value->den) return value->value();
  error(node, code, fmt::format("{}: {} is not between 0 and 1", key, quoted(*word)));
  return std::nullopt;
}

std::optional<std::string> SloFields::zone(const YAML::Node& node, std::string_view key) {
  auto name = text(node, "E_TZ", key);
  if (!name) return std::nullopt;
  cctz::time_zone found;
  if (cctz::load_time_zone(*name, &found)) return name;
  error(node, "E_TZ",
        fmt::format("{}: unknown zone {}; write one such as Asia/Tokyo", key, quoted(*name)));
  return std::nullopt;
}

std::optional<TimeMs> SloFields::time(const YAML::Node& node, std::string_view code,
                                      std::string_view key) {
  const auto word = text(node, code, key);
  if (!word) return std::nullopt;
  const auto parsed = parse_iso_time(*word);
  if (!parsed) {
    error(node, code,
          fmt::format("{}: {} is no time with an offset, such as 2026-03-01T09:00:00Z", key,
                      quoted(*word)));
  }
  return parsed;
}

std::optional<Rational> SloFields::percent(std::string_view text) {
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
  }
  constexpr std::int64_t kMaxDenominator = 10'000'000'000;
  const auto value = Rational::parse(text);
  if (!value || value->den > kMaxDenominator) return std::nullopt;
  return *value * Rational{1, 100};
}

}  // namespace hygge::formats
