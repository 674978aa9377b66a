// Name servers that are asked: as the configuration names them, and as /etc/resolv.conf does.
#pragma once

#include "common/base/error.h"
#include "common/base/ip_address.h"
#include "common/conf/parsed.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::conf {

struct NameServer {
  IpAddress address;
  std::uint16_t port = 53;

  std::string text() const; // "192.0.2.1:53" or "[2001:db8::1]:53"
  friend bool operator==(const NameServer&, const NameServer&) = default;
};

inline constexpr std::size_t max_resolvers = 8;
inline constexpr std::size_t max_resolv_conf = 64u << 10; // bytes of the file

// "192.0.2.1", "2001:db8::1", "192.0.2.1:5353" or "[2001:db8::1]:5353". Never a name.
Parsed<NameServer> parse_name_server(std::string_view s);

// "system", which is an empty list, or addresses. In values.cc, with the other lists.
Parsed<std::vector<NameServer>> parse_resolvers(std::string_view s);

// The first of the name servers that a resolv.conf(5) lists. Those with an address that cannot be
// used (a scoped one, fe80::1%eth0) are passed over, as the C library does it with what it does not
// understand. Empty if there is none.
std::vector<NameServer> name_servers_of(std::string_view resolv_conf);

// Those of a file like that. Fails if it cannot be read, is too long, or lists none.
Expected<std::vector<NameServer>> system_name_servers(const std::string& path);

} // namespace letterlock::conf
