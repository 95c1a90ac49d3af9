#include "storage/db/identity.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/checksum.h"

namespace hygge::storage {

namespace {

constexpr std::string_view kTitle = "hygge database\n";

// Takes "NAME value\n" off the front of `text`.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || end < name.size()) return std::nullopt;
  const std::string_view value = text.substr(name.size(), end - name.size());
  text.remove_prefix(end + 1);
  return value;
}

template <typename Number>
std::optional<Number> number(std::string_view digits, int base) {
  Number value{};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// Whether the last line is the checksum of those before it; empty where there is no such line.
std::optional<bool> stated_checksum(std::string_view text) {
  constexpr std::string_view kLine = "checksum ";
  const std::size_t at = text.rfind(kLine);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(at);
  const auto digits = take_line(line, kLine);
  const auto sum = digits ? number<std::uint32_t>(*digits, 16) : std::nullopt;
  return sum && *sum == checksum32(as_bytes(text.substr(0, at)));
}

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::corruption, fmt::format("{}: {}", kIdentityFile, what));
}

}  // namespace

std::string to_text(const Identity& identity) {
  std::string text(kTitle);
  text += fmt::format("format {}\nid ", identity.format);
  for (const std::uint8_t byte : identity.id) text += fmt::format("{:02x}", byte);
  text += fmt::format("\ncreated {}\ncreated_ms {}\n", format_time_utc(identity.created_ms),
                      identity.created_ms);
  if (identity.snapshot) text += "kind snapshot\n";
  text += fmt::format("checksum {:08x}\n", checksum32(as_bytes(text)));
  return text;
}

Result<Identity> parse_identity(std::string_view text) {
  const std::string_view whole = text;
  if (!text.starts_with(kTitle)) return damaged("its first line is not \"hygge database\"");
  text.remove_prefix(kTitle.size());
  Identity identity;
  const auto format = take_line(text, "format ");
  const auto version = format ? number<std::uint32_t>(*format, 10) : std::nullopt;
  if (!version || *version == 0) return damaged("no format version");
  // Before the rest, whose lines a newer format may have changed.
  if (*version > kFormatVersion) {
    // Unless it has a checksum of our kind that is wrong: then it is no number that anybody wrote.
    if (const auto sum = stated_checksum(whole); sum && !*sum) {
      return damaged("its checksum does not match");
    }
    return fail(ErrorCode::version,
                fmt::format("the database has format {}, this library reads up to {}", *version,
                            kFormatVersion),
                "use a newer hygge");
  }
  identity.format = *version;
  const auto id = take_line(text, "id ");
  if (!id || id->size() != 2 * identity.id.size()) return damaged("no database id");
  for (std::size_t i = 0; i < identity.id.size(); ++i) {
    const auto byte = number<std::uint8_t>(id->substr(2 * i, 2), 16);
    if (!byte) return damaged("no database id");
    identity.id[i] = *byte;
  }
  if (!take_line(text, "created ")) return damaged("no creation time");
  const auto created = take_line(text, "created_ms ");
  const auto created_ms = created ? number<TimeMs>(*created, 10) : std::nullopt;
  if (!created_ms) return damaged("no creation time");
  identity.created_ms = *created_ms;
  if (const auto kind = take_line(text, "kind ")) {
    if (*kind != "snapshot") return damaged("an unknown kind of database");
    identity.snapshot = true;
  }
  const std::string_view summed = whole.substr(0, whole.size() - text.size());
  const auto checksum = take_line(text, "checksum ");
  const auto sum = checksum ? number<std::uint32_t>(*checksum, 16) : std::nullopt;
  if (!sum || *sum != checksum32(as_bytes(summed)) || !text.empty()) {
    return damaged("its checksum does not match");
  }
  return identity;
}

}  // namespace hygge::storage
