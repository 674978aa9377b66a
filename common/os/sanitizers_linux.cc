// What the test build's AddressSanitizer needs in the sandbox; nothing in any other build.
#if defined(__linux__)

#include "common/os/syscalls_linux.h"

#include <sys/syscall.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LETTERLOCK_WITH_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define LETTERLOCK_WITH_ASAN
#endif

namespace letterlock::os {

#if defined(LETTERLOCK_WITH_ASAN)

namespace {
bool sandboxed = false;
}

std::vector<SyscallRule> sanitizer_syscall_rules() {
  sandboxed = true;
  std::vector<SyscallRule> rules;
#if defined(__x86_64__)
  // UBSan tests whether memory is readable by writing it into a pipe, made in the old way.
  rules.push_back({.number = SYS_pipe, .always_allowed = true, .allowed_when = {}});
#endif
  return rules;
}

#else

std::vector<SyscallRule> sanitizer_syscall_rules() {
  return {};
}

#endif

} // namespace letterlock::os

#if defined(LETTERLOCK_WITH_ASAN)
// LeakSanitizer asks this at exit. It would trace the process from another one, which is just what
// the sandbox forbids, and end in a fatal error of its own.
extern "C" int __lsan_is_turned_off();
extern "C" int __lsan_is_turned_off() {
  return letterlock::os::sandboxed;
}
#endif

#endif
