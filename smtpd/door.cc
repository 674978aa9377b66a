// Access first, then limits: a client that may never come is told so whatever it did before.
#include "smtpd/door.h"

#include "smtpd/replies.h"

#include <sys/socket.h>

#include <string>

namespace letterlock::smtpd {

namespace {

// For a worker alone: as many as the parent makes for 1,000 connections.
constexpr LimitTableShape own_shape{.slots = 8192, .columns = 1};

SipKey random_key() {
  return Id128::random().bytes;
}

Door::Refusal refusal_of(ClientRefusal refusal) {
  switch (refusal) {
  case ClientRefusal::too_many:
    return {&replies::too_many_connections, "connections"};
  case ClientRefusal::too_fast:
    return {&replies::connection_rate, "rate"};
  case ClientRefusal::locked_out:
    return {&replies::locked_out, "locked_out"};
  }
  return {&replies::locked_out, "locked_out"}; // not reached: the switch is complete
}

} // namespace

Door::Door()
    : own_(own_shape.size() / sizeof(std::uint64_t)),
      limits_(LimitTable(std::as_writable_bytes(std::span(own_)), own_shape, random_key()), 0) {}

Expected<void> Door::share(const ipc::ClientTable& table, const UniqueFd& memory) {
  const LimitTableShape shape{.slots = table.slots, .columns = table.columns};
  if (shape.slots == 0 || shape.slots % LimitTable::bucket_size != 0 ||
      table.column >= shape.columns)
    return fail("a table of an impossible shape");
  auto mapped = os::SharedMemory::map(memory, shape.size());
  if (!mapped)
    return std::unexpected(mapped.error());
  shared_.emplace(std::move(*mapped));
  limits_ = ClientLimits(LimitTable(shared_->bytes(), shape, table.key), table.column);
  own_ = {};
  return {};
}

std::expected<ClientLimits::Visit, Door::Refusal>
Door::admit(const Generation& generation, const IpAddress& address, ClientLimits::Time now) {
  if (!generation.allows(address))
    return std::unexpected(Refusal{&replies::access_denied, "access"});
  auto visit = limits_.admit(address, generation.client_limits, now);
  if (!visit)
    return std::unexpected(refusal_of(visit.error()));
  return std::move(*visit);
}

void turn_away(UniqueFd socket, const Reply& reply, std::string_view hostname) {
  std::string line;
  append_reply(line, reply, hostname);
  ::send(socket.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace letterlock::smtpd
