// One call's long work: how far it is, and whether it may go on.
#pragma once

#include <hygge/clock.h>
#include <hygge/error.h>
#include <hygge/maintain.h>

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>

namespace hygge {

/// Used by one thread; only the stop requests come from others.
class Step {
 public:
  /// `how` and `clock` must outlive it. `closing` is the database's own request to stop.
  Step(const Maintain& how, std::stop_token closing, const Clock& clock)
      : how_(how),
        closing_(std::move(closing)),
        clock_(clock),
        on_stop_(how.stop, Cancel{&cancel_}),
        on_closing_(closing_, Cancel{&cancel_}) {}
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  /// Adds to the total, before the work begins.
  void expect(std::uint64_t weight) noexcept { total_ += weight; }
  void begin(std::string what) { what_ = std::move(what); }
  /// Tells how far it is within what was begun; false: stop here.
  [[nodiscard]] bool go_on(std::uint64_t done) {
    if (how_.progress) how_.progress({what_, done_ + done, total_});
    return !cancelled() && clock_() < how_.deadline_ms;
  }
  void end(std::uint64_t weight) {
    done_ += weight;
    if (how_.progress) how_.progress({what_, done_, total_});
  }
  Result<void> cut_short() noexcept {
    report_.finished = false;
    return {};
  }

  [[nodiscard]] bool cancelled() const noexcept { return cancel_.load(std::memory_order_relaxed); }
  /// For calls that look at a flag.
  [[nodiscard]] std::atomic<bool>* cancel() noexcept { return &cancel_; }
  [[nodiscard]] const Maintain& how() const noexcept { return how_; }
  [[nodiscard]] MaintainReport& report() noexcept { return report_; }

 private:
  struct Cancel {
    std::atomic<bool>* flag;
    void operator()() const noexcept { flag->store(true, std::memory_order_relaxed); }
  };

  const Maintain& how_;
  std::stop_token closing_;
  const Clock& clock_;
  std::atomic<bool> cancel_{false};
  std::stop_callback<Cancel> on_stop_;
  std::stop_callback<Cancel> on_closing_;
  std::string what_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  MaintainReport report_;
};

}  // namespace hygge
