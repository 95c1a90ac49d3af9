// Over real sockets.
#include <arpa/inet.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/server/support.h"

namespace hygge::server {
namespace {

using Clock = std::chrono::steady_clock;

class ServerThreads : public test::ServerTest {
 protected:
  Server start(Options options = {}) {
    options.port = 0;
    auto server = Server::start(db_, std::move(options));
    EXPECT_TRUE(server) << (server ? "" : server.error().message);
    return std::move(*server);
  }
};

TEST_F(ServerThreads, AnswersOverOneConnection) {
  Server server = start();
  httplib::Client client("127.0.0.1", server.port());
  client.set_keep_alive(true);
  EXPECT_EQ(server.url(), "http://127.0.0.1:" + std::to_string(server.port()));
  auto ready = client.Get("/-/ready");
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->status, 200);
  const std::string body =
      test::snappy_block(test::message_of({{{{"__name__", "m"}}, {{60'000, 42}}}}));
  const auto wrote = client.Post("/api/v1/write", {{"Content-Encoding", "snappy"}}, body,
                                 "application/x-protobuf");
  ASSERT_TRUE(wrote);
  EXPECT_EQ(wrote->status, 204);
  const auto asked = client.Post("/api/v1/query", "query=m%20%2B%201&time=60",
                                 "application/x-www-form-urlencoded");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->status, 200);
  EXPECT_EQ(asked->get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(asked->body, R"({"status":"success","data":{"resultType":"vector","result":[)"
                         R"({"metric":{},"value":[60,"43"]}]}})");
  const auto got = client.Get("/api/v1/query?query=m&time=61.5");
  ASSERT_TRUE(got);
  EXPECT_NE(got->body.find("[61.500,\"42\"]"), std::string::npos) << got->body;
  EXPECT_EQ(client.Get("/nothing")->status, 404);
  EXPECT_EQ(client.Get("/api/v1/write")->status, 405);
}

TEST_F(ServerThreads, RefusesABodyThatIsTooLarge) {
  Options options;
  options.limits.body_bytes = 1'000;
  Server server = start(options);
  httplib::Client client("127.0.0.1", server.port());
  const auto reply =
      client.Post("/api/v1/write", std::string(2'000, 'x'), "application/x-protobuf");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 413);
  EXPECT_EQ(client.Get("/-/ready")->status, 200);
}

TEST_F(ServerThreads, StopsAtOnceWhileConnectionsAreOpen) {
  Server server = start();
  httplib::Client idle("127.0.0.1", server.port());
  idle.set_keep_alive(true);
  ASSERT_TRUE(idle.Get("/-/ready"));
  const auto begun = Clock::now();
  server.stop();
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(2));
  server.stop();
  EXPECT_FALSE(httplib::Client("127.0.0.1", server.port()).Get("/-/ready"));
}

TEST_F(ServerThreads, TwoCannotListenOnOnePort) {
  Server first = start();
  Options options;
  options.port = first.port();
  const auto second = Server::start(db_, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::io);
  EXPECT_NE(second.error().message.find(std::to_string(first.port())), std::string::npos);
}

TEST_F(ServerThreads, ManyClientsAtOnce) {
  Server server = start();
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int n = 0; n < 8; ++n) {
    threads.emplace_back([&, n] {
      httplib::Client client("127.0.0.1", server.port());
      client.set_keep_alive(true);
      for (int i = 0; i < 20; ++i) {
        const std::string body = test::snappy_block(test::message_of(
            {{{{"__name__", "m"}, {"n", std::to_string(n)}}, {{i * 1'000, 1.0 * i}}}}));
        const auto wrote = client.Post("/api/v1/write", {{"Content-Encoding", "snappy"}}, body,
                                       "application/x-protobuf");
        const auto read = client.Get("/api/v1/query?time=30&query=count(m)");
        if (wrote && wrote->status == 204 && read && read->status == 200) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 160);
}

// A raw connection.
int ask_raw(std::uint16_t port, const std::string& text) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(::send(socket, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return socket;
}

// Three megabytes, which go in chunks; an old client gets them whole.
TEST_F(ServerThreads, LongAnswersComeInChunks) {
  Batch batch;
  for (int series = 0; series < 30; ++series) {
    batch.add({{"__name__", "m"}, {"i", std::to_string(series)}}, 0, series / 3.0);
  }
  ASSERT_TRUE(db_.write(batch));
  Options options;
  options.query.lookback_ms = kDayMs;
  Server server = start(options);
  httplib::Client client("127.0.0.1", server.port());
  client.set_keep_alive(true);
  const std::string path = "/api/v1/query_range?query=m&start=0&end=4000&step=1";
  const auto got = client.Get(path);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(got->get_header_value_count("Content-Type"), 1U);
  EXPECT_EQ(got->get_header_value("Transfer-Encoding"), "chunked");
  const std::string expected =
      Api(db_, options)
          .answer(test::get("/api/v1/query_range",
                            {{"query", "m"}, {"start", "0"}, {"end", "4000"}, {"step", "1"}}))
          .body;
  ASSERT_GT(expected.size(), 2'000'000U);
  EXPECT_EQ(got->body, expected);
  const auto zipped = client.Get(path, {{"Accept-Encoding", "gzip"}});
  ASSERT_TRUE(zipped);
  EXPECT_EQ(zipped->get_header_value("Content-Encoding"), "gzip");
  EXPECT_EQ(zipped->body, expected);
  // The connection goes on.
  EXPECT_EQ(client.Get("/-/ready")->status, 200);
  const int socket = ask_raw(server.port(), "GET " + path + " HTTP/1.0\r\nHost: x\r\n\r\n");
  std::string whole;
  char buffer[4096];
  for (ssize_t bytes = 0; (bytes = ::recv(socket, buffer, sizeof(buffer), 0)) > 0;) {
    whole.append(buffer, static_cast<std::size_t>(bytes));
  }
  ::close(socket);
  EXPECT_NE(whole.find("Content-Length: " + std::to_string(expected.size())), std::string::npos);
  EXPECT_TRUE(whole.ends_with(expected));
}

// One place for queries: a second query gets it only once the first, which would take minutes, has
// been given up because its client hung up.
TEST_F(ServerThreads, AClientThatHangsUpCancelsItsQuery) {
  Batch batch;
  for (int series = 0; series < 200; ++series) {
    for (int i = 0; i < 20; ++i) {
      batch.add({{"__name__", "m"}, {"i", std::to_string(series)}}, i * 1'000, i);
    }
  }
  ASSERT_TRUE(db_.write(batch));
  Options options;
  options.limits.queries = 1;
  Server server = start(options);
  const std::string slow =
      "GET /api/v1/query_range?start=0&end=10000&step=1&query="
      "max(mad_over_time(m%5B3h%5D)%5E2%2B(mad_over_time(m%5B3h%5D))) HTTP/1.1\r\nHost: x\r\n\r\n";
  const int socket = ask_raw(server.port(), slow);
  std::this_thread::yield();
  ::close(socket);
  httplib::Client client("127.0.0.1", server.port());
  client.set_read_timeout(100);
  const auto reply = client.Get("/api/v1/query?query=1&time=0");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
}

TEST_F(ServerThreads, GarbageDoesNotHurt) {
  Server server = start();
  for (const char* text : {"\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                           "POST /api/v1/write HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n",
                           "GET /api/v1/query?query=%00%ff HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    ::close(ask_raw(server.port(), text));
  }
  httplib::Client client("127.0.0.1", server.port());
  EXPECT_EQ(client.Get("/-/ready")->status, 200);
}

}  // namespace
}  // namespace hygge::server
