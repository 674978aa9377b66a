// ListenAddress: where a service listens, a numeric IP address and a port.
#pragma once

#include "common/conf/parsed.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace letterlock::conf {

struct ListenAddress {
  enum class Family : std::uint8_t { ipv4, ipv6 };

  Family family = Family::ipv4;
  std::array<std::uint8_t, 16> address{}; // network order; IPv4 uses the first four
  std::uint16_t port = 0;                 // host order, never 0 in a parsed one

  // "127.0.0.1:110" or "[::1]:110". Never a name: what is bound must not depend on DNS.
  static Parsed<ListenAddress> parse(std::string_view s);

  std::string text() const; // as parse() takes it
  bool is_loopback() const; // 127.0.0.0/8 or ::1
  bool is_any() const;      // 0.0.0.0 or ::

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// Whether the second of the two could not be bound: the same port and family, and the same address
// or one of them any address. IPv6 sockets are taken to be IPV6_V6ONLY.
bool collide(const ListenAddress& a, const ListenAddress& b);

} // namespace letterlock::conf
