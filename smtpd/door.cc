// Access first, then limits: a client that may never come is told so whatever it did before. Who
// may come by name has passed the limits when it is asked for: a lookup costs more than they do.
#include "smtpd/door.h"

#include "smtpd/replies.h"

#include <sys/socket.h>

#include <string>
#include <utility>

namespace letterlock::smtpd {

namespace {

const Reply* reply_to(ClientRefusal refusal) {
  switch (refusal) {
  case ClientRefusal::too_many:
    return &replies::too_many_connections;
  case ClientRefusal::too_fast:
    return &replies::connection_rate;
  case ClientRefusal::locked_out:
    return &replies::locked_out;
  }
  std::unreachable();
}

} // namespace

std::expected<ClientLimits::Visit, Door::Refusal>
Door::admit(const Generation& generation, const IpAddress& address, ClientLimits::Time now) {
  if (generation.access_of(address) == Generation::Access::denied)
    return std::unexpected(Refusal{&replies::access_denied, "access"});
  auto visit = limits_.admit(address, generation.client_limits, now);
  if (!visit)
    return std::unexpected(Refusal{reply_to(visit.error()), ipc::name_of(visit.error())});
  return std::move(*visit);
}

void turn_away(UniqueFd socket, const Reply& reply, std::string_view hostname) {
  std::string line;
  append_reply(line, reply, hostname);
  ::send(socket.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace letterlock::smtpd
