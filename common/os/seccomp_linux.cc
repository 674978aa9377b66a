// Assembles and installs seccomp filters.
#if defined(__linux__)

#include "common/os/seccomp_linux.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <set>
#include <stdexcept>

namespace letterlock::os {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t native_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t native_architecture = AUDIT_ARCH_AARCH64;
#else
#error "name the audit architecture of this processor"
#endif

// Where the low half of an argument is, and that the high half follows it, rests on this.
static_assert(std::endian::native == std::endian::little);

constexpr std::uint32_t architecture_at = offsetof(seccomp_data, arch);
constexpr std::uint32_t number_at = offsetof(seccomp_data, nr);

constexpr sock_filter load(std::uint32_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}
constexpr sock_filter keep_bits(std::uint32_t mask) {
  return BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask);
}
constexpr sock_filter answer(std::uint32_t action) {
  return BPF_STMT(BPF_RET | BPF_K, action);
}

// A conditional jump has 8 bits for how many instructions it skips.
std::uint8_t distance(std::size_t instructions) {
  if (instructions > 255)
    throw std::logic_error("a seccomp rule is too long to be skipped");
  return static_cast<std::uint8_t>(instructions);
}

sock_filter skip_unless_equal(std::uint32_t value, std::size_t instructions) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, distance(instructions));
}

constexpr std::uint32_t action_of(int otherwise) {
  return otherwise == SyscallRule::kill
             ? static_cast<std::uint32_t>(SECCOMP_RET_KILL_PROCESS)
             : SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(otherwise) & SECCOMP_RET_DATA);
}

// The filter's machine has 32-bit words: a 64-bit argument is compared by halves.
struct HalfTest {
  std::uint32_t offset;
  std::uint32_t mask;
  std::uint32_t value;

  std::size_t length() const { return mask == 0xffffffff ? 2 : 3; }
};

std::vector<HalfTest> halves_of(const ArgumentTests& tests) {
  std::vector<HalfTest> halves;
  for (const ArgumentTest& test : tests)
    for (unsigned half = 0; half < 2; ++half) {
      const auto mask = static_cast<std::uint32_t>(test.mask >> (32 * half));
      if (mask == 0)
        continue;
      const auto at = offsetof(seccomp_data, args) + sizeof(std::uint64_t) * test.index + 4 * half;
      halves.push_back({static_cast<std::uint32_t>(at), mask,
                        static_cast<std::uint32_t>(test.value >> (32 * half))});
    }
  return halves;
}

// Allows the call if all of TESTS hold; if not, execution goes on behind what is appended here.
void append_alternative(SyscallFilter& body, const ArgumentTests& tests) {
  const auto halves = halves_of(tests);
  std::size_t left = 1; // the final answer
  for (const HalfTest& half : halves)
    left += half.length();
  for (const HalfTest& half : halves) {
    left -= half.length();
    body.push_back(load(half.offset));
    if (half.mask != 0xffffffff)
      body.push_back(keep_bits(half.mask));
    body.push_back(skip_unless_equal(half.value, left));
  }
  body.push_back(answer(SECCOMP_RET_ALLOW));
}

// Every way through a body ends in an answer. So the accumulator still holds the number of the
// call whenever the next rule is reached.
SyscallFilter body_of(const SyscallRule& rule) {
  if (rule.always_allowed)
    return {answer(SECCOMP_RET_ALLOW)};
  SyscallFilter body;
  for (const ArgumentTests& tests : rule.allowed_when)
    append_alternative(body, tests);
  body.push_back(answer(action_of(rule.otherwise)));
  return body;
}

} // namespace

SyscallFilter assemble(std::span<const SyscallRule> rules) {
  SyscallFilter filter = {
      load(architecture_at),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, native_architecture, 1, 0),
      answer(SECCOMP_RET_KILL_PROCESS),
      load(number_at),
  };
#if defined(__x86_64__)
  // x32 calls share our architecture and carry this bit in their number.
  constexpr std::uint32_t x32_bit = 0x40000000;
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, x32_bit, 0, 1));
  filter.push_back(answer(SECCOMP_RET_KILL_PROCESS));
#endif
  std::set<long> named;
  for (const SyscallRule& rule : rules) {
    if (!named.insert(rule.number).second)
      throw std::logic_error("two seccomp rules for call " + std::to_string(rule.number));
    const SyscallFilter body = body_of(rule);
    filter.push_back(skip_unless_equal(static_cast<std::uint32_t>(rule.number), body.size()));
    filter.insert(filter.end(), body.begin(), body.end());
  }
  filter.push_back(answer(SECCOMP_RET_KILL_PROCESS));
  return filter;
}

Expected<void> install(const SyscallFilter& filter) {
  if (filter.size() > BPF_MAXINSNS)
    return fail("seccomp filter is too long");
  // The kernel only reads it; the structure was not made for const.
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return fail_errno("install the seccomp filter");
  return {};
}

} // namespace letterlock::os

#endif
