// Checks a received descriptor before anybody uses it.
#pragma once

#include "common/ipc/message_types.h"

namespace letterlock::ipc {

// Whether the descriptor is of the declared kind: a socket of the right family and type, in the
// right state, or a regular file with the right access mode. A compromised sender could pass a
// directory, a device or a pipe instead.
bool is_what_it_should_be(Carries carries, int fd);

} // namespace letterlock::ipc
