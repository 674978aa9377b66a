// Tests how many connections of one address pop3d takes, alone and with other workers.
#include "tests/unit/pop3_process.h"

#include "common/base/client_limits.h"
#include "common/os/shared_memory.h"
#include "tests/unit/check.h"

namespace {

using namespace letterlock;
using namespace letterlock::test;

constexpr std::string_view greeting = "+OK POP3 server ready on pop.example\r\n";
constexpr std::string_view refusal =
    "-ERR [SYS/TEMP] there are too many connections from your address\r\n";

void who_has_enough_connections_is_told_so(void**) {
  Pop3Process pop3(Wish{.connections_per_address = 2});
  auto first = pop3.dial();
  first->expect(greeting);
  auto second = pop3.dial();
  second->expect(greeting);
  auto third = pop3.dial();
  third->expect(refusal);
  third->expect_end();
  first->hang_up();
  // Its place is free as soon as the service has seen it go.
  second->ask("NOOP\r\n", "-ERR log in first\r\n");
  pop3.dial()->expect(greeting);
}

void the_workers_of_a_table_count_together(void**) {
  const LimitTableShape shape{4096, 2};
  auto memory = os::SharedMemory::make(shape.size());
  assert_true(memory.has_value());
  const SipKey key{1, 2, 3};
  ClientLimits neighbour(LimitTable(memory->bytes(), shape, key), 1);
  Pop3Process pop3(Wish{.connections_per_address = 1});
  pop3.service.on(ipc::ClientTable{4096, 2, 0, key},
                  UniqueFd(::fcntl(memory->descriptor().get(), F_DUPFD_CLOEXEC, 0)));
  const ClientLimitSettings one{.connections = 1};
  const auto home = *IpAddress::parse("127.0.0.1");
  {
    const auto visit = neighbour.admit(home, one, {});
    assert_true(visit.has_value());
    pop3.dial()->expect(refusal);
  }
  auto client = pop3.dial();
  client->expect(greeting);
  assert_true(neighbour.admit(home, one, {}).error() == ClientRefusal::too_many);
}

// The service then counts for itself.
void a_table_that_is_none_is_not_used(void**) {
  auto memory = os::SharedMemory::make(4096);
  assert_true(memory.has_value());
  Pop3Process pop3(Wish{.connections_per_address = 1});
  pop3.service.on(ipc::ClientTable{4096, 2, 0, {}}, // another size
                  UniqueFd(::fcntl(memory->descriptor().get(), F_DUPFD_CLOEXEC, 0)));
  auto first = pop3.dial();
  first->expect(greeting);
  pop3.dial()->expect(refusal);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(who_has_enough_connections_is_told_so),
      cmocka_unit_test(the_workers_of_a_table_count_together),
      cmocka_unit_test(a_table_that_is_none_is_not_used),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
