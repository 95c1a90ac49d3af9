// Where data goes: stdout, or a file that is whole or not there.
#pragma once

#include <hygge/error.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace hygge::command {

/// Collects text and writes it in large pieces. A file is written beside its place and renamed by
/// finish(); without finish() it leaves nothing behind.
class Output {
 public:
  Output() = default;  ///< stdout
  /// Errors: not_found (no such folder), read_only, io.
  [[nodiscard]] static Result<Output> to_file(const std::string& path);
  Output(Output&& other) noexcept;
  Output& operator=(Output&& other) noexcept;
  ~Output();

  /// Errors: io, no_space; cancelled when the reader of a pipe has gone: see reader_gone.
  [[nodiscard]] Result<void> write(std::string_view text);
  [[nodiscard]] Result<void> flush();
  /// Writes the rest and puts a file in its place. Errors: those of write.
  [[nodiscard]] Result<void> finish();

  /// The reader of the pipe has gone (`| head -1`): nobody is to hear of it.
  [[nodiscard]] static bool reader_gone() noexcept;

 private:
  void drop() noexcept;
  std::string pending_;
  std::string path_;     ///< empty: stdout
  std::string partial_;  ///< what is written to; empty when it is path_ itself (a device, a pipe)
  int descriptor_ = 1;
};

}  // namespace hygge::command
