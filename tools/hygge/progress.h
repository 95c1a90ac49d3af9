// How far a long piece of work has come, on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace hygge::command {

/// Nothing in the first second; then a bar on a terminal, or a line of JSON a second.
class Progress {
 public:
  /// `when`: auto, json or never; `verb` begins the bar; `unit` is what is done and acknowledged:
  /// bytes of samples, or series.
  enum class Unit : std::uint8_t { bytes, series };
  Progress(std::string when, std::string verb, bool quiet, Unit unit = Unit::bytes);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `acknowledged`: samples that the engine has promised to keep.
  void update(std::uint64_t done, std::optional<std::uint64_t> total, std::uint64_t acknowledged);
  /// The last line of JSON; removes the bar.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Kind : std::uint8_t { none, bar, json };
  void show_bar(double seconds);
  void show_json() const;

  Kind kind_ = Kind::none;
  std::string verb_;
  Unit unit_ = Unit::bytes;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point shown_ = begun_;
  std::uint64_t done_ = 0, acknowledged_ = 0;
  std::optional<std::uint64_t> total_;
  bool drawn_ = false;
};

}  // namespace hygge::command
