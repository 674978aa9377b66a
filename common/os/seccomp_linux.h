// A small assembler of seccomp filters: rules on system calls become the kernel's classic BPF.
//
// What a filter sees are numbers: which call, and its arguments as they stand in the registers. It
// cannot look behind a pointer. See seccomp(2) and the kernel's seccomp_filter documentation.
#pragma once

#include "common/base/error.h"

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

namespace letterlock::os {

// Holds when (argument & mask) == value.
struct ArgumentTest {
  unsigned index; // 0 to 5
  std::uint64_t mask;
  std::uint64_t value;
};

// An argument whose type in the kernel is 32 bits wide: the upper half of the register does not
// count there, and must not count here.
constexpr ArgumentTest is(unsigned index, std::uint32_t value) {
  return {index, 0xffffffff, value};
}
// A pointer, or a number that the kernel takes with all 64 bits.
constexpr ArgumentTest is_zero(unsigned index) {
  return {index, ~std::uint64_t{0}, 0};
}
constexpr ArgumentTest has_none_of(unsigned index, std::uint32_t flags) {
  return {index, flags, 0};
}

// All of the tests hold.
using ArgumentTests = std::vector<ArgumentTest>;

struct SyscallRule {
  // What happens to a call that is not allowed: an error number is its answer, 0 ends the process.
  static constexpr int kill = 0;

  long number = -1;
  bool always_allowed = false;
  std::vector<ArgumentTests> allowed_when; // any of these; looked at unless always_allowed
  int otherwise = kill;
};

using SyscallFilter = std::vector<sock_filter>;

// The process ends (SIGSYS, all its threads) on any call without a rule, and on any call by
// another architecture's convention (i386 or x32 on x86_64), whose numbers mean other calls.
// Throws std::logic_error when two rules name one call or a rule is too long for a jump.
SyscallFilter assemble(std::span<const SyscallRule> rules);

// For the calling thread, for ever. Needs no_new_privs.
Expected<void> install(const SyscallFilter& filter);

} // namespace letterlock::os
