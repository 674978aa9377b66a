// Domains, address literals, mailboxes, paths, and names in HELO.
#include "common/mail/address_literal.h"
#include "common/mail/hello_name.h"
#include "common/mail/mailbox.h"
#include "common/mail/path.h"
#include "common/mail/punycode.h"
#include "common/mail/utf8.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock::mail;

namespace {

const std::string long_label(63, 'a');
const std::string longest_domain =
    long_label + '.' + long_label + '.' + long_label + '.' + std::string(63, 'b');

struct Spelling {
  std::string_view given;
  std::string_view canonical; // empty: refused
};

void domains_are_checked_and_folded(void**) {
  const Spelling table[] = {
      {"example.com", "example.com"},
      {"EXAMPLE.Com", "example.com"},
      {"localhost", "localhost"},
      {"3com.example", "3com.example"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
      {longest_domain, longest_domain},
      {"[192.0.2.1]", "[192.0.2.1]"},
      {"[IPv6:2001:DB8:0:0::1]", "[IPv6:2001:db8::1]"},
      {"[ipv6:::1]", "[IPv6:::1]"},
      {"", ""},
      {".", ""},
      {"example.com.", ""},
      {".example.com", ""},
      {"a..b", ""},
      {"-a.example", ""},
      {"a-.example", ""},
      {"a_b.example", ""},
      {"a b", ""},
      {"a\nb", ""},
      {"b\xc3\xbc"
       "cher.example",
       ""},
      {"[192.000.002.01]", "[192.0.2.1]"},
      {"[192.0.2.256]", ""},
      {"[192.0.2.0001]", ""},
      {"[192.0.2.]", ""},
      {"[192.0.2.1.]", ""},
      {"[192.0.2.1.1]", ""},
      {"[192.0.2.+1]", ""},
      {"[.0.2.1]", ""},
      {"[192.0.2.99999999999]", ""},
      {"[192.0.2]", ""},
      {"[192.0.2.1", ""},
      {"[IPv6:2001:db8::1::2]", ""},
      {"[IPv6:192.0.2.1]", ""},
      {"[2001:db8::1]", ""},
      {"[x-tag:whatever]", ""},
      {"[]", ""},
      {"[", ""},
  };
  for (const auto& row : table) {
    const auto domain = Domain::parse(row.given);
    assert_text_equal(domain ? domain->text() : "", row.canonical);
  }
  assert_false(Domain::parse(std::string(64, 'a') + ".example").has_value());
  assert_false(Domain::parse(longest_domain + "b").has_value());
}

void u_labels_are_accepted_only_when_allowed_and_equal_their_a_labels(void**) {
  const auto u = Domain::parse("B\xc3\xbc"
                               "cher.Example",
                               Charset::utf8);
  assert_true(u.has_value());
  assert_text_equal(u->text(), "b\xc3\xbc"
                               "cher.example");
  assert_text_equal(u->key(), "xn--bcher-kva.example");
  assert_true(*u == *Domain::parse("xn--bcher-kva.example"));
  assert_false(Domain::parse("b\xc3.example", Charset::utf8).has_value());
  assert_false(Domain::parse("b\xc2\x85.example", Charset::utf8).has_value());
}

void punycode_agrees_with_rfc_3492(void**) {
  // RFC 3492 §7.1 (B) and (C), (I) without its capitals, and §7.1 (L).
  assert_text_equal(
      *a_label("\xe4\xbb\x96\xe4\xbb\xac\xe4\xb8\xba\xe4\xbb\x80\xe4\xb9\x88\xe4\xb8\x8d\xe8"
               "\xaf\xb4\xe4\xb8\xad\xe6\x96\x87"),
      "xn--ihqwcrb4cv8a8dqg056pqjye");
  assert_text_equal(*a_label("3\xe5\xb9\xb4"
                             "b\xe7\xb5\x84\xe9\x87\x91\xe5\x85\xab\xe5\x85\x88\xe7\x94\x9f"),
                    "xn--3b-ww4c5e180e575a65lsy2b");
  assert_false(a_label("\xff").has_value());
  std::string many;
  for (int i = 0; i < 64; ++i)
    many += "\xc3\xbc";
  assert_false(a_label(many).has_value());
}

void utf8_is_strict(void**) {
  for (const std::string_view good :
       {"a", "\xc2\xa0", "\xe0\xa0\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    assert_true(is_printable_utf8(good));
  for (const std::string_view bad :
       {"\x80", "\xc0\xaf", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80", "\n", "\x7f", "\xc2\x9f"})
    assert_false(is_printable_utf8(bad));
}

void mailboxes_have_one_spelling(void**) {
  const std::string local64(64, 'x');
  const Spelling table[] = {
      {"user@example.com", "user@example.com"},
      {"User.Name+tag@EXAMPLE.com", "User.Name+tag@example.com"},
      {"!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~@x"},
      {"\"user\"@x", "user@x"},
      {"\"u\\s\\er\"@x", "user@x"},
      {"\"a b\"@x", "\"a b\"@x"},
      {"\"a\\ b\"@x", "\"a b\"@x"},
      {"\"a@b\"@x", "\"a@b\"@x"},
      {"\"a\\\"b\\\\\"@x", "\"a\\\"b\\\\\"@x"},
      {"\"\"@x", "\"\"@x"},
      {"\".a\"@x", "\".a\"@x"},
      {"\"a>b\"@x", "\"a>b\"@x"},
      {"a@[192.0.2.1]", "a@[192.0.2.1]"},
      {"", ""},
      {"user", ""},
      {"@x", ""},
      {"user@", ""},
      {".a@x", ""},
      {"a.@x", ""},
      {"a..b@x", ""},
      {"a b@x", ""},
      {"a,b@x", ""},
      {"a@b@x", ""},
      {"\"a@x", ""},
      {"\"a\"b@x", ""},
      {"\"a\\", ""},
      {"\"a\"", ""},
      {"\"a\nb\"@x", ""},
      {"\"a\tb\"@x", ""},
      {"\"a\\\x7f\"@x", ""},
      {"\xc3\xbc@x", ""},
      {"\"\xc3\xbc\"@x", ""},
  };
  for (const auto& row : table) {
    const auto mailbox = Mailbox::parse(row.given);
    assert_text_equal(mailbox ? mailbox->text() : "", row.canonical);
    if (mailbox) // the canonical spelling is read as itself
      assert_text_equal(Mailbox::parse(mailbox->text())->text(), row.canonical);
  }
  assert_true(Mailbox::parse(local64 + "@x").has_value());
  assert_false(Mailbox::parse(local64 + "x@x").has_value());
  assert_true(Mailbox::parse(local64 + '@' + longest_domain).has_value());
  assert_false(Mailbox::parse(std::string("a\0b@x", 5)).has_value());
}

// A list's VERP, or a forwarder's SRS: an address within an address.
void senders_may_have_longer_local_parts(void**) {
  const std::string sender = "SRS0=HHH=TT=" + std::string(60, 'h') + ".example=list-bounces+" +
                             std::string(60, 'u') + "=x.example@f.example";
  assert_text_equal(Mailbox::parse_sender(sender)->text(), sender);
  const std::string longest(Mailbox::max_size - 2, 'x');
  assert_true(Mailbox::parse_sender(longest + "@x").has_value());
  assert_false(Mailbox::parse_sender(longest + "x@x").has_value());
  assert_false(Mailbox::parse_sender(std::string(65, 'x') + '@' + longest_domain).has_value());
  for (const std::string& text : {'<' + sender + '>', '<' + longest + "@x>"}) {
    std::string_view reverse_path = text, forward_path = text;
    assert_true(take_reverse_path(reverse_path, Charset::ascii).has_value());
    assert_false(take_forward_path(forward_path, Charset::ascii).has_value());
  }
  assert_false(Mailbox::join(std::string(65, 'x'), *Domain::parse("x")).has_value());
}

void mailboxes_compare_without_case_and_quoting(void**) {
  assert_text_equal(Mailbox::parse("\"Old.Shop\"@Example.COM")->key(), "old.shop@example.com");
  assert_true(*Mailbox::parse("A@x") == *Mailbox::parse("\"\\a\"@X"));
  assert_false(*Mailbox::parse("a@x") == *Mailbox::parse("a@y"));
}

void mailboxes_in_utf8(void**) {
  const auto mailbox = Mailbox::parse("j\xc3\xbcrg@b\xc3\xbc"
                                      "cher.example",
                                      Charset::utf8);
  assert_true(mailbox.has_value());
  assert_false(mailbox->is_ascii());
  assert_text_equal(mailbox->key(), "j\xc3\xbcrg@xn--bcher-kva.example");
  assert_true(Mailbox::parse("\"\\\\\xc3\xbc\"@x", Charset::utf8).has_value());
  assert_false(Mailbox::parse("\"\\\xc3\xbc\"@x", Charset::utf8).has_value());
  assert_false(Mailbox::parse("\xc3@x", Charset::utf8).has_value());
}

void mailboxes_are_joined(void**) {
  const auto domain = *Domain::parse("Example.com");
  assert_text_equal(Mailbox::join("Post", domain)->text(), "Post@example.com");
  assert_text_equal(Mailbox::join("\"a b\"", domain)->text(), "\"a b\"@example.com");
  for (const std::string_view bad : {"", "a@b", "a b", "\"a\"b", "\xc3\xbc"})
    assert_false(Mailbox::join(bad, domain).has_value());
}

std::string reverse(std::string_view text) {
  auto rest = text;
  const auto path = take_reverse_path(rest, Charset::ascii);
  if (!path)
    return rest == text ? "refused" : "refused, but taken";
  return path->text() + '|' + std::string(rest);
}

std::string forward(std::string_view text) {
  auto rest = text;
  const auto path = take_forward_path(rest, Charset::ascii);
  if (!path)
    return rest == text ? "refused" : "refused, but taken";
  const auto* mailbox = std::get_if<Mailbox>(&*path);
  return (mailbox ? mailbox->text() : "postmaster") + '|' + std::string(rest);
}

void reverse_paths_are_read(void**) {
  const Spelling table[] = {
      {"<>", "<>|"},
      {"<> SIZE=1", "<>| SIZE=1"},
      {"<a@b>x", "<a@b>|x"},
      {"<@r.example,@[IPv6:::1]:a@b>", "<a@b>|"},
      {"<\"a>b\"@c> d", "<\"a>b\"@c>| d"},
      {"<\"\\\">\"@c>", "<\"\\\">\"@c>|"},
      {"<postmaster>", "refused"},
      {"<@r:>", "refused"},
      {"<@r a@b>", "refused"},
      {"<@r,a@b>", "refused"},
      {"<@:a@b>", "refused"},
      {"<a@b", "refused"},
      {"a@b", "refused"},
      {"<<a@b>>", "refused"},
      {"< a@b>", "refused"},
      {"<a@b >", "refused"},
      {"", "refused"},
      {"<", "refused"},
      {"<\"\\", "refused"},
  };
  for (const auto& row : table)
    assert_text_equal(reverse(row.given), row.canonical);
}

void forward_paths_are_read(void**) {
  const Spelling table[] = {
      {"<a@b>", "a@b|"},
      {"<PostMaster>", "postmaster|"},
      {"<postmaster@b>", "postmaster@b|"},
      {"<@r:a@b>", "a@b|"},
      {"<>", "refused"},
      {"<someone>", "refused"},
      {"<@r:postmaster>", "refused"},
  };
  for (const auto& row : table)
    assert_text_equal(forward(row.given), row.canonical);
}

void hello_names_cannot_harm_a_header(void**) {
  for (const std::string_view good :
       {"mx.example.com", "[192.0.2.1]", "[IPv6:::1]", "my_pc", "localhost."})
    assert_text_equal(HelloName::parse(good)->text(), good);
  for (const std::string_view bad :
       {"", "a b", "a(b", "a)", "<a>", "a;b", "a\"b", "a\\", "a@b", "a\r\nX: y", "\xc3\xbc"})
    assert_false(HelloName::parse(bad).has_value());
  assert_false(HelloName::parse(std::string(256, 'a')).has_value());
}

void address_literals_are_made_of_bytes(void**) {
  assert_text_equal(AddressLiteral::ipv4({192, 0, 2, 1}).text(), "[192.0.2.1]");
  assert_text_equal(
      AddressLiteral::ipv6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}).text(),
      "[IPv6:2001:db8::1]");
  assert_text_equal(
      AddressLiteral::ipv6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}).text(),
      "[192.0.2.1]");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(domains_are_checked_and_folded),
      cmocka_unit_test(u_labels_are_accepted_only_when_allowed_and_equal_their_a_labels),
      cmocka_unit_test(punycode_agrees_with_rfc_3492),
      cmocka_unit_test(utf8_is_strict),
      cmocka_unit_test(mailboxes_have_one_spelling),
      cmocka_unit_test(senders_may_have_longer_local_parts),
      cmocka_unit_test(mailboxes_compare_without_case_and_quoting),
      cmocka_unit_test(mailboxes_in_utf8),
      cmocka_unit_test(mailboxes_are_joined),
      cmocka_unit_test(reverse_paths_are_read),
      cmocka_unit_test(forward_paths_are_read),
      cmocka_unit_test(hello_names_cannot_harm_a_header),
      cmocka_unit_test(address_literals_are_made_of_bytes),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
