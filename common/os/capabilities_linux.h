// Linux capabilities: the parts of root's power, see capabilities(7). Raw calls, no libcap.
#pragma once

#include "common/base/error.h"

#include <cstdint>

namespace letterlock::os {

// A set of capabilities: bit N is the capability numbered N in <linux/capability.h>.
using CapabilitySet = std::uint64_t;

inline constexpr CapabilitySet no_capabilities = 0;

// What the parent keeps: it binds ports below 1024, opens and hands over files of other users,
// raises limits, and starts, confines and signals children of other users.
CapabilitySet parent_capabilities();

// Removes all but KEEP from the bounding set, beyond which no later program can get. False, and
// nothing done, without CAP_SETPCAP; no_new_privs then has to do the same work.
Expected<bool> limit_bounding_set(CapabilitySet keep);

// Reduces permitted and effective to KEEP of what is there, empties inheritable and ambient, and
// reads back.
Expected<void> limit_capabilities(CapabilitySet keep);

} // namespace letterlock::os
