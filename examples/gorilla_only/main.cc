// Compresses an hour of samples and reads them back.
#include <hygge/gorilla.h>

#include <cstdint>
#include <cstdio>
#include <vector>

int main() {
  std::vector<std::int64_t> t;
  std::vector<double> v;
  for (int i = 0; i < 240; ++i) {
    t.push_back(1'767'225'600'000 + i * 15'000);
    v.push_back(20.5 + i % 4 * 0.25);
  }
  const std::vector<std::uint8_t> payload = hygge::gorilla::encode(t, v);
  hygge::gorilla::Samples back;
  const hygge::gorilla::Error error = hygge::gorilla::decode(payload, back);
  if (error != hygge::gorilla::Error::none || back.t != t || back.v != v) {
    std::fprintf(stderr, "decode: %s\n", hygge::gorilla::to_string(error));
    return 1;
  }
  std::printf("%zu samples in %zu bytes: %.2f bytes per sample\n", t.size(), payload.size(),
              static_cast<double>(payload.size()) / static_cast<double>(t.size()));
  return 0;
}
