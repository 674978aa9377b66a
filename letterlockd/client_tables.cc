// Tables that workers share.
#include "letterlockd/client_tables.h"

#include "common/base/id128.h"
#include "letterlockd/programs.h"

#include <fcntl.h>

#include <algorithm>
#include <bit>

namespace letterlock::letterlockd {

namespace {

// A connection is counted for its address and its network; addresses that are gone are remembered
// for a while in what is left. The table stays as large as it was at the start: the least is enough
// for 8,000 connections, should a reload allow so many. Its 3 MB are used as addresses come.
constexpr std::uint32_t slots_per_connection = 8;
constexpr std::uint32_t least_slots = 65536;

} // namespace

ClientTables::ClientTables(std::uint32_t connections, unsigned workers, ipc::Logger& log)
    : shape_{.slots = std::bit_ceil(std::max(connections * slots_per_connection, least_slots)),
             .columns = static_cast<std::uint16_t>(workers)},
      log_(log) {}

void ClientTables::give(Child& child) {
  if (!has_workers(child.role))
    return;
  auto found = tables_.find(child.role);
  if (found == tables_.end()) {
    auto memory = os::SharedMemory::make(shape_.size());
    if (!memory) {
      log_.warning("limits.not_shared", {{"process", child.name()}, {"why", memory.error().text}});
      return;
    }
    const SipKey key = Id128::random().bytes;
    const LimitTable counts(memory->bytes(), shape_, key);
    found = tables_.emplace(child.role, Table{std::move(*memory), key, counts}).first;
  }
  const Table& table = found->second;
  child.send(ipc::ClientTable{.slots = shape_.slots,
                              .columns = shape_.columns,
                              .column = child.instance,
                              .key = table.key},
             UniqueFd(::fcntl(table.memory.descriptor().get(), F_DUPFD_CLOEXEC, 0)));
}

void ClientTables::ended(const Child& child) {
  if (const auto found = tables_.find(child.role); found != tables_.end())
    found->second.counts.clear_column(child.instance);
}

} // namespace letterlock::letterlockd
