// The JSON Schema for editors: that of docs/, and in step with the reader.
#include <gtest/gtest.h>
#include <hygge/slo_file.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "formats/slo_keys.h"
#include "tests/support/source_dir.h"

namespace hygge::formats {
namespace {

using nlohmann::json;

TEST(SloSchema, IsTheOneOfTheDocumentation) {
  std::ifstream in(test::in_source("docs/slo.schema.json"));
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), slo_schema()) << "write it anew: hygge slo schema -o docs/slo.schema.json";
}

bool has_error(const std::string& yaml, const char* code, const std::string& what) {
  for (const SloFileError& error : parse_slos(yaml, "f").errors) {
    if (error.code == code && error.message.find(what) != std::string::npos) return true;
  }
  return false;
}

TEST(SloSchema, HasTheKeysThatTheReaderTakes) {
  const json schema = json::parse(slo_schema());
  const std::string base = "slo: s\ntarget: 99\n";
  const auto in_map = [&](const char* map) {
    return map == std::string("calendar")    ? base + "bad: b\ntotal: t\nwindow: {calendar: month, "
           : map == std::string("alert")     ? base + "bad: b\ntotal: t\nalerts: [{long: 1h, "
           : map == std::string("exclusion") ? base + "bad: b\ntotal: t\nexclude: [{"
                                             : base + "composite: weighted\nof: [{slo: x, ";
  };
  std::size_t keys = 0;
  const auto check = [&](const json& members, const std::string& before, const std::string& after) {
    for (const auto& [name, about] : members.at("properties").items()) {
      SCOPED_TRACE(name);
      ++keys;
      EXPECT_TRUE(about.at("description").is_string());
      const std::string unknown = "unknown key \"" + name + "\"";
      EXPECT_FALSE(has_error(before + name + ": x" + after, "E_KEY", unknown));
      EXPECT_TRUE(has_error(before + name + "x: x" + after, "E_KEY", "unknown key"));
    }
  };
  for (const char* map : {"calendar", "alert", "exclusion", "part"}) {
    SCOPED_TRACE(map);
    check(schema.at("definitions").at(map), in_map(map),
          map == std::string("calendar") ? "}\n" : "}]\n");
  }
  for (const auto& [name, about] : schema.at("properties").items()) {
    SCOPED_TRACE(name);
    ++keys;
    // `composite` and `of` make a document one of the other kind.
    EXPECT_FALSE(has_error(base + name + ": x\n", "E_KEY", "unknown key \"" + name + "\""));
  }
  EXPECT_EQ(keys, 26U + 3 + 8 + 6 + 2);
  EXPECT_FALSE(schema.at("additionalProperties").get<bool>());
}

TEST(SloSchema, HasTheWordsThatTheReaderTakes) {
  std::size_t words = 0;
  for (const SloKey& key : definition_keys()) {
    if (key.value != SloValue::word || key.only_composite) continue;
    const std::string name(key.name);
    SCOPED_TRACE(name);
    const std::string base = "slo: s\ntarget: 99\nmethod: timeslices(5m, 99)\nalerts: none\n" +
                             std::string(name == "kind" ? "" : "bad: b\ntotal: t\n");
    for (const std::string_view word : key.words) {
      SCOPED_TRACE(word);
      ++words;
      const std::string counts = name != "kind"    ? ""
                                 : word == "gauge" ? "ok: up == 1\n"
                                                   : "bad: b\ntotal: t\n";
      const SloFile file = parse_slos(base + counts + name + ": " + std::string(word), "f");
      EXPECT_TRUE(file.errors.empty()) << file.errors[0].text();
    }
    const std::string rest = name == "kind" ? "bad: b\ntotal: t\n" : "";
    const SloFile other = parse_slos(base + rest + name + ": other", "f");
    ASSERT_EQ(other.errors.size(), 1U);
    EXPECT_NE(other.errors[0].message.find(name), std::string::npos) << other.errors[0].text();
  }
  EXPECT_EQ(words, 4U + 3 + 2 + 2);
}

}  // namespace
}  // namespace hygge::formats
