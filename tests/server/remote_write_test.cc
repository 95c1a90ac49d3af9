#include "server/remote_write.h"

#include <hygge/sample.h>

#include <random>

#include "tests/server/support.h"

namespace hygge::server {
namespace {

using test::get;
using test::message_of;
using test::snappy_block;
using test::WireSeries;
using test::write_of;

class RemoteWriteTest : public test::ServerTest {
 protected:
  RemoteWriteTest() : api_(db_, {}) {}

  std::size_t stored(const std::string& name) {
    const auto parsed = selector("{__name__=\"" + name + "\"}");
    EXPECT_TRUE(parsed);
    const auto view = db_.view({*parsed}, everything());
    EXPECT_TRUE(view);
    std::size_t count = 0;
    for (const Series& series : view->series(0)) count += series.samples()->t.size();
    return count;
  }

  Api api_;
};

TEST_F(RemoteWriteTest, StoresSamplesStalenessMarkersIncluded) {
  const std::string message = message_of({
      {{{"__name__", "up"}, {"job", "a"}}, {{-1'000, 1}, {0, 0.5}, {2'000, stale_marker()}}},
      {{{"job", "b"}, {"__name__", "up"}, {"empty", ""}}, {{5, 7}}},  // unsorted: mended
  });
  const Reply reply = api_.answer(write_of(snappy_block(message)));
  EXPECT_EQ(reply.status, 204) << reply.body;
  ASSERT_FALSE(reply.headers.empty());
  EXPECT_EQ(reply.headers[0].first, "X-Prometheus-Remote-Write-Samples-Written");
  EXPECT_EQ(reply.headers[0].second, "4");
  const auto view = db_.view({*selector("up")}, everything());
  ASSERT_TRUE(view);
  ASSERT_EQ(view->series(0).size(), 2U);
  const auto first = view->series(0)[0].samples();
  EXPECT_EQ(first->t, (std::vector<TimeMs>{-1'000, 0, 2'000}));
  EXPECT_TRUE(is_stale(first->v[2]));
  EXPECT_EQ(to_string(view->series(0)[1].labels()), "up{job=\"b\"}");
}

TEST_F(RemoteWriteTest, TheSameWriteTwiceChangesNothing) {
  const Request request =
      write_of(snappy_block(message_of({{{{"__name__", "m"}}, {{1, 1}, {2, 2}}}})));
  EXPECT_EQ(api_.answer(request).status, 204);
  EXPECT_EQ(api_.answer(request).status, 204);
  EXPECT_EQ(stored("m"), 2U);
}

TEST_F(RemoteWriteTest, OneBadSeriesRefusesItselfOnly) {
  WireSeries many{{{"__name__", "many"}}, {{1, 1}}};
  for (int i = 0; i < 100; ++i) many.labels.emplace_back("l" + std::to_string(i), "x");
  const std::string message = message_of({
      {{{"__name__", "good"}}, {{1, 1}}},
      {{{"__name__", "twice"}, {"a", "1"}, {"a", "2"}}, {{1, 1}}},
      {{{"__name__", "bytes"}, {"a", "\xff"}}, {{1, 1}}},
      many,
      {{}, {{1, 1}}},
      {{{"__name__", "late"}}, {{1, 1}, {kMaxTimeMs + 1, 2}}},
      {{{"__name__", "histogram"}}, {}, 3},
      {{{"__name__", "good"}, {"a", "1"}}, {{2, 2}}},
  });
  const Reply reply = api_.answer(write_of(snappy_block(message)));
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("partial write: 4 series refused; 1 samples refused;"),
            std::string::npos)
      << reply.body;
  EXPECT_NE(reply.body.find("3 histogram samples refused, native histograms are not supported yet; "
                            "3 samples stored"),
            std::string::npos)
      << reply.body;
  EXPECT_EQ(stored("good"), 2U);
  EXPECT_EQ(stored("late"), 1U);
  const auto names = db_.label_values("__name__");
  ASSERT_TRUE(names);
  EXPECT_EQ(*names, (std::vector<std::string>{"good", "late"}));
}

TEST_F(RemoteWriteTest, MetadataIsKept) {
  std::string message;
  {
    protozero::pbf_writer request(message);
    protozero::pbf_writer metadata(request, 3);
    metadata.add_enum(1, 1);
    metadata.add_string(2, "requests");
    metadata.add_string(4, "Requests.");
    metadata.add_string(5, "requests");
  }
  EXPECT_EQ(api_.answer(write_of(snappy_block(message))).status, 204);
  const auto all = db_.metadata();
  ASSERT_EQ(all.count("requests"), 1U);
  EXPECT_EQ(all.at("requests"), (Metadata{MetricType::counter, "requests", "Requests."}));
}

TEST_F(RemoteWriteTest, NothingOfATruncatedMessageIsStored) {
  const std::string message = message_of({
      {{{"__name__", "cut"}, {"job", "a"}}, {{1, 1}, {2, 2}}},
      {{{"__name__", "cut"}, {"job", "b"}}, {{3, 3}}, 1},
  });
  for (std::size_t bytes = 1; bytes < message.size(); ++bytes) {
    const Reply reply = api_.answer(write_of(snappy_block(message.substr(0, bytes))));
    if (reply.status == 204) continue;  // cut between two series: a message of its own
    EXPECT_EQ(reply.status, 400) << bytes;
  }
  EXPECT_EQ(stored("cut"), 2U);  // that of the one cut between the series
  const std::string block = snappy_block(message);
  for (std::size_t bytes = 0; bytes < block.size(); ++bytes) {
    EXPECT_EQ(api_.answer(write_of(block.substr(0, bytes))).status, 400) << bytes;
  }
}

TEST_F(RemoteWriteTest, RandomBytesAreRefusedOrHarmless) {
  std::mt19937_64 random(1);
  const std::string good = message_of({{{{"__name__", "r"}}, {{1, 1}, {2, 2}}, 1}});
  for (int round = 0; round < 3'000; ++round) {
    std::string message = good;
    for (int flips = 0; flips < 3; ++flips) {
      message[random() % message.size()] = static_cast<char>(random());
    }
    const int status = api_.answer(write_of(snappy_block(message))).status;
    EXPECT_TRUE(status == 204 || status == 400) << status;
  }
}

TEST_F(RemoteWriteTest, ABombIsRefusedBeforeItIsUnpacked) {
  // A block that declares 3 GiB, and one that declares much more than it can hold.
  const std::string huge("\x80\x80\x80\x80\x0c\x00", 6);
  EXPECT_EQ(api_.answer(write_of(huge)).status, 413);
  const std::string hollow("\x80\x80\x80\x10\x00", 5);
  EXPECT_EQ(api_.answer(write_of(hollow)).status, 400);
  Options options;
  options.limits.write_bytes = 100;
  const Api small(db_, options);
  EXPECT_EQ(small.answer(write_of(snappy_block(std::string(101, 'x')))).status, 413);
  options.limits.body_bytes = 10;
  EXPECT_EQ(Api(db_, options).answer(write_of(std::string(11, 'x'))).status, 413);
}

TEST_F(RemoteWriteTest, OtherFormsAreUnsupported) {
  const std::string body = snappy_block(message_of({{{{"__name__", "m"}}, {{1, 1}}}}));
  struct Case {
    const char* type;
    const char* encoding;
    int status;
  };
  const Case cases[] = {
      {"application/x-protobuf", "snappy", 204},
      {"", "", 204},
      {"application/x-protobuf;proto=prometheus.WriteRequest", "snappy", 204},
      {"application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", 415},
      {"application/json", "snappy", 415},
      {"application/x-protobuf", "gzip", 415},
      {"application/x-protobuf", "zstd", 415},
  };
  for (const Case& c : cases) {
    Request request = write_of(body);
    request.headers = {{"Content-Type", c.type}, {"Content-Encoding", c.encoding}};
    EXPECT_EQ(api_.answer(request).status, c.status) << c.type << " " << c.encoding;
  }
}

TEST(WalkWriteRequest, LabelsComeFirstWhereverTheyStand) {
  std::string message;
  {
    protozero::pbf_writer request(message);
    protozero::pbf_writer series(request, 1);
    {
      protozero::pbf_writer sample(series, 2);
      sample.add_int64(2, 9);
      sample.add_double(1, 3);
    }
    {
      protozero::pbf_writer label(series, 1);
      label.add_string(2, "m");
      label.add_string(1, "__name__");
    }
    series.add_string(99, "of a later version");
  }
  std::string seen;
  WriteVisitor visitor;
  visitor.series = [&](std::span<const LabelPair> labels, std::size_t count) {
    seen +=
        std::to_string(count) + std::string(labels[0].first) + "=" + std::string(labels[0].second);
    return true;
  };
  visitor.sample = [&](TimeMs t_ms, double v) {
    seen += " " + std::to_string(t_ms) + ":" + std::to_string(static_cast<int>(v));
  };
  ASSERT_TRUE(walk_write_request(message, visitor));
  EXPECT_EQ(seen, "1__name__=m 9:3");
}

}  // namespace
}  // namespace hygge::server
