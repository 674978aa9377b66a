// Failures are the offences of a client that is counted for a moment only.
#include "authd/login_guard.h"

#include <algorithm>

namespace letterlock::authd {

namespace {

constexpr ClientLimitSettings settings{.connections = UINT32_MAX,
                                       .new_connections = std::nullopt,
                                       .messages = std::nullopt,
                                       .lockout = LoginGuard::lockout};

std::string name_of(const IpAddress& address) {
  return networks_of_client(address)[0].text();
}

} // namespace

bool LoginGuard::admits(const IpAddress& address, std::uint32_t account, Time now) {
  if (limits_.admit(address, settings, now))
    return true;
  const auto login = remembered_.find({account, name_of(address)});
  return login != remembered_.end() && now - login->second < remembered_for;
}

void LoginGuard::succeeded(const IpAddress& address, std::uint32_t account, Time now) {
  remembered_.insert_or_assign({account, name_of(address)}, now);
  if (remembered_.size() > most_remembered)
    remembered_.erase(std::min_element(remembered_.begin(), remembered_.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; }));
}

bool LoginGuard::failed(const IpAddress& address, Time now) {
  auto client = limits_.admit(address, settings, now);
  return client && client->offend(settings, now);
}

} // namespace letterlock::authd
