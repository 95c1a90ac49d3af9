// Runs of samples for the tests of Pack: random ones of every kind, and the golden chunks.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "codec/pack/pack.h"
#include "tests/codec/pack/kernel_sets.h"
#include "tests/support/source_dir.h"

namespace hygge::pack {

struct SampleRun {
  std::vector<TimeMs> t;
  std::vector<double> v;
};

inline double double_of_bits(std::uint64_t bits) { return std::bit_cast<double>(bits); }
inline std::uint64_t bits_of_double(double v) { return std::bit_cast<std::uint64_t>(v); }

class RunMaker {
 public:
  explicit RunMaker(std::uint64_t seed) : random_(seed) {}
  std::uint64_t next() { return random_(); }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  SampleRun run(std::size_t n) { return {times(n), values(n)}; }
  SampleRun run() { return run(below(50) == 0 ? 1'024 : 1 + below(300)); }

  std::vector<TimeMs> times(std::size_t n) {
    std::vector<TimeMs> out;
    const std::uint64_t kind = below(8);
    std::uint64_t now = kind == 7       ? next()
                        : below(4) != 0 ? 1'767'225'600'000U
                                        : std::uint64_t{0} - 86'400'000U;
    while (out.size() < n) {
      if (kind <= 2) now += 15'000;
      if (kind == 3 || kind == 4) now += 15'000 + (below(20) != 0 ? 0 : below(100) - 50);
      if (kind == 5) now += below(1'000'000) - 500'000;
      if (kind == 6) now += std::uint64_t{1} << below(62);
      if (kind == 7) now = next();
      out.push_back(static_cast<TimeMs>(now));
    }
    return out;
  }

  std::vector<double> values(std::size_t n) {
    static constexpr double kScales[] = {1, 10, 100, 1'000, 3, 7, 60, 300, 256, 1e6, 1e12};
    kind_ = below(13);
    scale_ = kScales[below(std::size(kScales))];
    unit_ = std::ldexp(1.0, static_cast<int>(below(200)) - 100);
    current_ = static_cast<double>(below(1'000'000));
    std::vector<double> out;
    while (out.size() < n) out.push_back(value());
    return out;
  }

 private:
  double small(std::uint64_t limit) { return static_cast<double>(below(limit)); }
  double value() {
    static const double kSpecial[] = {0.0,
                                      -0.0,
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::denorm_min(),
                                      std::numeric_limits<double>::max(),
                                      -1,
                                      9'007'199'254'740'993.0,
                                      1e22,
                                      0.1,
                                      double_of_bits(0x7ff0'0000'0000'0002)};
    switch (kind_) {
      case 0:
        return current_;
      case 1:
        return current_ += small(100);
      case 2:
        return (current_ += small(200) - 100) / scale_;
      case 3:
        return double_of_bits(next());
      case 4:
        return unit_ * (1 + small(1'000) / 7);
      case 5:
        return below(10) != 0 ? current_ : current_ += 1.5;
      case 6:
        return below(30) != 0 ? small(100) / scale_
                              : double_of_bits(0x7ff8'0000'0000'0000U | below(1'000));
      case 7:
        return double_of_bits(bits_of_double(small(10'000) / scale_) + below(9) - 4);
      case 8:
        return kSpecial[below(std::size(kSpecial))];
      case 9:
        return static_cast<double>(static_cast<std::int64_t>(next())) / (1 + small(1'000));
      case 10:  // around the limit of 9.0e15, both signs
        return small(std::uint64_t{2} << below(54)) * (below(2) != 0 ? 1 : -1);
      case 11:  // a last bit off here and there
        return double_of_bits(bits_of_double((100 + small(5'000)) / 60) + below(3) - 1) +
               (below(60) == 0 ? 0.123456789012 : 0);
      default:
        return small(1'000) * 4'096;
    }
  }

  std::mt19937_64 random_;
  std::uint64_t kind_ = 0;
  double scale_ = 1;
  double unit_ = 1;
  double current_ = 0;
};

inline std::string encode(const SampleRun& run, const Kernels& with = kernels()) {
  std::string out;
  Encoder(with).append(run.t, run.v, out);
  return out;
}

// From a heap buffer of exactly the payload's size: a read outside it is found by the sanitizer.
inline Error decode_exact(std::string_view payload, SampleRun& out, const Kernels& with) {
  const auto exact = std::make_unique<std::uint8_t[]>(payload.size());
  std::copy(payload.begin(), payload.end(), exact.get());
  return decode({exact.get(), payload.size()}, out.t, out.v, with);
}

// Compares as bits: NaNs keep their payloads.
inline bool same(const SampleRun& a, const SampleRun& b) {
  return a.t == b.t &&
         std::equal(a.v.begin(), a.v.end(), b.v.begin(), b.v.end(),
                    [](double x, double y) { return bits_of_double(x) == bits_of_double(y); });
}

// Every set of kernels writes the same bytes, and each reads them.
inline void expect_round_trip(const SampleRun& run) {
  const std::string payload = encode(run, kPortableKernels);
  ASSERT_FALSE(payload.empty());
  EXPECT_EQ(count(as_bytes(payload)), run.t.size());
  const auto first = first_value(as_bytes(payload));
  ASSERT_TRUE(first);
  EXPECT_EQ(bits_of_double(*first), bits_of_double(run.v[0]));
  for (const Kernels* set : kernel_sets()) {
    SCOPED_TRACE(set->name);
    ASSERT_EQ(encode(run, *set), payload);
    SampleRun out;
    ASSERT_EQ(decode_exact(payload, out, *set), Error::none);
    ASSERT_TRUE(same(out, run));
  }
}

inline std::string from_hex(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return out;
}

struct Golden {
  std::string name;
  SampleRun run;
  std::string payload;
};

inline std::vector<Golden> golden() {
  std::ifstream in(test::in_source("tests/golden/chunks.json"));
  std::vector<Golden> out;
  for (const auto& chunk : nlohmann::json::parse(in)) {
    Golden one{chunk.at("name"), {}, from_hex(chunk.at("pack"))};
    for (const std::string t : chunk.at("timestamps")) one.run.t.push_back(std::stoll(t));
    for (const std::string v : chunk.at("values")) {
      one.run.v.push_back(double_of_bits(std::stoull(v, nullptr, 16)));
    }
    out.push_back(std::move(one));
  }
  return out;
}

// How many rounds a randomised test makes: `usual`, or what the environment says.
inline int rounds(const char* variable, int usual) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::atoi(text) : usual;
}

}  // namespace hygge::pack
