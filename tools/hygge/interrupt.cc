#include "interrupt.h"

#include <pthread.h>

#include <csignal>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace hygge::command {

namespace {

struct Watch {
  std::mutex mutex;
  std::function<void()> action;      // guarded by mutex
  std::vector<std::string> removed;  // guarded by mutex
};

// Never destroyed: the waiting thread outlives main's locals.
Watch& watch() {
  static auto* const the_watch = new Watch;
  return *the_watch;
}

// The other threads go on meanwhile. A folder that has another name first gets no more files from
// them: what they make by its old name fails.
void remove_whole(const std::string& path) {
  std::error_code failed;
  const std::string aside = path + "~";
  std::filesystem::rename(path, aside, failed);
  std::error_code ignored;
  std::filesystem::remove_all(failed ? path : aside, ignored);
}

[[noreturn]] void leave() {
  for (const std::string& path : watch().removed) remove_whole(path);
  std::_Exit(kInterrupted);
}

void wait_for_signals(sigset_t signals) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) return;
    const std::lock_guard lock(watch().mutex);
    if (!watch().action) leave();
    std::exchange(watch().action, nullptr)();
  }
}

}  // namespace

void watch_for_interrupts() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(wait_for_signals, signals).detach();
}

void on_interrupt(std::function<void()> action) {
  const std::lock_guard lock(watch().mutex);
  watch().action = std::move(action);
}

bool make_removable(std::string& path, const std::function<bool(std::string&)>& make) {
  const std::lock_guard lock(watch().mutex);
  if (!make(path)) return false;
  watch().removed.push_back(path);
  return true;
}

void wait_while_leaving() { const std::lock_guard lock(watch().mutex); }

}  // namespace hygge::command
