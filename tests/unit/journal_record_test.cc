// The bytes of each record, and what is no record.
#include "tests/unit/journal_bytes.h"

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued::journal;

namespace {

constexpr std::string_view id_a = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";
constexpr std::string_view id_b = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";

std::string hex(std::initializer_list<std::string_view> pieces) {
  std::string all;
  for (const std::string_view piece : pieces)
    all += piece;
  return from_hex(all);
}

Accept full_accept() {
  Accept accept;
  accept.transaction = id_of(0x0a);
  accept.message = id_of(0x0b);
  accept.received = 0x0102030405060708;
  accept.stored_size = 3;
  accept.wire_size = 4;
  accept.header_size = 1;
  accept.crc = 0xaabbccdd;
  accept.copies = {{7, 0x99, "H\n"}, {8, 1, ""}};
  accept.content = "abc";
  return accept;
}

const std::string_view accept_fields =
    "0807060504030201 0300000000000000 0400000000000000 0100000000000000 ddccbbaa"
    "00 00 0200 03000000"
    "07000000 02000000 9900000000000000 480a"
    "08000000 00000000 0100000000000000"
    "616263";

RelayEnvelope full_relay() {
  RelayEnvelope relay;
  relay.reverse_path = "a@b";
  relay.recipients = {{"c@d", "NEVER", "rfc822;c"}, {"e@f", "", ""}};
  relay.envelope_id = "E1";
  relay.ret = "HDRS";
  relay.not_before = 5;
  return relay;
}

const std::string_view relay_fields =
    "0100 0000 03000000 614062"
    "0200 0000 18000000 0300 0500 0800 0000 634064 4e45564552 7266633832323b63"
    "0200 0000 0b000000 0300 0000 0000 0000 654066"
    "0300 0000 02000000 4531"
    "0400 0000 04000000 48445253"
    "0500 0000 08000000 0500000000000000";

// What decodes, encodes to the same again.
void assert_same_after_decoding(const Record& record, const std::string& bytes) {
  assert_text_equal(to_hex(body_of(record)), to_hex(bytes));
  const auto decoded = decode_body(type_of(record), as_bytes(bytes));
  assert_true(decoded.has_value());
  if (!*decoded)
    fail_msg("%s", decoded->error().text.c_str());
  assert_int_equal((*decoded)->index(), record.index());
  assert_text_equal(to_hex(body_of(**decoded)), to_hex(bytes));
  // Each octet is needed.
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = decode_body(type_of(record), as_bytes(bytes).first(size));
    if (cut->has_value() && body_of(**cut).size() != size)
      fail_msg("the first %zu octets decode to something else", size);
  }
}

void an_accept(void**) {
  const std::string bytes = hex({id_a, id_b, accept_fields});
  assert_same_after_decoding(full_accept(), bytes);
  const auto decoded = decode_body(1, as_bytes(bytes));
  const auto& accept = std::get<Accept>(**decoded);
  assert_int_equal(accept.received, 0x0102030405060708);
  assert_int_equal(accept.copies.size(), 2);
  assert_int_equal(accept.copies[0].mailbox, 7);
  assert_int_equal(accept.copies[0].sequence, 0x99);
  assert_text_equal(accept.copies[0].head, "H\n");
  assert_text_equal(accept.content, "abc");
  assert_false(accept.relay.has_value());
}

void an_accept_for_other_hosts(void**) {
  Accept accept = full_accept();
  accept.relay = full_relay();
  const std::string bytes = hex({id_a, id_b, accept_fields, relay_fields});
  assert_same_after_decoding(accept, bytes);
  const auto decoded = decode_body(1, as_bytes(bytes));
  const auto& relay = std::get<Accept>(**decoded).relay;
  assert_text_equal(relay->recipients[0].original, "rfc822;c");
  assert_text_equal(relay->ret, "HDRS");
  assert_int_equal(relay->not_before, 5);

  Accept from_nobody = small_accept(1);
  from_nobody.copies.clear();
  from_nobody.relay = RelayEnvelope{};
  from_nobody.relay->recipients = {{"c@d", "", ""}};
  const std::string null_path = body_of(from_nobody);
  const auto second = decode_body(1, as_bytes(null_path));
  assert_true(second->has_value());
  assert_text_equal(std::get<Accept>(**second).relay->reverse_path, "");
}

void an_accept_of_a_large_message(void**) {
  Accept accept = full_accept();
  accept.large = true;
  accept.content = {};
  accept.stored_size = std::uint64_t{5} << 32;
  const std::string body = body_of(accept);
  assert_text_equal(body.substr(68, 2), std::string("\1\0", 2));
  assert_same_after_decoding(accept, body);
}

void a_materialised(void**) {
  assert_same_after_decoding(Materialised{id_of(0x0a), 0x1234}, hex({id_a, "3412000000000000"}));
}

void an_outcome(void**) {
  Outcome outcome;
  outcome.message = id_of(0x0b);
  outcome.recipients = {{1, RecipientState::deferred, 9, "451 no"},
                        {0x102, RecipientState::done, 0, ""}};
  const std::string_view fields = "0200 000000000000"
                                  "0100 01 0000000000 0900000000000000 06000000 343531206e6f"
                                  "0201 02 0000000000 0000000000000000 00000000";
  assert_same_after_decoding(outcome, hex({id_b, fields}));

  const std::string dsn = body_of(small_accept(4));
  outcome.dsn = dsn;
  std::string length;
  for (std::size_t i = 0; i < 4; ++i)
    length += static_cast<char>(dsn.size() >> 8 * i & 0xff);
  assert_same_after_decoding(outcome,
                             hex({id_b, fields, "0600 0000", to_hex(length), to_hex(dsn)}));
}

void an_expunge(void**) {
  Expunge expunge;
  expunge.transaction = id_of(0x0a);
  expunge.mailbox = 3;
  const std::string_view foreign = "1.x";
  expunge.names = {{id_of(0x0b)}, {foreign}};
  assert_same_after_decoding(
      expunge, hex({id_a, "03000000 02000000", "00 00 1000", id_b, "01 00 0300 312e78"}));
}

void a_void_a_retire(void**) {
  assert_same_after_decoding(Void{2, 0x103}, hex({"0200000000000000 0301000000000000"}));
  assert_same_after_decoding(Retire{7, -1}, hex({"0700000000000000 ffffffffffffffff"}));
}

void a_seen_and_positions(void**) {
  assert_same_after_decoding(Seen{{id_of(0x0b), id_of(0x0a)}},
                             hex({"02000000 00000000", id_b, id_a}));
  assert_same_after_decoding(Seen{}, hex({"00000000 00000000"}));
  assert_same_after_decoding(Positions{{{1, 5}, {0x0203, 0x0102030405060708}}},
                             hex({"02000000 00000000", "01000000 00000000 0500000000000000",
                                  "03020000 00000000 0807060504030201"}));
}

void an_unknown_type_is_none_of_ours(void**) {
  for (const unsigned type : {0u, 9u, 255u})
    assert_false(decode_body(static_cast<std::uint8_t>(type), {}).has_value());
}

void unknown_tagged_fields_are_skipped(void**) {
  const std::string_view unknown = "0080 0000 03000000 616263";
  for (const auto& [type, bytes] : {std::pair(1, hex({id_a, id_b, accept_fields, relay_fields})),
                                    std::pair(2, hex({id_a, "3412000000000000"})),
                                    std::pair(5, hex({"0200000000000000 0300000000000000"}))}) {
    const std::string longer = bytes + from_hex(unknown);
    const auto decoded = decode_body(static_cast<std::uint8_t>(type), as_bytes(longer));
    assert_true(decoded->has_value());
    assert_text_equal(to_hex(body_of(**decoded)), to_hex(bytes));
    const std::string short_of_one = longer.substr(0, longer.size() - 1);
    assert_false(decode_body(static_cast<std::uint8_t>(type), as_bytes(short_of_one))->has_value());
  }
}

struct Refused {
  const char* what;
  std::uint8_t type;
  std::string bytes;
};

void what_is_no_record_is_refused(void**) {
  const std::string head = "0000000000000000 0000000000000000 0000000000000000 0000000000000000";
  const std::string accept = hex({id_a, id_b, accept_fields});
  const auto changed = [&](std::size_t at, char to) {
    std::string bytes = accept;
    bytes[at] = to;
    return bytes;
  };
  const std::string outcome_start = hex({id_b, "0100 000000000000"});
  const std::string sequence_out_of_range = "ffffffffffffffff";
  const Refused table[] = {
      {"nobody's message", 1, hex({id_a, id_b, head, "00000000 00 00 0000 00000000"})},
      {"an unknown place", 1, changed(68, 2)},
      {"not zero", 1, changed(69, 1)},
      {"too many copies", 1, changed(71, 1)},
      {"less content than it says", 1, changed(72, 2)},
      {"another stored size", 1, changed(40, 2)},
      {"large with content", 1, changed(68, 1)},
      {"a relay recipient without a sender", 1,
       accept + from_hex("0200 0000 0b000000 0300 0000 0000 0000 654066")},
      {"a sender without recipients", 1, accept + from_hex("0100 0000 00000000")},
      {"two senders", 1,
       accept + from_hex("0100 0000 00000000 0100 0000 00000000"
                         "0200 0000 0b000000 0300 0000 0000 0000 654066")},
      {"tags out of order", 1,
       accept + from_hex("0200 0000 0b000000 0300 0000 0000 0000 654066 0100 0000 00000000")},
      {"a recipient without an address", 1,
       accept + from_hex("0100 0000 00000000 0200 0000 08000000 0000 0000 0000 0000")},
      {"a recipient with more", 1,
       accept + from_hex("0100 0000 00000000 0200 0000 0c000000 0300 0000 0000 0000 65406600")},
      {"an empty ENVID", 1,
       accept + from_hex("0100 0000 00000000 0200 0000 0b000000 0300 0000 0000 0000 654066"
                         "0300 0000 00000000")},
      {"a time of seven octets", 1,
       accept + from_hex("0100 0000 00000000 0200 0000 0b000000 0300 0000 0000 0000 654066"
                         "0500 0000 07000000 01000000000000")},
      {"Materialised to nowhere", 2, hex({id_a, sequence_out_of_range})},
      {"an unknown state", 3,
       outcome_start + from_hex("0100 04 0000000000 0900000000000000 00000000")},
      {"more recipients than fit", 3,
       hex({id_b, "0200 000000000000", "0100 01 0000000000 0900000000000000 00000000"})},
      {"a DSN that is none", 3, hex({id_b, "0000 000000000000", "0600 0000 02000000 0000"})},
      {"an empty DSN", 3, hex({id_b, "0000 000000000000", "0600 0000 00000000"})},
      {"an unknown kind of name", 4, hex({id_a, "03000000 01000000 02 00 0100 61"})},
      {"a short message id", 4, hex({id_a, "03000000 01000000 00 00 0100 61"})},
      {"no name", 4, hex({id_a, "03000000 01000000 01 00 0000"})},
      {"a path", 4, hex({id_a, "03000000 01000000 01 00 0300 612f62"})},
      {"a way out", 4, hex({id_a, "03000000 01000000 01 00 0200 2e2e"})},
      {"a zero in a name", 4, hex({id_a, "03000000 01000000 01 00 0200 6100"})},
      {"4 billion names", 4, hex({id_a, "03000000 ffffffff 01 00 0100 61"})},
      {"nothing void", 5, hex({"0000000000000000 0300000000000000"})},
      {"a range backward", 5, hex({"0400000000000000 0300000000000000"})},
      {"a range without end", 5, hex({"0400000000000000", sequence_out_of_range})},
      {"everything retired", 6, hex({sequence_out_of_range, "0000000000000000"})},
      {"4 billion transactions", 7, hex({"ffffffff 00000000", id_a})},
      {"4 billion mailboxes", 8, hex({"ffffffff 00000000", "01000000 00000000 0500000000000000"})},
      {"more than a record", 6, hex({"0700000000000000 0000000000000000 00"})},
  };
  for (const Refused& row : table) {
    const auto decoded = decode_body(row.type, as_bytes(row.bytes));
    if (!decoded || decoded->has_value())
      fail_msg("taken: %s", row.what);
    assert_false(decoded->error().text.empty());
  }
}

void a_relay_without_recipients_is_not_written(void**) {
  Accept accept = full_accept();
  accept.relay = RelayEnvelope{};
  assert_text_equal(to_hex(body_of(accept)), to_hex(body_of(full_accept())));
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_accept),
      cmocka_unit_test(an_accept_for_other_hosts),
      cmocka_unit_test(an_accept_of_a_large_message),
      cmocka_unit_test(a_materialised),
      cmocka_unit_test(an_outcome),
      cmocka_unit_test(an_expunge),
      cmocka_unit_test(a_void_a_retire),
      cmocka_unit_test(a_seen_and_positions),
      cmocka_unit_test(an_unknown_type_is_none_of_ours),
      cmocka_unit_test(unknown_tagged_fields_are_skipped),
      cmocka_unit_test(what_is_no_record_is_refused),
      cmocka_unit_test(a_relay_without_recipients_is_not_written),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
