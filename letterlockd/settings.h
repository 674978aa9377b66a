// What each process is told of a generation.
#pragma once

#include "common/ipc/link.h"
#include "letterlockd/generation.h"

namespace letterlock::letterlockd {

template <Role Peer> using ChildLink = ipc::Link<Role::letterlockd, Peer>;

// Each process gets the part that it needs, and nothing else. `workers` is the number of
// processes, which share the limit of connections. The account ids must be known but for queued. An
// error: it has got a part, and must not prepare that.
Expected<void> send_settings(ChildLink<Role::smtpd>& link, const Generation& generation,
                             unsigned workers);
Expected<void> send_settings(ChildLink<Role::pop3d>& link, const Generation& generation,
                             unsigned workers);
Expected<void> send_settings(ChildLink<Role::queued>& link, const Generation& generation,
                             unsigned workers);
Expected<void> send_settings(ChildLink<Role::authd>& link, const Generation& generation,
                             unsigned workers);
Expected<void> send_settings(ChildLink<Role::keyd>& link, const Generation& generation,
                             unsigned workers);
Expected<void> send_settings(ChildLink<Role::resolvd>& link, const Generation& generation,
                             unsigned workers);
Expected<void> send_settings(ChildLink<Role::logd>& link, const Generation& generation,
                             unsigned workers);

// The share of one smtpd in the limit of connections.
std::uint32_t connections_of_worker(const conf::Limits& limits, unsigned workers);
// How many scratch files one smtpd may hold.
std::uint32_t scratch_files_of_worker(const conf::Limits& limits, unsigned workers);

} // namespace letterlock::letterlockd
