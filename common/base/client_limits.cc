// Each question is asked for the address first, then for its network.
#include "common/base/client_limits.h"

#include <algorithm>

namespace letterlock {

namespace {

using Places = std::array<std::optional<LimitTable::Slot>, 2>;

constexpr std::array<std::uint32_t, 2> factors = {1, ClientLimits::network_factor};

Rate times(const Rate& rate, std::uint32_t factor) {
  const auto count = std::uint64_t{rate.count} * factor;
  return {static_cast<std::uint32_t>(std::min<std::uint64_t>(count, UINT32_MAX)), rate.period};
}

} // namespace

std::array<IpNetwork, 2> networks_of_client(const IpAddress& address) {
  if (address.is_v4())
    return {IpNetwork::around(address, 32), IpNetwork::around(address, 24)};
  return {IpNetwork::around(address, 64), IpNetwork::around(address, 48)};
}

std::optional<LimitTable::Slot> ClientLimits::place_of(const IpNetwork& network, Time now) {
  // The length of the prefix keeps networks apart that begin alike; the number of octets keeps
  // IPv4 and IPv6 apart.
  std::array<std::uint8_t, 17> name{};
  const auto bytes = network.first().bytes();
  std::copy(bytes.begin(), bytes.end(), name.begin());
  name[bytes.size()] = static_cast<std::uint8_t>(network.bits());
  return table_.take_slot(table_.name_of(std::span(name).first(bytes.size() + 1)), now);
}

std::expected<ClientLimits::Visit, ClientRefusal>
ClientLimits::admit(const IpAddress& address, const ClientLimitSettings& settings, Time now) {
  const auto networks = networks_of_client(address);
  Places places;
  for (std::size_t i = 0; i < places.size(); ++i)
    places[i] = place_of(networks[i], now);
  for (const auto& place : places)
    if (place && settings.lockout.count() > 0 && table_.blocked(*place, now))
      return std::unexpected(ClientRefusal::locked_out);
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i] && table_.open(*places[i]) / factors[i] >= settings.connections)
      return std::unexpected(ClientRefusal::too_many);
  if (settings.new_connections &&
      !draw_both(places, LimitTable::Meter::connections, *settings.new_connections, now))
    return std::unexpected(ClientRefusal::too_fast);
  Visit visit(*this, address.is_this_host());
  visit.places_ = places;
  for (const auto& place : places)
    if (place)
      table_.count_open(*place, column_);
  return visit;
}

// What the address had left is used even if its network had nothing left: then it will not be
// admitted soon, whichever it asks for.
bool ClientLimits::draw_both(const Places& places, LimitTable::Meter meter, const Rate& rate,
                             Time now) {
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i] && !table_.draw(*places[i], meter, times(rate, factors[i]), now))
      return false;
  return true;
}

ClientLimits::Visit::~Visit() {
  if (limits_ == nullptr)
    return;
  for (const auto& place : places_)
    if (place)
      limits_->table_.count_closed(*place, limits_->column_);
}

bool ClientLimits::Visit::admit_message(const ClientLimitSettings& settings, Time now) {
  return !settings.messages ||
         limits_->draw_both(places_, LimitTable::Meter::messages, *settings.messages, now);
}

// What is over an address's own measure is not its network's offence: else one address with enough
// connections open would shut out its neighbours.
bool ClientLimits::Visit::offend(const ClientLimitSettings& settings, Time now) {
  if (trusted_ || settings.lockout.count() == 0)
    return false;
  LimitTable& table = limits_->table_;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i])
      continue;
    if (table.blocked(*places_[i], now))
      return false;
    if (table.draw(*places_[i], LimitTable::Meter::offences,
                   times({forgiven_count, forgiven_period}, factors[i]), now))
      continue;
    table.block(*places_[i], now + settings.lockout);
    return true;
  }
  return false;
}

} // namespace letterlock
