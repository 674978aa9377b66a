// A table of limits, the parent's or one of our own.
#include "common/ipc/worker_limits.h"

#include "common/base/id128.h"

#include <utility>

namespace letterlock::ipc {

namespace {

// For a worker alone: enough for 1,000 connections, each of another address and network.
constexpr LimitTableShape own_shape{.slots = 8192, .columns = 1};

SipKey random_key() {
  return Id128::random().bytes;
}

} // namespace

WorkerLimits::WorkerLimits()
    : own_(own_shape.size() / sizeof(std::uint64_t)),
      limits_(LimitTable(std::as_writable_bytes(std::span(own_)), own_shape, random_key()), 0) {}

Expected<void> WorkerLimits::share(const ClientTable& table, const UniqueFd& memory) {
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

std::string_view name_of(ClientRefusal refusal) {
  switch (refusal) {
  case ClientRefusal::too_many:
    return "connections";
  case ClientRefusal::too_fast:
    return "rate";
  case ClientRefusal::locked_out:
    return "locked_out";
  }
  std::unreachable();
}

} // namespace letterlock::ipc
