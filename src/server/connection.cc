#include "server/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace hygge::server {

namespace {

using NameOf = int (*)(int, sockaddr*, socklen_t*);

void address_of(int socket, NameOf name_of, std::string& ip, int& port) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof(storage);
  char text[INET6_ADDRSTRLEN] = "";
  if (name_of(socket, reinterpret_cast<sockaddr*>(&storage), &bytes) != 0) return;
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof(v4));
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    port = ntohs(v4.sin_port);
  } else if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof(v6));
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    port = ntohs(v6.sin6_port);
  }
  ip = text;
}

}  // namespace

Connection::~Connection() {
  ::shutdown(socket_, SHUT_RDWR);
  ::close(socket_);
}

bool Connection::wait(short what, int timeout_ms) const {
  pollfd waiting[2] = {{socket_, static_cast<short>(what == kReadable ? POLLIN : POLLOUT), 0},
                       {wake_, POLLIN, 0}};
  // An answer that is being written is worth finishing; a request that has not come is not.
  const nfds_t count = what == kReadable ? 2 : 1;
  int ready = 0;
  do {
    ready = ::poll(waiting, count, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0 && waiting[0].revents != 0;
}

bool Connection::wait_for_request(int timeout_ms) {
  return buffered() || wait(kReadable, timeout_ms);
}

ssize_t Connection::read(char* into, std::size_t size) {
  if (!buffered()) {
    if (!wait(kReadable, kReadTimeoutMs)) return -1;
    ssize_t got = 0;
    do {
      got = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) return got;
    begin_ = 0;
    end_ = static_cast<std::size_t>(got);
  }
  const std::size_t bytes = std::min(size, end_ - begin_);
  std::copy_n(buffer_.data() + begin_, bytes, into);
  begin_ += bytes;
  return static_cast<ssize_t>(bytes);
}

ssize_t Connection::write(const char* from, std::size_t size) {
  if (!wait(kWritable, kWriteTimeoutMs)) return -1;
  ssize_t sent = 0;
  do {
    sent = ::send(socket_, from, size, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  address_of(socket_, ::getpeername, ip, port);
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  address_of(socket_, ::getsockname, ip, port);
}

bool hung_up(int socket) {
  pollfd one{socket, POLLRDHUP, 0};
  return ::poll(&one, 1, 0) > 0 && (one.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

}  // namespace hygge::server
