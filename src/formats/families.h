// What an input declares about its metrics, and under which name each family goes to the sink.
//
// A family's key is its name without `_total` if it is a counter. Client libraries in Go expose
// both the gauge `go_memstats_alloc_bytes` and the counter `go_memstats_alloc_bytes_total`; the
// counter keeps its full name then, whichever comes first.
#pragma once

#include <hygge/formats.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/text_hash.h"

namespace hygge::formats {

struct Family {
  std::string name;                ///< as declared
  std::optional<MetricType> type;  ///< as declared
  Metadata metadata;
  bool has_help = false;
  bool has_unit = false;
  bool waits = false;           ///< something new has yet to go to the sink
  std::uint64_t closed_in = 0;  ///< the input in which another family has followed it
};

class Families {
 public:
  [[nodiscard]] Family* find(std::string_view name);
  /// The family of that name, new if there is none. Stays where it is.
  [[nodiscard]] Family& named(std::string_view name);
  /// The declared family that a sample belongs to: its own name, or that without a suffix which
  /// the type of the family has. Null: none. `suffix` is what was cut off.
  [[nodiscard]] Family* of_sample(std::string_view metric, std::string_view& suffix);

  /// False: it has another type already, which stays.
  [[nodiscard]] bool declare_type(Family& family, MetricType type);
  /// For a family that declares none: what --type says.
  void assume_type(Family& family, MetricType type);
  [[nodiscard]] bool declare_help(Family& family, std::string help);
  [[nodiscard]] bool declare_unit(Family& family, std::string unit);

  /// Grows when a family gets a type: what was concluded from types before may not hold any more.
  [[nodiscard]] std::uint64_t types() const noexcept { return types_; }
  [[nodiscard]] bool waits() const noexcept { return !waiting_.empty(); }
  /// Tells the sink what is new. # HELP stands before # TYPE, and the type decides on the key, so
  /// this is called when a sample has come, not before.
  [[nodiscard]] Result<void> publish(Sink& sink, const std::string& prefix);

 private:
  void wait(Family& family);
  [[nodiscard]] Result<void> publish(const Family& family, Sink& sink, const std::string& prefix);

  TextMap<Family> families_;
  TextMap<const Family*> owners_;  ///< by key
  std::vector<Family*> waiting_;
  std::uint64_t types_ = 0;
};

}  // namespace hygge::formats
