// Who does what in an explained query: time, rows and memory by node. Rows are handed up while the
// node below is at work, so the clock changes hands with every row.
#pragma once

#include <hygge/promql.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "promql/ast.h"
#include "promql/budget.h"

namespace hygge::promql {

class Profile {
 public:
  explicit Profile(const Budget& budget) noexcept : budget_(budget), since_(Clock::now()) {}

  /// The time of this object's life is that of `node`, but for other turns in it.
  class Turn {
   public:
    Turn(Profile& profile, const Node* node) : profile_(profile), before_(profile.current_) {
      profile_.hand_to(node);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { profile_.hand_to(before_); }
    /// Whose turn it was.
    [[nodiscard]] const Node* before() const noexcept { return before_; }

   private:
    Profile& profile_;
    const Node* before_;
  };

  /// A row that the node whose turn it is hands on.
  void count_row(std::uint64_t points);
  void count_samples(std::uint64_t samples);
  void count_cells(std::uint64_t cells);
  void count_skipped(std::uint64_t samples);
  void say_tier(std::string tier);

  /// What was counted, for the nodes of the tree at `root`, each below its parent.
  [[nodiscard]] std::vector<NodeStats> nodes(const Node& root);

 private:
  using Clock = std::chrono::steady_clock;
  struct Counts {
    std::uint64_t series = 0;
    std::uint64_t points = 0;
    std::uint64_t samples = 0;
    std::uint64_t cells = 0;
    std::uint64_t skipped = 0;
    std::string tier;
    Clock::duration time{};
    std::size_t bytes = 0;
  };
  void hand_to(const Node* node);
  void list(const Node& node, std::uint32_t depth, std::vector<NodeStats>& into) const;

  const Budget& budget_;
  std::unordered_map<const Node*, Counts> counts_;
  const Node* current_ = nullptr;
  Clock::time_point since_;
};

}  // namespace hygge::promql
