// LoginGuard: who has failed to log in too often is told to wait, and costs no hash meanwhile.
//
// Failures are counted as all clients are (client_limits.h): for the address and for the network
// around it, never for the account, so that nobody can lock an owner out from elsewhere. Nor can a
// neighbour, or a forgotten device with an old password: an account that logged in from the address
// lately is let through.
#pragma once

#include "common/ipc/worker_limits.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace letterlock::authd {

class LoginGuard {
public:
  using Time = ClientLimits::Time; // of a monotonic clock
  // For which an address is turned away; after how many failures says ClientLimits.
  static constexpr std::chrono::minutes lockout{10};
  // How long a login that was right is remembered, and how many of them: the oldest goes.
  static constexpr std::chrono::hours remembered_for{24};
  static constexpr std::size_t most_remembered = 1024;

  // Whether a password for that account may be looked at; 0 is no account.
  bool admits(const IpAddress& address, std::uint32_t account, Time now);
  void succeeded(const IpAddress& address, std::uint32_t account, Time now);
  // True: the address, or its network, is turned away from now on.
  bool failed(const IpAddress& address, Time now);

private:
  using Login = std::pair<std::uint32_t, std::string>; // account, address

  ipc::WorkerLimits limits_;
  std::map<Login, Time> remembered_; // when it was right last
};

} // namespace letterlock::authd
