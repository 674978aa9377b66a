// Names of message files, wire sizes and the table of accounts: the store's pure parts.
#include "common/mail/wire_size.h"
#include "queued/maildir/maildir_name.h"
#include "queued/maildir/own_name.h"
#include "queued/store/account_table.h"
#include "tests/unit/check.h"
#include "tests/unit/store_support.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

constexpr std::string_view hex = "0123456789abcdef0123456789abcdef";

void own_names_round_trip(void**) {
  const auto id = *Id128::from_hex(hex);
  const auto text = format_maildir_name(1700000000, id, MaildirHost("mx.example.com"), 100, 104);
  assert_text_equal(text, "1700000000.0123456789abcdef0123456789abcdef.mx.example.com,S=100,W=104");
  const auto name = MaildirName::parse(text);
  assert_true(name.has_value());
  assert_int_equal(name->time, 1700000000);
  assert_true(name->message == id);
  assert_text_equal(name->uidl(), hex);
  const auto own = OwnName::parse(text);
  assert_true(own.has_value());
  assert_int_equal(own->time, 1700000000);
  assert_true(own->message == id);
  assert_text_equal(own->host, "mx.example.com");
  assert_int_equal(own->stored_size, 100);
  assert_int_equal(own->wire_size, 104);
  assert_text_equal(own->name(), text);
}

void flags_change_neither_uidl_nor_base(void**) {
  const std::string base = "1.0123456789abcdef0123456789abcdef.h,S=3,W=4";
  const std::string flagged = base + ":2,FRS";
  const auto name = MaildirName::parse(flagged);
  assert_text_equal(name->uidl(), hex);
  assert_text_equal(name->base, base);
  const auto own = OwnName::parse(flagged);
  assert_text_equal(own->base(), base);
  assert_text_equal(own->info, ":2,FRS");
  assert_text_equal(own->name(), flagged);
}

void the_id_alone_is_the_one_of_the_whole_name(void**) {
  const std::string id(hex);
  const std::string table[] = {"1." + id + ".h,S=3,W=4:2,S",
                               "x." + id,
                               "1.a.h",
                               id,
                               "." + id,
                               "1." + id + "0.h",
                               "1.x." + id,
                               "1.0123456789ABCDEF0123456789ABCDEF.h"};
  for (const std::string& text : table) {
    const auto name = MaildirName::parse(text);
    assert_true(message_id_in(text) == (name ? name->message : std::nullopt));
  }
  assert_true(message_id_in("1." + std::string(hex) + ".h") == Id128::from_hex(hex));
}

void host_characters_that_mean_something_are_escaped(void**) {
  assert_text_equal(MaildirHost("a/b:c,d e\\").text(), "a\\057b\\072c\\054d\\040e\\134");
  assert_text_equal(MaildirHost("").text(), "localhost");
  assert_true(MaildirHost(std::string(500, '/')).text().size() <= 128);
}

void foreign_names_get_a_legal_uidl(void**) {
  const struct {
    std::string name, uidl;
  } table[] = {
      {"1700000000.M1P2.host,S=5,W=6:2,S", "1700000000.M1P2.host"},
      {"letter", "letter"},
      {"a b", hashed_uidl("a b")},
      {std::string(71, 'x'), hashed_uidl(std::string(71, 'x'))},
      {"gr\xc3\xbc n", hashed_uidl("gr\xc3\xbc n")},
      {",S=3", hashed_uidl(",S=3")},
      {":2,S", ":2"},
  };
  for (const auto& row : table) {
    const auto name = MaildirName::parse(row.name);
    assert_true(name.has_value());
    assert_text_equal(name->uidl(), row.uidl);
  }
  assert_true(hashed_uidl("a") != hashed_uidl("b"));
}

void names_that_are_no_messages_are_refused(void**) {
  for (const std::string& name : {std::string(), std::string(".hidden"), std::string("a/b"),
                                  std::string(256, 'a'), std::string("a\0b", 3)})
    assert_false(MaildirName::parse(name).has_value());
}

// Whose sizes are believed, and which can be made again of its parts.
void own_names_are_those_that_this_store_writes(void**) {
  const std::string ours = "1." + std::string(hex) + ".h";
  for (const char* rest : {",S=10,W=12", ",S=10,W=22", ",S=0,W=0", ",S=10,W=12:2,",
                           ",S=10,W=12:2,FRSTab", ".example\\072x,S=10,W=12"}) {
    const std::string text = ours + rest;
    const auto own = OwnName::parse(text);
    assert_true(own.has_value());
    assert_text_equal(own->name(), text);
  }
  for (const char* rest :
       {"", ",S=10", ",W=10", ",W=12,S=10", ",S=10,W=9", ",S=10,W=23", ",S=-1,W=4", ",S=1x,W=1",
        ",S=18446744073709551615,W=18446744073709551615", ",S=,W=", ",S=010,W=12", ",S=10,W=012",
        ",S=10,W=12,U=3", ",S=10,W=12:1,S", ",S=10,W=12:2", ",S=10,W=12:2,1",
        ",S=10,W=12:2,S:", ",S=1099511627777,W=1099511627777", " ,S=10,W=12"})
    assert_false(OwnName::parse(ours + rest).has_value());
  for (const char* before : {"", ".", "01.", "x.", "-1.", "1..", "1234567890123456789."})
    assert_false(OwnName::parse(before + std::string(hex) + ".h,S=10,W=12").has_value());
  for (const char* text : {"1.M2P3.h,S=10,W=12:2,S", "letter,S=10,W=12",
                           "1.0123456789ABCDEF0123456789ABCDEF.h,S=10,W=12",
                           "1.0123456789abcdef0123456789abcdef,S=10,W=12",
                           "1.0123456789abcdef0123456789abcdef.,S=10,W=12"})
    assert_false(OwnName::parse(text).has_value());
  assert_false(OwnName::parse(ours + std::string(255, 'h') + ",S=10,W=12").has_value());
}

void wire_size_counts_what_pop3_sends(void**) {
  const struct {
    std::string_view stored;
    unsigned octets;
  } table[] = {{"", 0}, {"\n", 2}, {"a\n", 3}, {"a", 3}, {"a\r\n", 3}, {"a\nb\n\n", 8}, {"a\r", 3}};
  for (const auto& row : table) {
    assert_int_equal(mail::wire_size(row.stored), row.octets);
    mail::WireSize in_pieces;
    for (const char c : row.stored)
      in_pieces.add({&c, 1});
    assert_int_equal(in_pieces.octets(), row.octets);
  }
}

void account_ids_are_given_once(void**) {
  AccountTable table;
  assert_int_equal(static_cast<int>(*table.resolve("main")), 1);
  assert_int_equal(static_cast<int>(*table.resolve("alice")), 2);
  assert_int_equal(static_cast<int>(*table.resolve("main")), 1);
  assert_text_equal(table.format(), sealed("letterlock accounts 1\n1 main\n2 alice\n"));
  auto again = AccountTable::parse(table.format());
  assert_int_equal(static_cast<int>(*again->resolve("alice")), 2);
  assert_int_equal(static_cast<int>(*again->resolve("bob")), 3);
  assert_false(table.resolve("").has_value());
  assert_false(table.resolve("two words").has_value());
}

void damaged_account_tables_are_refused(void**) {
  for (const char* file :
       {"", "accounts\n", "letterlock accounts 1", "letterlock accounts 1\n2 main\n",
        "letterlock accounts 1\n1 main\n2 main\n", "letterlock accounts 1\n1 main",
        "letterlock accounts 1\n1 \n", "letterlock accounts 1\n1 a b\n",
        "letterlock accounts 1\n\n"}) {
    assert_false(AccountTable::parse(sealed(file)).has_value());
    assert_false(AccountTable::parse(file).has_value());
  }
  assert_false(AccountTable::parse("letterlock accounts 1\n1 a\n").has_value()); // not sealed
  assert_text_equal(AccountTable::parse(sealed("letterlock accounts 1\n1 a\nx\n")).error().text,
                    "accounts:3: this is not \"2 NAME\"");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(own_names_round_trip),
      cmocka_unit_test(flags_change_neither_uidl_nor_base),
      cmocka_unit_test(the_id_alone_is_the_one_of_the_whole_name),
      cmocka_unit_test(host_characters_that_mean_something_are_escaped),
      cmocka_unit_test(foreign_names_get_a_legal_uidl),
      cmocka_unit_test(names_that_are_no_messages_are_refused),
      cmocka_unit_test(own_names_are_those_that_this_store_writes),
      cmocka_unit_test(wire_size_counts_what_pop3_sends),
      cmocka_unit_test(account_ids_are_given_once),
      cmocka_unit_test(damaged_account_tables_are_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
