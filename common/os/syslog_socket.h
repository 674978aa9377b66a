// The connection to the system's log.
#pragma once

#include "common/base/unique_fd.h"

namespace letterlock::os {

// A datagram socket that is connected to the local syslogd; none if there is none. It takes
// messages in the form of RFC 3164 without time and host, as syslog(3) sends them.
UniqueFd connect_to_syslog();

} // namespace letterlock::os
