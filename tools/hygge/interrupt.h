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

/// Makes a file or folder that must not stay behind: `make` does it, and may complete the path. No
/// interrupt comes between. Whether it could.
bool make_removable(std::string& path, const std::function<bool(std::string& path)>& make);

/// Does not return where an interrupt is being answered. Called before a failure is told: it may be
/// one of those that an interrupt brings, because its files are gone.
void wait_while_leaving();

}  // namespace hygge::command
