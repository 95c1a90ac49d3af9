// A database to serve, and requests to it.
#pragma once

#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/server.h>
#include <snappy.h>

#include <nlohmann/json.hpp>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_dir.h"

namespace hygge::server::test {

inline std::string form_text(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return out;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline std::string form(const Pairs& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) {
    out += (out.empty() ? "" : "&") + name + "=" + form_text(value);
  }
  return out;
}

inline Request get(std::string path, const Pairs& parameters = {}) {
  Request request;
  request.method = "GET";
  request.path = std::move(path);
  request.query = form(parameters);
  return request;
}

inline Request post(std::string path, const Pairs& parameters) {
  Request request;
  request.method = "POST";
  request.path = std::move(path);
  request.headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = form(parameters);
  return request;
}

/// One TimeSeries message.
struct WireSeries {
  Pairs labels;
  std::vector<std::pair<std::int64_t, double>> samples;
  int histograms = 0;
};

inline std::string message_of(const std::vector<WireSeries>& all) {
  std::string out;
  protozero::pbf_writer request(out);
  for (const WireSeries& one : all) {
    protozero::pbf_writer series(request, 1);
    for (const auto& [name, value] : one.labels) {
      protozero::pbf_writer label(series, 1);
      label.add_string(1, name);
      label.add_string(2, value);
    }
    for (const auto& [t_ms, v] : one.samples) {
      protozero::pbf_writer sample(series, 2);
      sample.add_double(1, v);
      sample.add_int64(2, t_ms);
    }
    for (int i = 0; i < one.histograms; ++i) {
      protozero::pbf_writer histogram(series, 4);
      histogram.add_double(3, 1.5);
      histogram.add_int64(15, i);
    }
  }
  return out;
}

inline std::string snappy_block(const std::string& bytes) {
  std::string out;
  snappy::Compress(bytes.data(), bytes.size(), &out);
  return out;
}

inline Request write_of(std::string body) {
  Request request;
  request.method = "POST";
  request.path = "/api/v1/write";
  request.headers = {{"Content-Type", "application/x-protobuf"},
                     {"Content-Encoding", "snappy"},
                     {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  request.body = std::move(body);
  return request;
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() : db_(open(dir_.path())) {}

  static Db open(const std::string& dir) {
    hygge::Options options;
    options.create_if_missing = true;
    options.sync = Sync::none();
    auto db = Db::open(dir, options);
    EXPECT_TRUE(db) << (db ? "" : db.error().message);
    return std::move(*db);
  }

  hygge::test::TempDir dir_;
  Db db_;
};

}  // namespace hygge::server::test
