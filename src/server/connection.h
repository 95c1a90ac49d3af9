// One accepted connection: a socket as cpp-httplib's stream, with a buffer, timeouts, and an end
// that comes at once when the server stops.
#pragma once

#include <httplib.h>

#include <array>
#include <cstddef>
#include <string>

namespace hygge::server {

class Connection : public httplib::Stream {
 public:
  /// `wake` is a descriptor that becomes readable when the server stops. Closes `socket` at its
  /// end.
  Connection(int socket, int wake) noexcept : socket_(socket), wake_(wake) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override;

  /// Whether the next request begins to come within `timeout_ms`; false also when the server stops.
  [[nodiscard]] bool wait_for_request(int timeout_ms);

  bool is_readable() const override { return buffered() || wait(kReadable, kReadTimeoutMs); }
  bool is_writable() const override { return wait(kWritable, kWriteTimeoutMs); }
  ssize_t read(char* into, std::size_t size) override;
  ssize_t write(const char* from, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  static constexpr short kReadable = 1;
  static constexpr short kWritable = 2;
  static constexpr int kReadTimeoutMs = 30'000;
  static constexpr int kWriteTimeoutMs = 30'000;

  [[nodiscard]] bool buffered() const noexcept { return begin_ < end_; }
  [[nodiscard]] bool wait(short what, int timeout_ms) const;

  int socket_;
  int wake_;
  std::array<char, 16 * 1024> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// Whether the client has hung up, so that nobody waits for an answer any more.
[[nodiscard]] bool hung_up(int socket);

}  // namespace hygge::server
