#include <malloc.h>
#include <zlib.h>

#include "server/form.h"
#include "server/json.h"
#include "tests/server/support.h"

namespace hygge::server {
namespace {

using test::get;
using test::Pairs;
using test::post;

class ApiTest : public test::ServerTest {
 protected:
  ApiTest() : api_(db_, options()) {
    Batch batch;
    for (const char* job : {"a", "b"}) {
      for (int i = 0; i < 10; ++i) {
        batch.add({{"__name__", "m"}, {"job", job}}, i * 60'000, i + (job[0] == 'b' ? 0.5 : 0));
      }
    }
    EXPECT_TRUE(db_.write(batch));
  }
  static Options options() {
    Options result;
    result.clock = [] { return TimeMs{540'000}; };
    return result;
  }
  std::string body(const Request& request) { return api_.answer(request).body; }

  Api api_;
};

TEST_F(ApiTest, AnswersAnInstantQueryAsPrometheusDoes) {
  EXPECT_EQ(body(get("/api/v1/query", {{"query", "m"}, {"time", "121.5"}})),
            R"({"status":"success","data":{"resultType":"vector","result":[)"
            R"({"metric":{"__name__":"m","job":"a"},"value":[121.500,"2"]},)"
            R"({"metric":{"__name__":"m","job":"b"},"value":[121.500,"2.5"]}]}})");
  EXPECT_EQ(body(get("/api/v1/query", {{"query", "1/0"}, {"time", "-1.25"}})),
            R"({"status":"success","data":{"resultType":"scalar","result":[-1.250,"+Inf"]}})");
  EXPECT_EQ(body(get("/api/v1/query", {{"query", "\"a\\\"b\""}, {"time", "0"}})),
            R"({"status":"success","data":{"resultType":"string","result":[0,"a\"b"]}})");
  EXPECT_EQ(body(get("/api/v1/query", {{"query", "m{job=\"a\"}[2m]"}, {"time", "120"}})),
            R"({"status":"success","data":{"resultType":"matrix","result":[)"
            R"({"metric":{"__name__":"m","job":"a"},"values":[[60,"1"],[120,"2"]]}]}})");
}

TEST_F(ApiTest, ExactRefusesWhatExpiredSamplesLeaveWithinABound) {
  Batch later;
  later.add({{"__name__", "m"}, {"job", "a"}}, 5 * kDayMs, 1);
  ASSERT_TRUE(db_.write(later));
  ASSERT_TRUE(db_.set_retention(parse_retention("m raw=1d").value()));
  ASSERT_TRUE(db_.apply_retention());
  const auto ask = [&](const char* time, const char* exact) {
    return api_.answer(
        get("/api/v1/query",
            {{"query", "count_over_time(m{job=\"a\"}[5m])"}, {"time", time}, {"exact", exact}}));
  };
  EXPECT_EQ(ask("300", "true").status, 200);
  EXPECT_NE(ask("300", "true").body.find("[300,\"5\"]"), std::string::npos);
  EXPECT_NE(ask("410", "false").body.find("have expired"), std::string::npos);
  const Reply refused = ask("410", "true");
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.body.find("multiples of 5m"), std::string::npos) << refused.body;
}

TEST_F(ApiTest, TakesTheClockWhereNoTimeIsGiven) {
  EXPECT_EQ(body(get("/api/v1/query", {{"query", "time()"}})),
            R"({"status":"success","data":{"resultType":"scalar","result":[540,"540"]}})");
}

TEST_F(ApiTest, AnswersARangeQueryFromQueryStringAndForm) {
  const std::string expected = R"({"status":"success","data":{"resultType":"matrix","result":[)"
                               R"({"metric":{},"values":[[60,"2.5"],[120,"4.5"],[180,"6.5"]]}]}})";
  const Pairs parameters{
      {"query", "sum(m)"}, {"start", "1970-01-01T00:01:00Z"}, {"end", "180"}, {"step", "1m"}};
  EXPECT_EQ(body(get("/api/v1/query_range", parameters)), expected);
  EXPECT_EQ(body(post("/api/v1/query_range", parameters)), expected);
}

TEST_F(ApiTest, CutsSeriesAtTheLimitAndSaysSo) {
  EXPECT_EQ(body(get("/api/v1/query", {{"query", "m"}, {"time", "0"}, {"limit", "1"}})),
            R"({"status":"success","data":{"resultType":"vector","result":[)"
            R"({"metric":{"__name__":"m","job":"a"},"value":[0,"0"]}]},)"
            R"("warnings":["results truncated due to limit"]})");
}

TEST_F(ApiTest, LooksBackAsFarAsItIsTold) {
  const auto series = [&](const char* lookback) {
    const auto reply = nlohmann::json::parse(body(
        get("/api/v1/query", {{"query", "m"}, {"time", "700"}, {"lookback_delta", lookback}})));
    return reply["data"]["result"].size();
  };
  EXPECT_EQ(series(""), 2U);
  EXPECT_EQ(series("161"), 2U);
  EXPECT_EQ(series("2m"), 0U);
}

TEST_F(ApiTest, TellsStatisticsWhenAsked) {
  const auto reply = nlohmann::json::parse(
      body(get("/api/v1/query", {{"query", "sum(m[5m:])"}, {"time", "300"}, {"stats", "all"}})));
  EXPECT_EQ(reply["status"], "error");  // a matrix cannot be summed
  const auto good = nlohmann::json::parse(body(get(
      "/api/v1/query", {{"query", "sum_over_time(m[5m])"}, {"time", "300"}, {"stats", "true"}})));
  EXPECT_EQ(good["data"]["stats"]["samples"]["totalQueryableSamples"], 10);
  EXPECT_EQ(good["data"]["stats"]["series"], 2);
  EXPECT_TRUE(good["data"]["stats"]["timings"]["evalTotalTime"].is_number());
}

TEST_F(ApiTest, TellsWhatEachPartDidWhenAskedForAll) {
  const auto ask = [&](const char* stats) {
    return nlohmann::json::parse(body(get("/api/v1/query", {{"query", "sum(sum_over_time(m[5m]))"},
                                                            {"time", "300"},
                                                            {"stats", stats}})))["data"]["stats"];
  };
  EXPECT_FALSE(ask("true").contains("nodes"));
  const auto all = ask("all");
  EXPECT_EQ(all["tiers"], nlohmann::json({"raw"}));
  EXPECT_EQ(all["cells"], 0);
  EXPECT_EQ(all["skipped"], 0);
  ASSERT_GE(all["nodes"].size(), 2U);
  const auto& whole = all["nodes"][0];
  EXPECT_EQ(whole["expr"], "sum(sum_over_time(m[5m]))");
  EXPECT_EQ(whole["depth"], 0);
  EXPECT_EQ(whole["series"], 1);
  EXPECT_EQ(whole["points"], 1);
  EXPECT_TRUE(whole["ms"].is_number());
  std::uint64_t samples = 0;
  for (const auto& node : all["nodes"]) samples += node["samples"].get<std::uint64_t>();
  EXPECT_EQ(samples, 10U);
}

TEST_F(ApiTest, ShowsItsOwnFigures) {
  body(get("/api/v1/query", {{"query", "m"}, {"time", "0"}}));
  body(get("/api/v1/query", {{"query", "m"}, {"time", "0"}}));
  body(get("/api/v1/query", {{"query", "m("}}));
  body(get("/nowhere"));
  const Reply reply = api_.answer(get("/metrics"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  for (const char* line :
       {"hygge_series 2\n", "hygge_http_replies_total{path=\"/api/v1/query\",code=\"200\"} 2\n",
        "hygge_http_replies_total{path=\"/api/v1/query\",code=\"400\"} 1\n",
        "hygge_query_seconds_count 2\n"}) {
    EXPECT_NE(reply.body.find(line), std::string::npos) << line << "in\n" << reply.body;
  }
  EXPECT_EQ(reply.body.find("nowhere"), std::string::npos) << "paths are no labels of strangers";
  EXPECT_EQ(reply.body.find("# EOF\n"), reply.body.size() - 6) << "once, at the end";
}

TEST_F(ApiTest, WarningsAndInfosTravelBesideTheData) {
  const auto reply = nlohmann::json::parse(
      body(get("/api/v1/query", {{"query", "quantile(2, rate(m[5m]))"}, {"time", "300"}})));
  EXPECT_EQ(reply["warnings"][0],
            "PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)");
  EXPECT_EQ(reply["infos"][0],
            "PromQL info: metric might not be a counter, name does not end in "
            "_total/_sum/_count/_bucket: \"m\" (1:18)");
}

TEST_F(ApiTest, RefusesWithPrometheusStatusAndType) {
  struct Case {
    const char* name;
    Request request;
    int status;
    const char* type;
    const char* error;
  };
  const auto range = [](const char* start, const char* end, const char* step) {
    return get("/api/v1/query_range",
               {{"query", "m"}, {"start", start}, {"end", end}, {"step", step}});
  };
  const auto instant = [](const char* name, const char* value) {
    return get("/api/v1/query", {{"query", "m"}, {name, value}});
  };
  Request bad_escape = get("/api/v1/query");
  bad_escape.query = "query=%zz";
  const Case cases[] = {
      {"no expression", get("/api/v1/query"), 400, "bad_data",
       "invalid parameter \"query\": 1:1: parse error: no expression found in input"},
      {"syntax", get("/api/v1/query", {{"query", "m +"}}), 400, "bad_data",
       "invalid parameter \"query\": 1:4: parse error: unexpected end of input"},
      {"escape", bad_escape, 400, "bad_data", "invalid URL escape \"%zz\""},
      {"time", instant("time", "soon"), 400, "bad_data",
       "invalid parameter \"time\": cannot parse \"soon\" to a valid timestamp"},
      {"timeout", instant("timeout", "1x"), 400, "bad_data",
       "invalid parameter \"timeout\": cannot parse \"1x\" to a valid duration"},
      {"lookback", instant("lookback_delta", "x"), 400, "bad_data",
       "error parsing lookback delta duration: cannot parse \"x\" to a valid duration"},
      {"exact", instant("exact", "perhaps"), 400, "bad_data",
       "invalid parameter \"exact\": true or false"},
      {"limit", instant("limit", "-1"), 400, "bad_data",
       "invalid parameter \"limit\": limit must be non-negative"},
      {"no start", range("", "1", "1"), 400, "bad_data",
       "invalid parameter \"start\": cannot parse \"\" to a valid timestamp"},
      {"order", range("2", "1", "1"), 400, "bad_data",
       "invalid parameter \"end\": end timestamp must not be before start time"},
      {"step 0", range("0", "1", "0"), 400, "bad_data",
       "invalid parameter \"step\": zero or negative query resolution step widths are not "
       "accepted. Try a positive integer"},
      {"steps", range("0", "11001", "1"), 400, "bad_data",
       "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
       "resolution (?step=XX)"},
      {"type",
       get("/api/v1/query_range",
           {{"query", "m[5m]"}, {"start", "0"}, {"end", "1"}, {"step", "1"}}),
       400, "bad_data",
       "invalid parameter \"query\": invalid expression type \"range vector\" for range query, "
       "must be Scalar or instant Vector"},
      {"execution", get("/api/v1/query", {{"query", "m * on() m"}, {"time", "60"}}), 422,
       "execution",
       "found duplicate series for the match group {} on the right hand-side of the operation: "
       "[{__name__=\"m\", job=\"a\"}, {__name__=\"m\", job=\"b\"}];many-to-many matching not "
       "allowed: matching labels must be "
       "unique on one side"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Reply reply = api_.answer(c.request);
    EXPECT_EQ(reply.status, c.status);
    EXPECT_EQ(reply.content_type, "application/json");
    const auto json = nlohmann::json::parse(reply.body);
    EXPECT_EQ(json["status"], "error");
    EXPECT_EQ(json["errorType"], c.type);
    EXPECT_EQ(json["error"], c.error);
  }
  // As many points as Prometheus lets pass.
  EXPECT_EQ(api_.answer(range("0", "11000", "1")).status, 200);
}

TEST_F(ApiTest, StopsAQueryThatIsCancelledOrLate) {
  std::stop_source stop;
  stop.request_stop();
  const Request request = get("/api/v1/query", {{"query", "m"}});
  const Reply cancelled = api_.answer(request, stop.get_token());
  EXPECT_EQ(cancelled.status, 499);
  EXPECT_EQ(nlohmann::json::parse(cancelled.body)["errorType"], "canceled");

  promql::QueryOptions late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  const auto answer = promql::query(db_, "m", instant(60'000), late);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::timeout);
  EXPECT_EQ(answer.error().message, "query timed out in expression evaluation");
}

TEST_F(ApiTest, RefusesAQueryOverItsBytesAndAnswersTheNext) {
  Options small = options();
  small.query.max_bytes = 4'000;
  const Api api(db_, small);
  const Reply refused =
      api.answer(get("/api/v1/query_range",
                     {{"query", "sort(m) + m"}, {"start", "0"}, {"end", "540"}, {"step", "0.1"}}));
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.body.find("4000 bytes of memory"), std::string::npos) << refused.body;
  EXPECT_EQ(api.answer(get("/api/v1/query", {{"query", "m"}})).status, 200);
}

TEST_F(ApiTest, OtherPathsAndMethodsAreNotFoundAndNotAllowed) {
  EXPECT_EQ(api_.answer(get("/api/v1/nothing")).status, 404);
  EXPECT_EQ(api_.answer(get("/")).status, 404);
  const Reply reply = api_.answer(get("/api/v1/write"));
  EXPECT_EQ(reply.status, 405);
  ASSERT_EQ(reply.headers.size(), 1U);
  EXPECT_EQ(reply.headers[0], (std::pair<std::string, std::string>("Allow", "POST")));
  EXPECT_EQ(api_.answer(get("/-/ready")).body, "hygge is ready.\n");
  EXPECT_EQ(api_.answer(get("/-/healthy")).body, "hygge is healthy.\n");
}

std::string gunzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(8'000'000, '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST_F(ApiTest, CompressesWhereItIsAccepted) {
  Request request =
      get("/api/v1/query_range", {{"query", "m"}, {"start", "0"}, {"end", "540"}, {"step", "5"}});
  const Reply plain = api_.answer(request);
  ASSERT_GT(plain.body.size(), 2'000U);
  for (const char* accepted : {"gzip", "br;q=1.0, gzip;q=0.5", "deflate, gzip"}) {
    request.headers = {{"accept-encoding", accepted}};
    const Reply small = api_.answer(request);
    EXPECT_LT(small.body.size(), plain.body.size() / 2);
    EXPECT_EQ(gunzip(small.body), plain.body);
  }
  for (const char* accepted : {"br", "gzip;q=0", "identity", "xgzip"}) {
    request.headers = {{"accept-encoding", accepted}};
    EXPECT_EQ(api_.answer(request).body, plain.body) << accepted;
  }
}

// 40 series of 4,000 steps: four megabytes of text.
class LongAnswer : public test::ServerTest {
 protected:
  LongAnswer() {
    Batch batch;
    for (int series = 0; series < 40; ++series) {
      for (int i = 0; i < 40; ++i) {
        batch.add({{"__name__", "m"}, {"i", std::to_string(series)}}, i * 100'000,
                  i / 7.0 + series);
      }
    }
    EXPECT_TRUE(db_.write(batch));
  }
  static Request question(const char* encoding) {
    Request request =
        get("/api/v1/query_range",
            {{"query", "m"}, {"start", "0"}, {"end", "3999"}, {"step", "1"}, {"stats", "1"}});
    request.headers = {{"accept-encoding", encoding}};
    return request;
  }
};

// Without what differs between two queries: their times.
std::string without_timings(const std::string& body) {
  const std::size_t from = body.find("\"timings\"");
  return body.substr(0, from) + body.substr(body.find('}', from));
}

TEST_F(LongAnswer, IsWrittenInPartsOfBoundedMemory) {
  const Api api(db_, {});
  const std::string expected = api.answer(question("identity")).body;
  ASSERT_GT(expected.size(), 3'000'000U);
  EXPECT_TRUE(nlohmann::json::accept(expected));
  for (const char* encoding : {"identity", "gzip"}) {
    SCOPED_TRACE(encoding);
    const Reply reply = api.answer_in_parts(question(encoding));
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.body.empty());
    ASSERT_TRUE(reply.write_body);
    // Of the whole process; what is collected here is room made before.
    std::string got;
    got.reserve(2 * expected.size());
    const std::size_t before = mallinfo2().uordblks;
    std::size_t parts = 0;
    EXPECT_TRUE(reply.write_body([&](std::string_view part) {
      EXPECT_FALSE(part.empty());
      EXPECT_LE(part.size(), 80U << 10U);
      EXPECT_LE(mallinfo2().uordblks, before + (1024U << 10U));
      got += part;
      ++parts;
      return true;
    }));
    EXPECT_GT(parts, 10U);
    // The samples have left: 160,000 of 16 bytes. (Sanitizers count nothing.)
    EXPECT_LE(mallinfo2().uordblks + (before == 0 ? 0 : 1'000'000), before);
    if (std::string_view(encoding) == "gzip") got = gunzip(got);
    EXPECT_EQ(without_timings(got), without_timings(expected));
  }
}

TEST_F(LongAnswer, EndsWhenNobodyTakesIt) {
  const Api api(db_, {});
  for (const char* encoding : {"identity", "gzip"}) {
    SCOPED_TRACE(encoding);
    for (int taken : {0, 1, 5}) {
      const Reply reply = api.answer_in_parts(question(encoding));
      ASSERT_TRUE(reply.write_body);
      int parts = 0;
      EXPECT_FALSE(reply.write_body([&](std::string_view) { return parts++ < taken; }));
      EXPECT_EQ(parts, taken + 1);
    }
  }
}

TEST(ApiJson, NumbersAreGosShortest) {
  const std::pair<double, const char*> cases[] = {
      {0, "0"},
      {-0.0, "-0"},
      {0.1, "0.1"},
      {1e20, "100000000000000000000"},
      {123456789012345670000.0, "123456789012345670000"},
      {1e21, "1e+21"},
      {1e-6, "0.000001"},
      {9.99e-7, "9.99e-07"},
      {1.5e300, "1.5e+300"},
      {-1e-300, "-1e-300"},
  };
  for (const auto& [value, expected] : cases) {
    std::string out;
    append_value(out, value);
    EXPECT_EQ(out, expected);
  }
}

TEST(ApiJson, TextIsEscapedAndAlwaysUtf8) {
  std::string out;
  append_text(out, std::string("a\"\\\n\t\x01\xff\xc3\xa9\xe2\x82", 11));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\t\\u0001\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(ApiTime, SecondsAndRfc3339) {
  struct Case {
    const char* text;
    std::optional<TimeMs> ms;
  };
  const Case cases[] = {
      {"0", 0},
      {"1.0004", 1'000},
      {"1.0005", 1'001},
      {"-1.5", -1'500},
      {"+2", 2'000},
      {"1e3", 1'000'000},
      {"1970-01-01T00:00:01Z", 1'000},
      {"1970-01-01T00:00:00.123456Z", 123},
      {"1970-01-01T01:00:00+01:00", 0},
      {"1969-12-31T23:59:59.5Z", -500},
      {"2024-02-29T00:00:00Z", 1'709'164'800'000},
      {"2023-02-29T00:00:00Z", std::nullopt},
      {"1970-01-01T24:00:00Z", std::nullopt},
      {"1970-01-01T00:00:00", std::nullopt},
      {"1970-01-01 00:00:00Z", std::nullopt},
      {"1970-01-01T00:00:00.Z", std::nullopt},
      {"", std::nullopt},
      {"NaN", std::nullopt},
      {"Inf", std::nullopt},
      {"1e300", std::nullopt},
      {"1 ", std::nullopt},
      {"0x10", std::nullopt},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto time = parse_api_time(c.text);
    EXPECT_EQ(time.has_value(), c.ms.has_value());
    if (time && c.ms) {
      EXPECT_EQ(*time, *c.ms);
    }
  }
}

TEST(ApiDuration, SecondsAndUnits) {
  EXPECT_EQ(parse_api_duration("1.5").value_or(-1), 1'500);
  EXPECT_EQ(parse_api_duration("1h30m").value_or(-1), 5'400'000);
  EXPECT_EQ(parse_api_duration("-2").value_or(-1), -2'000);
  EXPECT_FALSE(parse_api_duration("1e20"));
  EXPECT_FALSE(
      parse_api_duration("5"
                         "minutes"));
}

TEST(ApiForm, DecodesPairs) {
  Form form;
  ASSERT_TRUE(form.add("a=1&&b=x%20y+z&c&a=2&empty="));
  ASSERT_TRUE(form.add("empty=full&d=%E2%82%AC"));
  EXPECT_EQ(form.get("a"), "1");
  EXPECT_EQ(form.get("b"), "x y z");
  EXPECT_EQ(form.get("c"), "");
  EXPECT_EQ(form.get("empty"), "full");
  EXPECT_EQ(form.get("d"), "\xE2\x82\xAC");
  for (const char* bad : {"a=%", "a=%2", "%g0=1", "a=1&b=%zz"}) EXPECT_FALSE(form.add(bad)) << bad;
  std::string many;
  for (int i = 0; i < 2'000; ++i) many += "&x=1";
  EXPECT_FALSE(Form().add(many));
}

}  // namespace
}  // namespace hygge::server
