// Messages between the parent and its children: start and stop.
#pragma once

#include "common/ipc/message_types.h"
#include "common/ipc/messages/log.h"

namespace letterlock::ipc {

// The first message on descriptor 3. The child compares the schema, enters its sandbox and answers
// Started, or Failed and exits.
struct Start {
  static constexpr std::string_view name = "Start";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t schema{};
  std::uint16_t instance{};
  std::uint32_t parent_pid{};
  bool has_identity{}; // the two ids are to be taken on
  std::uint32_t uid{};
  std::uint32_t gid{};
  Text<1024> root_directory; // to chroot into, or where not root to work in; may be empty
  std::uint32_t open_files{};
  bool best_effort{}; // go on with whatever part of the sandbox can be had
  static constexpr auto fields() {
    return std::tuple(&Start::schema, &Start::instance, &Start::parent_pid, &Start::has_identity,
                      &Start::uid, &Start::gid, &Start::root_directory, &Start::open_files,
                      &Start::best_effort);
  }
};

// The sandbox is on; `layers` is its description for the log.
struct Started {
  static constexpr std::string_view name = "Started";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t schema{};
  Reason layers;
  static constexpr auto fields() { return std::tuple(&Started::schema, &Started::layers); }
};

// The child cannot start or go on; it exits after this.
struct Failed {
  static constexpr std::string_view name = "Failed";
  static constexpr Carries carries = Carries::nothing;
  Reason reason;
  static constexpr auto fields() { return std::tuple(&Failed::reason); }
};

// The child's end of the link to a peer. A later one for the same peer takes the place of the one
// before: the peer was started again, or the link was lost. Serials of a pair only grow.
struct Peer {
  static constexpr std::string_view name = "Peer";
  static constexpr Carries carries = Carries::link;
  Role role{};
  std::uint16_t instance{};
  std::uint32_t serial{};
  static constexpr auto fields() { return std::tuple(&Peer::role, &Peer::instance, &Peer::serial); }
};

// The link of that serial ended or was broken by the peer; a fresh one is wanted.
struct LinkLost {
  static constexpr std::string_view name = "LinkLost";
  static constexpr Carries carries = Carries::nothing;
  Role role{};
  std::uint16_t instance{};
  std::uint32_t serial{};
  static constexpr auto fields() {
    return std::tuple(&LinkLost::role, &LinkLost::instance, &LinkLost::serial);
  }
};

// Where the child's log lines go.
struct LogChannel {
  static constexpr std::string_view name = "LogChannel";
  static constexpr Carries carries = Carries::log_channel;
  Severity least{}; // of the lines that are wanted
  static constexpr auto fields() { return std::tuple(&LogChannel::least); }
};

// To logd: a channel on which another process's lines arrive.
struct LogSource {
  static constexpr std::string_view name = "LogSource";
  static constexpr Carries carries = Carries::log_channel;
  Role role{};
  std::uint16_t instance{};
  static constexpr auto fields() { return std::tuple(&LogSource::role, &LogSource::instance); }
};

// Where a worker counts its clients together with the other workers of its role (LimitTable). Comes
// before the first generation, or not at all: then it counts alone.
struct ClientTable {
  static constexpr std::string_view name = "ClientTable";
  static constexpr Carries carries = Carries::shared_memory;
  std::uint32_t slots{};
  std::uint16_t columns{};
  std::uint16_t column{}; // the worker's own
  std::array<std::uint8_t, 16> key{};
  static constexpr auto fields() {
    return std::tuple(&ClientTable::slots, &ClientTable::columns, &ClientTable::column,
                      &ClientTable::key);
  }
};

// No more work comes: finish what is open within the grace time, then exit with status 0.
struct Stop {
  static constexpr std::string_view name = "Stop";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t grace_ms{};
  static constexpr auto fields() { return std::tuple(&Stop::grace_ms); }
};

} // namespace letterlock::ipc
