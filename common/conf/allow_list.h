// AllowList: who may connect, by address or by the name that an address has (docs/smtp.md).
#pragma once

#include "common/base/host_pattern.h"
#include "common/base/ip_address.h"

#include <vector>

namespace letterlock::conf {

struct AllowList {
  std::vector<IpNetwork> networks;
  std::vector<HostPattern> names;

  bool empty() const { return networks.empty() && names.empty(); }
  friend bool operator==(const AllowList&, const AllowList&) = default;
};

} // namespace letterlock::conf
