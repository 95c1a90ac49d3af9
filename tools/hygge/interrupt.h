// ^C and SIGTERM: one thread waits for them, so that what is done then needs no care of a signal
// handler.
#pragma once

#include <functional>
#include <string>

namespace hygge::command {

inline constexpr int kInterrupted = 130;

/// Blocks SIGINT and SIGTERM in this thread and those it starts, ignores SIGPIPE, and starts the
/// thread that waits. Called once, before any other thread.
void watch_for_interrupts();

/// What an interrupt does from now on, instead of removing the files named and leaving with 130. A
/// second interrupt does that. An empty function goes back.
void on_interrupt(std::function<void()> action);

/// A file or folder that must not stay behind.
void remove_when_interrupted(std::string path);

}  // namespace hygge::command
