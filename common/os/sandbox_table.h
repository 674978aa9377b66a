// What each role may do: the one table from which every system's sandbox is derived.
//
// Linux turns it into system call filters and Landlock rules (syscalls_linux.cc,
// landlock_linux.cc), OpenBSD into pledge promises and unveiled paths (sandbox_openbsd.cc).
// docs/security.md shows it to people.
#pragma once

#include "common/base/role.h"

#include <array>

namespace letterlock::os {

// Which files a process may reach by name, always below its root directory only. Descriptors that
// it was given are not limited by this.
enum class Files : std::uint8_t {
  none,  // no path at all
  log,   // read, append, rename within one directory, remove
  store, // the same in a tree: make directories, link, move between directories, set times
};

struct Rights {
  bool confined; // has a root directory, a user and filters of its own; false: the parent
  bool accepts_connections; // on listening sockets that it was given
  bool connects_out;        // makes UDP and TCP sockets of its own and connects them
  bool has_threads;
  bool makes_shared_memory; // memory files whose size is sealed, to hand to other processes
  Files files;
};

// In the order of Role.
inline constexpr std::array<Rights, role_count> rights_table = {{
    //               confined accepts connects threads memory files
    /* letterlockd */ {false, true, false, false, true, Files::store},
    /* smtpd       */ {true, true, false, false, false, Files::none},
    /* pop3d       */ {true, true, false, false, false, Files::none},
    /* queued      */ {true, false, false, true, true, Files::store},
    /* authd       */ {true, false, false, true, false, Files::none},
    /* keyd        */ {true, false, false, false, false, Files::none},
    /* resolvd     */ {true, false, true, false, false, Files::none},
    /* logd        */ {true, false, false, false, false, Files::log},
}};

constexpr const Rights& rights_of(Role role) {
  return rights_table[static_cast<std::size_t>(role)];
}

static_assert(!rights_of(Role::letterlockd).confined && rights_of(Role::logd).files == Files::log);

} // namespace letterlock::os
