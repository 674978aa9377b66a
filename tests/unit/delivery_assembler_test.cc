// Begin, Recipient…, Content…, Commit become one delivery; everything out of place is refused.
#include "queued/delivery_assembler.h"

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

constexpr Borrower borrower{1};

ipc::Begin begin_from(std::string_view reverse_path) {
  ipc::Begin begin;
  begin.transaction.bytes[0] = 1;
  begin.received = 1000;
  begin.reverse_path = *ipc::AddressText::from(reverse_path);
  return begin;
}

ipc::Recipient to(std::uint32_t account, std::string_view address) {
  return {account, *ipc::AddressText::from(address)};
}

ipc::Content part(std::string_view text) {
  return {*ipc::Blob<ipc::content_part_max>::of(as_bytes(text))};
}

ipc::Commit commit_with(std::string_view trace) {
  ipc::Commit commit;
  commit.transaction.bytes[0] = 1;
  commit.trace = *ipc::Blob<2048>::of(as_bytes(trace));
  return commit;
}

void accounts_get_a_copy_each_with_their_own_addresses(void**) {
  DeliveryAssembler assembler;
  assert_true(assembler.on(begin_from("a@example.org")).has_value());
  assert_true(assembler.on(to(1, "x@example.com")).has_value());
  assert_true(assembler.on(to(2, "y@example.net")).has_value());
  assert_true(assembler.on(to(1, "z@example.com")).has_value());
  assert_true(assembler.on(part("Subject: a\n")).has_value());
  assert_true(assembler.on(part("\nb\n")).has_value());
  const auto delivery = assembler.on(commit_with("Received: by us\n"), borrower);
  assert_true(delivery.has_value());
  assert_int_equal(delivery->copies.size(), 2);
  assert_text_equal(delivery->copies[0].head,
                    "Return-Path: <a@example.org>\nDelivered-To: x@example.com\n"
                    "Delivered-To: z@example.com\nReceived: by us\n");
  assert_text_equal(delivery->copies[1].head, "Return-Path: <a@example.org>\n"
                                              "Delivered-To: y@example.net\nReceived: by us\n");
  assert_text_equal(std::get<InlineContent>(delivery->content).bytes, "Subject: a\n\nb\n");
}

void what_the_commit_says_of_the_content_is_passed_on(void**) {
  DeliveryAssembler assembler;
  assert_true(assembler.on(begin_from("")).has_value());
  assert_true(assembler.on(to(1, "x@example.com")).has_value());
  ipc::Commit commit = commit_with("");
  commit.size = 11;
  commit.wire_size = 13;
  commit.header_size = 7;
  commit.crc = 0x12345678;
  const auto delivery = assembler.on(commit, borrower);
  assert_true(delivery.has_value());
  assert_int_equal(delivery->stored_size, 11);
  assert_int_equal(delivery->wire_size, 13);
  assert_int_equal(delivery->header_size, 7);
  assert_int_equal(delivery->crc, 0x12345678);
  assert_int_equal(delivery->received, 1000);
}

void a_null_sender_has_an_empty_return_path(void**) {
  DeliveryAssembler assembler;
  assert_true(assembler.on(begin_from("")).has_value());
  assert_true(assembler.on(to(1, "x@example.com")).has_value());
  const auto delivery = assembler.on(commit_with("R: x\n"), borrower);
  assert_true(delivery.has_value());
  assert_text_equal(delivery->copies[0].head,
                    "Return-Path: <>\nDelivered-To: x@example.com\nR: x\n");
}

void what_is_out_of_place_is_refused(void**) {
  {
    DeliveryAssembler assembler;
    assert_false(assembler.on(to(1, "x@example.com")).has_value());
    assert_false(assembler.on(part("x")).has_value());
    assert_false(assembler.on(commit_with("R: x\n"), borrower).has_value());
  }
  {
    DeliveryAssembler assembler;
    assert_true(assembler.on(begin_from("")).has_value());
    assert_false(assembler.on(begin_from("")).has_value());
  }
  {
    DeliveryAssembler assembler;
    assert_true(assembler.on(begin_from("")).has_value());
    assert_false(assembler.on(commit_with("R: x\n"), borrower).has_value()); // no recipient
  }
  {
    DeliveryAssembler assembler;
    assert_true(assembler.on(begin_from("")).has_value());
    assert_true(assembler.on(to(1, "x@example.com")).has_value());
    ipc::Commit other = commit_with("R: x\n");
    other.transaction.bytes[0] = 2;
    assert_false(assembler.on(other, borrower).has_value());
  }
}

void a_trace_cannot_end_the_header_or_smuggle_octets(void**) {
  for (const std::string_view trace :
       {std::string_view("\nbody\n"), std::string_view("R: x\n\nbody\n"), std::string_view("R: x"),
        std::string_view("R: x\r\n"), std::string_view("R: \0\n", 5)}) {
    DeliveryAssembler assembler;
    assert_true(assembler.on(begin_from("")).has_value());
    assert_true(assembler.on(to(1, "x@example.com")).has_value());
    assert_false(assembler.on(commit_with(trace), borrower).has_value());
  }
}

void addresses_that_are_none_are_refused(void**) {
  for (const std::string_view address :
       {"", "x", "x@", "@y", "a b@example.com", "a>@example.com"}) {
    DeliveryAssembler assembler;
    assert_true(assembler.on(begin_from("")).has_value());
    assert_true(assembler.on(to(1, address)).has_value());
    assert_false(assembler.on(commit_with("R: x\n"), borrower).has_value());
  }
}

void content_as_frames_is_bounded(void**) {
  DeliveryAssembler assembler;
  assert_true(assembler.on(begin_from("")).has_value());
  assert_true(assembler.on(to(1, "x@example.com")).has_value());
  const std::string longest(ipc::content_part_max, 'x');
  std::size_t taken = 0;
  while (assembler.on(part(longest)).has_value())
    taken += longest.size();
  assert_in_range(taken, DeliveryAssembler::most_inline - longest.size(),
                  DeliveryAssembler::most_inline);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(accounts_get_a_copy_each_with_their_own_addresses),
      cmocka_unit_test(what_the_commit_says_of_the_content_is_passed_on),
      cmocka_unit_test(a_null_sender_has_an_empty_return_path),
      cmocka_unit_test(what_is_out_of_place_is_refused),
      cmocka_unit_test(a_trace_cannot_end_the_header_or_smuggle_octets),
      cmocka_unit_test(addresses_that_are_none_are_refused),
      cmocka_unit_test(content_as_frames_is_bounded),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
