// Listening sockets, bound by the parent and passed to the processes that accept.
#pragma once

#include "common/base/error.h"
#include "common/base/unique_fd.h"
#include "common/conf/listen_address.h"

namespace letterlock::letterlockd {

// A non-blocking TCP socket that listens there. An IPv6 socket takes IPv6 only, so that
// 0.0.0.0:25 and [::]:25 stand side by side. A port that is taken is an error.
Expected<UniqueFd> open_listening_socket(const conf::ListenAddress& address);

} // namespace letterlock::letterlockd
