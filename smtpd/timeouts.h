// How long this process waits, and for what.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace letterlock::smtpd {

struct Timeouts {
  // For the next command, and for the client to take what was said to it (RFC 5321 §4.5.3.2.7).
  std::chrono::milliseconds command = std::chrono::minutes(5);
  std::chrono::milliseconds send = std::chrono::minutes(5);
  // For more of a message's content (§4.5.3.2.5).
  std::chrono::milliseconds data_block = std::chrono::minutes(3);
  // For all of it: this, or where messages may be larger than 50 MiB an hour for each 50 MiB of the
  // largest. RFC 5321 has no such limit; a line of 120 kbit/s is fast enough.
  std::chrono::milliseconds content = std::chrono::hours(1);
  std::chrono::milliseconds content_time(std::uint64_t largest_message) const {
    constexpr std::uint64_t size = 50u << 20;
    const auto parts = static_cast<std::int64_t>((largest_message + size - 1) / size);
    return content * std::max<std::int64_t>(parts, 1);
  }
  // For room: no longer than a client waits for 354 (§4.5.3.2.4).
  std::chrono::milliseconds storage = std::chrono::minutes(2);
  // For the answer to a commit: no longer than a client waits for it (§4.5.3.2.6).
  std::chrono::milliseconds commit = std::chrono::minutes(10);
  std::chrono::milliseconds handshake = std::chrono::minutes(1);
  // For each error beyond SessionSettings::quick_errors, before it is answered.
  std::chrono::milliseconds tarpit = std::chrono::seconds(1);
  // For all of a connection; it ends when that is over and no message is in the air.
  std::chrono::milliseconds session = std::chrono::hours(4);
  // For the DNS to tell a client's name. Far less than a client waits for 220 (§4.5.3.2.1).
  std::chrono::milliseconds name_lookup = std::chrono::seconds(5);
  // For sessions to hear 421 at the end of a stop's grace.
  std::chrono::milliseconds farewell = std::chrono::seconds(1);
  // For queued to come back: how long what it was asked is held.
  std::chrono::milliseconds relink = std::chrono::seconds(30);
};

} // namespace letterlock::smtpd
