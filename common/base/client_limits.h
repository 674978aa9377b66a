// ClientLimits: how much of a service one stranger may have: connections at once, connections and
// messages in a time, and offences before the door is shut for a while.
//
// Counted for the address and for the network around it: /32 and /24 of IPv4; of IPv6 /64, which
// is what one customer has at least, and /48. A network may have network_factor times as much as
// an address, so that one who has many addresses gains little, and neighbours lose little. All
// workers of a role count together, in a LimitTable.
//
// This host itself (127.0.0.1, ::1) is counted, but commits no offences: else any program on it
// could shut its administrator out.
#pragma once

#include "common/base/ip_address.h"
#include "common/base/limit_table.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <utility>

namespace letterlock {

struct ClientLimitSettings {
  std::uint32_t connections = 50;                               // open at once
  std::optional<Rate> new_connections = std::nullopt;           // none: without a limit
  std::optional<Rate> messages = std::nullopt;                  // likewise
  std::chrono::milliseconds lockout = std::chrono::minutes(10); // 0: nobody is locked out
};

enum class ClientRefusal : std::uint8_t { too_many, too_fast, locked_out };

// What an address is counted as, and the network around it.
std::array<IpNetwork, 2> networks_of_client(const IpAddress& address);

class ClientLimits {
public:
  using Time = LimitTable::Time;
  static constexpr std::uint32_t network_factor = 4;
  // So many offences are forgiven in that time; one more is followed by the lock-out.
  static constexpr std::uint32_t forgiven_count = 10;
  static constexpr std::chrono::minutes forgiven_period{20};

  // COLUMN is this worker's.
  ClientLimits(const LimitTable& table, std::uint16_t column) : table_(table), column_(column) {}

  // One client's open connection; counted until it is destroyed. ClientLimits must outlive it.
  class Visit {
  public:
    Visit(Visit&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)), places_(other.places_),
          trusted_(other.trusted_) {}
    Visit& operator=(Visit&&) = delete;
    ~Visit();

    // Whether the client may bring one more message now. If so it is counted.
    bool admit_message(const ClientLimitSettings& settings, Time now);
    // The client did what only attackers and broken programs do. True: it is locked out from now
    // on, or its network is; once for each lock-out.
    bool offend(const ClientLimitSettings& settings, Time now);

  private:
    friend class ClientLimits;
    Visit(ClientLimits& limits, bool trusted) : limits_(&limits), trusted_(trusted) {}

    ClientLimits* limits_;
    std::array<std::optional<LimitTable::Slot>, 2> places_; // counted at: address, network
    bool trusted_;
  };

  std::expected<Visit, ClientRefusal> admit(const IpAddress& address,
                                            const ClientLimitSettings& settings, Time now);

private:
  std::optional<LimitTable::Slot> place_of(const IpNetwork& network, Time now);
  bool draw_both(const std::array<std::optional<LimitTable::Slot>, 2>& places,
                 LimitTable::Meter meter, const Rate& rate, Time now);

  LimitTable table_;
  std::uint16_t column_;
};

} // namespace letterlock
