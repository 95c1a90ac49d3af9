// Writes JSON as it goes: no document is held.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace hygge::command {

/// Appends JSON to a string; commas are its business. Doubles in shortest round-trip form, NaN and
/// infinities as "NaN", "+Inf", "-Inf". Bytes that are not UTF-8 become U+FFFD.
class Json {
 public:
  Json& open(char bracket);  ///< '{' or '['
  Json& close(char bracket);
  Json& key(std::string_view name);
  Json& text(std::string_view value);
  Json& number(double value);
  /// Text that is JSON already.
  Json& raw(std::string_view json);
  Json& null();
  Json& boolean(bool value);
  template <typename Int, std::enable_if_t<std::is_integral_v<Int>, int> = 0>
  Json& number(Int value) {
    separate();
    out_ += std::to_string(value);
    return *this;
  }
  /// A member of an object.
  Json& member(std::string_view name, std::string_view value) { return key(name).text(value); }
  Json& member(std::string_view name, const char* value) { return key(name).text(value); }
  Json& member(std::string_view name, bool value) { return key(name).boolean(value); }
  template <typename Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  Json& member(std::string_view name, Number value) {
    return key(name).number(value);
  }

  [[nodiscard]] std::string& out() noexcept { return out_; }

 private:
  void separate();
  std::string out_;
  bool comma_ = false;
};

}  // namespace hygge::command
