// Binding and listening.
#include "letterlockd/listening_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace letterlock::letterlockd {

namespace {

// The kernel cuts it to net.core.somaxconn.
constexpr int backlog = 4096;

socklen_t fill(const conf::ListenAddress& address, sockaddr_storage& storage) {
  if (address.family == conf::ListenAddress::Family::ipv4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&in.sin_addr, address.address.data(), sizeof in.sin_addr);
    std::memcpy(&storage, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(address.port);
  std::memcpy(&in.sin6_addr, address.address.data(), sizeof in.sin6_addr);
  std::memcpy(&storage, &in, sizeof in);
  return sizeof in;
}

} // namespace

Expected<UniqueFd> open_listening_socket(const conf::ListenAddress& address) {
  const std::string what = "cannot listen on " + address.text();
  sockaddr_storage storage{};
  const socklen_t size = fill(address, storage);
  UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd)
    return fail_errno(what);
  const int on = 1;
  // A restart must not wait for connections of the last run to leave TIME_WAIT.
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (storage.ss_family == AF_INET6 &&
       ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
      ::listen(fd.get(), backlog) != 0)
    return fail_errno(what);
  return fd;
}

} // namespace letterlock::letterlockd
