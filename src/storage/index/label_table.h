// The labels that any series has: each name and value once, under a 32-bit reference, with its
// postings beside its text.
//
// One label in the table (units of 8 bytes, little-endian as the machine):
//
//   0          16      20      24                                    24 + n
//   +----------+-------+-------+-------------------------------------+
//   | postings | name  | bytes | name length, name, value length,    |
//   |          | u32   | u32 n | value: its part of canonical bytes  |
//   +----------+-------+-------+-------------------------------------+
//
// Text and postings share a cache line or two: both finding a series and adding one come by here
// for each of its labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <roaring/roaring.hh>
#include <string>
#include <string_view>
#include <vector>

#include "storage/index/block_array.h"
#include "storage/index/hash_slots.h"
#include "storage/index/postings.h"

namespace hygge::storage {

using LabelRef = std::uint32_t;

class LabelTable {
 public:
  /// All that is known of one label name.
  struct Name {
    std::string text;
    ::Roaring series;              ///< that have a label of this name
    std::vector<LabelRef> labels;  ///< one per value, in the order they came; of some no series
    std::size_t values = 0;        ///< labels that a series has
    std::uint64_t version = 0;     ///< of `series` and of what has which label
  };

  LabelTable() = default;
  ~LabelTable();
  LabelTable(const LabelTable&) = delete;
  LabelTable& operator=(const LabelTable&) = delete;

  /// The label with this part of canonical bytes, added if need be, with `series` in its postings.
  /// `name` is the name in `part`.
  LabelRef add(std::string_view part, std::string_view name, std::uint32_t series);
  /// `series` has the label. A label that no series has stays, for the next that has it.
  void remove(LabelRef label, std::uint32_t series);
  [[nodiscard]] std::optional<LabelRef> find(std::string_view name, std::string_view value) const;

  /// The label's part of canonical bytes; until the next add().
  [[nodiscard]] std::string_view part(LabelRef label) const noexcept {
    const std::uint64_t* const at = labels_.at(label);
    const auto* const head = reinterpret_cast<const Head*>(at);
    return {reinterpret_cast<const char*>(at) + sizeof(Head), head->bytes};
  }
  void prefetch(LabelRef label) const noexcept { __builtin_prefetch(labels_.at(label)); }
  [[nodiscard]] std::string_view value(LabelRef label) const noexcept;
  [[nodiscard]] const Postings& postings(LabelRef label) const noexcept {
    return reinterpret_cast<const Head*>(labels_.at(label))->postings;
  }

  [[nodiscard]] const Name* name(std::string_view text) const;
  /// Those that a series has, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

  /// All that is known of each name, in the order they came.
  [[nodiscard]] const std::deque<Name>& each_name() const noexcept { return names_; }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Head {
    Postings postings;
    std::uint32_t name;  ///< index in names_
    std::uint32_t bytes;
  };
  static_assert(sizeof(Head) == 24);

  std::uint32_t name_index(std::string_view name);
  [[nodiscard]] Head* head(LabelRef label) noexcept {
    return reinterpret_cast<Head*>(labels_.at(label));
  }

  BlockArray<std::uint64_t> labels_;
  HashSlots by_part_;
  std::deque<Name> names_;
  std::map<std::string_view, std::uint32_t, std::less<>> by_name_;  ///< keys: names_[i].text
};

}  // namespace hygge::storage
