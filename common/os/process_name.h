// The name under which ps(1) and top(1) show a process.
#pragma once

#include <string_view>

namespace letterlock::os {

// Programs that are started by descriptor would otherwise be shown as a number by older kernels.
// To be called before the sandbox; a system that does not have it goes without.
void set_process_name(std::string_view name);

} // namespace letterlock::os
