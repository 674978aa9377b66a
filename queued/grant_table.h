// GrantTable: the maildrops that authd has said may be opened, each once, within half a minute.
//
// Pure: the time is passed in. A grant is bound to the process that asked for it; whoever else
// names it gets nothing, and the grant stays.
#pragma once

#include "common/base/id128.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

namespace letterlock::queued {

class GrantTable {
public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds lifetime{30};
  // Logins succeed at some 10 a second at most, by the cost of a password check; the oldest grant
  // gives way.
  static constexpr std::size_t most = 4096;

  void add(const Id128& grant, std::uint32_t account, std::uint16_t instance, Time now);
  // The account; the grant is used up. None if there is no such grant for that instance.
  std::optional<std::uint32_t> take(const Id128& grant, std::uint16_t instance, Time now);

private:
  struct Entry {
    std::uint32_t account;
    std::uint16_t instance;
    Time until;
  };
  std::unordered_map<Id128, Entry, Id128Hash> entries_;
  std::deque<Id128> oldest_first_; // of all that were added, also those that are gone
};

} // namespace letterlock::queued
