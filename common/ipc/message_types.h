// What the declarations of messages are made of besides their fields: descriptors that travel with
// a message, and the texts that several messages have.
#pragma once

#include "common/base/role.h"
#include "common/ipc/field.h"

#include <cstdint>
#include <string_view>
#include <tuple>

namespace letterlock {

constexpr std::size_t enumerator_count(Role) {
  return role_count;
}

} // namespace letterlock

namespace letterlock::ipc {

// What kind of descriptor a message carries; the receiver checks it before use.
enum class Carries : std::uint8_t {
  nothing,
  link,            // one end of a stream socketpair
  log_channel,     // one end of a local socketpair that keeps records apart
  syslog_channel,  // a local datagram socket
  listener,        // a listening stream socket
  readable_file,   // a regular file opened for reading only
  read_write_file, // a regular file opened for reading and writing
  shared_memory,   // memory of a fixed size, for reading and writing
};

using HostName = Text<255>;
using AccountName = Text<64>;
using AddressText = Text<320>; // RFC 5321 §4.5.3.1: 64 + @ + 255
using PeerText = Text<64>;     // a network address, for logs and limits
using Reason = Text<512>;
using KeyId = std::array<std::uint8_t, 32>; // SHA-256 of the public key, as io::KeyId

} // namespace letterlock::ipc
