// The assembler of call filters, tried on the kernel itself.
#include "common/os/seccomp_linux.h"
#include "common/os/syscalls_linux.h"
#include "tests/unit/check.h"
#include "tests/unit/forked.h"

#include <linux/filter.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <stdexcept>

using namespace letterlock;
using os::SyscallRule;

namespace {

// Whether semget(2), a call that nothing else makes, passes with these arguments in a process
// whose filter holds RULE for it. The answer is the error number; nothing here makes it 0, as
// there is no such set: ENOENT means that the call was let through.
Fate call_under(const SyscallRule& rule, std::uint64_t first, std::uint64_t second) {
  return run_forked([&]() -> int {
    const std::vector<SyscallRule> rules = {
        {.number = SYS_exit_group, .always_allowed = true, .allowed_when = {}}, rule};
    const auto filter = os::assemble(rules);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !os::install(filter))
      return 250;
    const long result = ::syscall(SYS_semget, first, second, 0);
    // At once: giving back memory may be a call, and leaving by _exit(2) is some with sanitizers.
    ::syscall(SYS_exit_group, result == -1 ? errno : 0);
    return 251;
  });
}

constexpr std::uint64_t key = 0x7e57;
constexpr std::uint64_t high_bit = std::uint64_t{1} << 32;

struct Case {
  std::vector<os::ArgumentTests> allowed_when;
  std::uint64_t first, second;
  bool passes;
};

void argument_tests_decide(void**) {
  const Case cases[] = {
      {{}, key, 0, false},
      {{{os::is(0, key)}}, key, 0, true},
      {{{os::is(0, key)}}, key + 1, 0, false},
      // The kernel takes 32 bits of such an argument, so that is what is compared.
      {{{os::is(0, key)}}, key | high_bit, 0, true},
      {{{{0, ~std::uint64_t{0}, key}}}, key, 0, true},
      {{{{0, ~std::uint64_t{0}, key}}}, key | high_bit, 0, false},
      {{{os::is_zero(1)}}, key, 0, true},
      {{{os::is_zero(1)}}, key, 1, false},
      {{{os::is_zero(1)}}, key, high_bit, false},
      {{{os::has_none_of(1, 4)}}, key, 3, true},
      {{{os::has_none_of(1, 4)}}, key, 7, false},
      {{{os::is(0, key), os::is(1, 5)}}, key, 5, true},
      {{{os::is(0, key), os::is(1, 5)}}, key, 6, false},
      {{{os::is(0, key), os::is(1, 5)}}, key + 1, 5, false},
      {{{os::is(1, 5)}, {os::is(1, 6)}}, key, 5, true},
      {{{os::is(1, 5)}, {os::is(1, 6)}}, key, 6, true},
      {{{os::is(1, 5)}, {os::is(1, 6)}}, key, 7, false},
      {{{os::is(0, 1), os::has_none_of(1, 1)}, {os::is(0, key), os::is_zero(1)}}, key, 0, true},
  };
  for (const Case& tried : cases) {
    const SyscallRule rule{
        .number = SYS_semget, .allowed_when = tried.allowed_when, .otherwise = EXDEV};
    const Fate fate = call_under(rule, tried.first, tried.second);
    const Fate refused{0, EXDEV};
    if ((fate == refused) == tried.passes || fate.signal != 0 || fate.code == 250)
      fail_msg("case %d: %s", static_cast<int>(&tried - cases), fate.text().c_str());
  }
}

void a_refusal_may_kill(void**) {
  const SyscallRule rule{.number = SYS_semget, .allowed_when = {{os::is(1, 1)}}};
  assert_text_equal(call_under(rule, key, 0).text(), Fate{SIGSYS, 0}.text());
}

void a_call_without_a_rule_kills(void**) {
  const SyscallRule other{.number = SYS_semctl, .always_allowed = true, .allowed_when = {}};
  assert_text_equal(call_under(other, key, 0).text(), Fate{SIGSYS, 0}.text());
}

void two_rules_for_a_call_are_a_mistake(void**) {
  const std::vector<SyscallRule> rules(
      2, {.number = SYS_read, .always_allowed = true, .allowed_when = {}});
  bool refused = false;
  try {
    os::assemble(rules);
  } catch (const std::logic_error&) {
    refused = true;
  }
  assert_true(refused);
}

// Assembling them finds double rules and rules that are too long.
void every_role_has_a_filter(void**) {
  for (const os::Rights& rights : os::rights_table)
    if (rights.confined)
      assert_in_range(os::assemble(os::syscall_rules(rights)).size(), 100, BPF_MAXINSNS);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(argument_tests_decide),
      cmocka_unit_test(a_refusal_may_kill),
      cmocka_unit_test(a_call_without_a_rule_kills),
      cmocka_unit_test(two_rules_for_a_call_are_a_mistake),
      cmocka_unit_test(every_role_has_a_filter),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
