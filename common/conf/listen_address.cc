// Listening addresses.
#include "common/conf/listen_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace letterlock::conf {

Parsed<ListenAddress> ListenAddress::parse(std::string_view s) {
  const auto refused =
      wrong(quoted(s) + " is no address and port; write 127.0.0.1:25 or [::1]:25, with a numeric "
                        "address and a port from 1 to 65535");
  const auto colon = s.rfind(':');
  if (colon == std::string_view::npos)
    return refused;
  std::string_view host = s.substr(0, colon);
  const std::string_view port = s.substr(colon + 1);

  ListenAddress result;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    result.family = Family::ipv6;
    host = host.substr(1, host.size() - 2);
  }
  // inet_pton() would stop at a NUL and take what is before it.
  if (host.find('\0') != std::string_view::npos ||
      ::inet_pton(result.family == Family::ipv4 ? AF_INET : AF_INET6, std::string(host).c_str(),
                  result.address.data()) != 1)
    return refused;
  const auto number = std::from_chars(port.data(), port.data() + port.size(), result.port);
  if (number.ec != std::errc() || number.ptr != port.data() + port.size() || result.port == 0)
    return refused;
  return result;
}

std::string ListenAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const bool v4 = family == Family::ipv4;
  ::inet_ntop(v4 ? AF_INET : AF_INET6, address.data(), buffer.data(), buffer.size());
  const std::string host(buffer.data());
  return (v4 ? host : '[' + host + ']') + ':' + std::to_string(port);
}

bool ListenAddress::is_loopback() const {
  if (family == Family::ipv4)
    return address[0] == 127;
  return address[15] == 1 && std::all_of(address.begin(), address.end() - 1,
                                         [](std::uint8_t byte) { return byte == 0; });
}

bool ListenAddress::is_any() const {
  return std::all_of(address.begin(), address.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool collide(const ListenAddress& a, const ListenAddress& b) {
  return a.family == b.family && a.port == b.port &&
         (a.address == b.address || a.is_any() || b.is_any());
}

} // namespace letterlock::conf
