// Door: whom the service lets in.
//
// A client that is turned away costs one write: it never becomes a session. RFC 5321 §3.1 would
// have us wait for its QUIT after 554; it is not worth a place.
#pragma once

#include "common/base/client_limits.h"
#include "common/ipc/messages/start.h"
#include "common/os/shared_memory.h"
#include "smtpd/generation.h"
#include "smtpd/reply.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace letterlock::smtpd {

class Door {
public:
  struct Refusal {
    const Reply* reply;
    std::string_view why; // for the log
  };

  // Until share() this worker counts alone.
  Door();
  // From now on all workers count together. To be called before the first admit(); fails if the
  // memory is not what it is said to be.
  Expected<void> share(const ipc::ClientTable& table, const UniqueFd& memory);

  // NOW is of the monotonic clock. The door outlives what it returns.
  std::expected<ClientLimits::Visit, Refusal>
  admit(const Generation& generation, const IpAddress& address, ClientLimits::Time now);

private:
  std::optional<os::SharedMemory> shared_;
  std::vector<std::uint64_t> own_;
  ClientLimits limits_;
};

// Says why and closes. SOCKET has not been spoken to; in TLS there is nothing that could be said.
void turn_away(UniqueFd socket, const Reply& reply, std::string_view hostname);

} // namespace letterlock::smtpd
