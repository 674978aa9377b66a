// Door: whom the service lets in.
//
// A client that is turned away costs one write: it never becomes a session. RFC 5321 §3.1 would
// have us wait for its QUIT after 554; it is not worth a place.
#pragma once

#include "common/ipc/worker_limits.h"
#include "smtpd/generation.h"
#include "smtpd/reply.h"

#include <expected>
#include <string_view>

namespace letterlock::smtpd {

class Door {
public:
  struct Refusal {
    const Reply* reply;
    std::string_view why; // for the log
  };

  // As WorkerLimits::share().
  Expected<void> share(const ipc::ClientTable& table, const UniqueFd& memory) {
    return limits_.share(table, memory);
  }

  // One whose name decides is admitted as far as the name. NOW is of the monotonic clock. The door
  // outlives what it returns.
  std::expected<ClientLimits::Visit, Refusal>
  admit(const Generation& generation, const IpAddress& address, ClientLimits::Time now);

private:
  ipc::WorkerLimits limits_;
};

// Says why and closes. SOCKET has not been spoken to, and does not begin with a handshake: there
// nothing can be said.
void turn_away(UniqueFd socket, const Reply& reply, std::string_view hostname);

} // namespace letterlock::smtpd
