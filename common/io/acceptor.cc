// Taking connections from a listening socket.
#include "common/io/acceptor.h"

#include "common/base/error.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace letterlock::io {

namespace {

// More wait for the next turn, so that open sessions are served meanwhile.
constexpr int accepts_a_turn = 16;
constexpr std::chrono::seconds before_retry{1};

IpAddress address_of(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &storage, sizeof in);
    std::array<std::uint8_t, 4> address;
    std::memcpy(address.data(), &in.sin_addr, address.size());
    return IpAddress::v4(address);
  }
  sockaddr_in6 in;
  std::memcpy(&in, &storage, sizeof in);
  std::array<std::uint8_t, 16> address;
  std::memcpy(address.data(), &in.sin6_addr, address.size());
  return IpAddress::v6(address);
}

// What is wrong with one connection that is gone already, not with the listener (accept(2)).
bool concerns_connection_only(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM ||
         error == ENETDOWN || error == ENETUNREACH || error == EHOSTUNREACH;
}

} // namespace

Acceptor::Acceptor(Loop& loop, UniqueFd listener, std::function<void(Accepted)> on_accepted,
                   std::function<void(const std::string&)> on_trouble)
    : listener_(std::move(listener)), on_accepted_(std::move(on_accepted)),
      on_trouble_(std::move(on_trouble)), watch_(loop, listener_.get(), [this] { accept_some(); }),
      retry_(loop, [this] { watch_.want_read(open_); }) {}

void Acceptor::set_open(bool open) {
  open_ = open;
  watch_.want_read(open && !retry_.running());
}

void Acceptor::accept_some() {
  const std::weak_ptr<bool> alive = alive_;
  for (int i = 0; i < accepts_a_turn && !alive.expired() && open_; ++i) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    UniqueFd socket(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&storage), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
      const IpAddress address = address_of(storage);
      on_accepted_({std::move(socket), address, address.text()});
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
      return;
    if (concerns_connection_only(errno))
      continue;
    on_trouble_(Error::system("accept").text);
    watch_.want_read(false);
    retry_.start(before_retry);
    return;
  }
}

} // namespace letterlock::io
