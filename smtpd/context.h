// What everything in this process has of it.
#pragma once

#include "common/ipc/child_process.h"

namespace letterlock::smtpd {

using Context = ipc::ChildContext<Role::smtpd>;

} // namespace letterlock::smtpd
