// ClientTables: the memory in which the workers of a role count their clients together.
//
// Made for each role that has workers, once; passed to each of its processes, and cleared of what a
// process had open when it has ended. What the workers write there is never used here.
#pragma once

#include "common/base/limit_table.h"
#include "common/ipc/logger.h"
#include "common/os/shared_memory.h"
#include "letterlockd/child.h"

#include <cstdint>
#include <map>

namespace letterlock::letterlockd {

class ClientTables {
public:
  // CONNECTIONS is how many a role may have open, WORKERS how many processes it has.
  ClientTables(std::uint32_t connections, unsigned workers, ipc::Logger& log);
  // To a child that has just come up, if it is of such a role. Without memory for a table its
  // workers count apart, and the log says so.
  void give(Child& child);
  void ended(const Child& child);

private:
  struct Table {
    os::SharedMemory memory;
    SipKey key;
    LimitTable counts;
  };

  LimitTableShape shape_;
  ipc::Logger& log_;
  std::map<Role, Table> tables_;
};

} // namespace letterlock::letterlockd
