// Incidents from CSV: what the alerts of a back-test should have told of.
#include <fmt/format.h>
#include <hygge/slo_file.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "formats/csv_record.h"
#include "formats/slo_document.h"
#include "formats/slo_time.h"
#include "model/quote.h"

namespace hygge::formats {

namespace {

constexpr std::array<std::string_view, 3> kColumns{"id", "start", "end"};
constexpr std::size_t kNone = ~std::size_t{0};

// ISO 8601 with an offset, or epoch ms.
std::optional<TimeMs> time_of(std::string_view text) {
  TimeMs ms = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error == std::errc{} && at == text.data() + text.size()) {
    return ms >= kMinTimeMs && ms <= kMaxTimeMs ? std::optional(ms) : std::nullopt;
  }
  return parse_iso_time(text);
}

class IncidentReader {
 public:
  explicit IncidentReader(const std::string& name) : name_(name) {}

  Result<void> line(std::string_view text) {
    ++number_;
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (number_ == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (text.empty() || text.starts_with('#')) return {};
    CsvFields fields;
    if (fields.split(text, ',') != CsvFields::State::whole) return wrong("a quote out of place");
    return places_[0] == kNone ? header(fields.fields()) : row(fields.fields());
  }

  std::vector<slo::Incident> incidents;

 private:
  Result<void> wrong(std::string message) const {
    Error error{ErrorCode::parse,
                fmt::format("{}:{}: {}", name_, number_, message),
                "a line `id,start,end`, then one for each incident: times in ISO 8601 with an "
                "offset, or epoch ms",
                {}};
    error.place.line = number_;
    return tl::unexpected<Error>(std::move(error));
  }

  Result<void> header(const std::vector<std::string_view>& names) {
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const auto at = std::find(names.begin(), names.end(), kColumns[i]);
      if (at == names.end()) return wrong(fmt::format("no column \"{}\"", kColumns[i]));
      places_[i] = static_cast<std::size_t>(at - names.begin());
    }
    return {};
  }

  Result<void> row(const std::vector<std::string_view>& fields) {
    if (fields.size() <= *std::max_element(places_.begin(), places_.end())) {
      return wrong(fmt::format("{} fields, fewer than in the first line", fields.size()));
    }
    const std::string_view id = fields[places_[0]];
    if (id.empty()) return wrong("an incident needs an id");
    const auto start = time_of(fields[places_[1]]);
    const auto end = time_of(fields[places_[2]]);
    if (!start || !end) {
      return wrong(fmt::format("{} is no time", quoted(fields[places_[start ? 2 : 1]])));
    }
    if (*end <= *start) return wrong(fmt::format("{} ends before it starts", quoted(id)));
    const bool twice = std::any_of(incidents.begin(), incidents.end(),
                                   [&](const slo::Incident& one) { return one.id == id; });
    if (twice) return wrong(fmt::format("{} stands here twice", quoted(id)));
    incidents.push_back({std::string(id), {*start, *end}});
    return {};
  }

  const std::string& name_;
  std::uint32_t number_ = 0;
  std::array<std::size_t, 3> places_{kNone, kNone, kNone};
};

}  // namespace

Result<std::vector<slo::Incident>> parse_incidents(std::string_view csv, const std::string& name) {
  if (csv.size() > kMaxTextFileBytes) {
    return fail(ErrorCode::limit, fmt::format("{} is larger than 1 MiB", name));
  }
  IncidentReader reader(name);
  while (!csv.empty()) {
    const std::size_t end = std::min(csv.find('\n'), csv.size());
    if (auto read = reader.line(csv.substr(0, end)); !read) {
      return tl::unexpected<Error>(read.error());
    }
    csv.remove_prefix(std::min(end + 1, csv.size()));
  }
  std::stable_sort(
      reader.incidents.begin(), reader.incidents.end(),
      [](const slo::Incident& a, const slo::Incident& b) { return a.range.after < b.range.after; });
  return std::move(reader.incidents);
}

Result<std::vector<slo::Incident>> load_incidents(const std::string& path) {
  const auto text = read_text_file(path);
  if (!text) return tl::unexpected<Error>(text.error());
  return parse_incidents(*text, path);
}

}  // namespace hygge::formats
