// Answers of the DNS, well made and not.
#include "resolvd/dns_answer.h"
#include "tests/unit/check.h"

#include <string>
#include <vector>

using namespace letterlock;
using namespace letterlock::resolvd;
using ipc::LookupOutcome;

namespace {

std::string number16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string wire_name(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    wire += static_cast<char>(label.size());
    wire += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  return wire + '\0';
}

std::string record(const std::string& owner, unsigned type, const std::string& data,
                   unsigned cls = 1) {
  return owner + number16(type) + number16(cls) + std::string(4, '\0') +
         number16(static_cast<unsigned>(data.size())) + data;
}

constexpr unsigned answer_flags = 0x8180;
const std::string asked = "host.example.com";
// Compressed: the name of the question.
const std::string same = "\xc0\x0c";

std::string message(const std::vector<std::string>& records, unsigned flags = answer_flags) {
  std::string text = std::string(2, 'i') + number16(flags) + number16(1) +
                     number16(static_cast<unsigned>(records.size())) + std::string(4, '\0');
  text += wire_name(asked) + number16(1) + number16(1);
  for (const auto& each : records)
    text += each;
  return text;
}

// "found a b", "none", "failed".
template <class Answer, class List> std::string text_of(const Answer& answer, const List& list) {
  std::string text = answer.outcome == LookupOutcome::found  ? "found"
                     : answer.outcome == LookupOutcome::none ? "none"
                                                             : "failed";
  for (const auto& value : list.values())
    text += ' ' + std::string(value.view());
  return text;
}
std::string names(const std::string& text, std::string_view name = asked) {
  const auto answer = names_in(as_bytes(text), name);
  return text_of(answer, answer.names);
}
std::string addresses(const std::string& text,
                      ipc::AddressFamily family = ipc::AddressFamily::ipv4) {
  const auto answer = addresses_in(as_bytes(text), asked, family);
  return text_of(answer, answer.addresses);
}

std::string address_of(unsigned last) {
  return std::string("\xc0\x00\x02", 3) + static_cast<char>(last);
}

void reverse_names(void**) {
  assert_text_equal(reverse_name(*IpAddress::parse("192.0.2.7")), "7.2.0.192.in-addr.arpa");
  // RFC 3596 §2.5's example.
  assert_text_equal(reverse_name(*IpAddress::parse("4321:0:1:2:3:4:567:89ab")),
                    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
}

void addresses_are_read(void**) {
  assert_text_equal(addresses(message({record(same, 1, address_of(7)),
                                       record(wire_name("HOST.example.COM"), 1, address_of(8)),
                                       record(same, 1, address_of(7))})),
                    "found 192.0.2.7 192.0.2.8");
  const std::string v6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\7';
  assert_text_equal(addresses(message({record(same, 28, v6)}), ipc::AddressFamily::ipv6),
                    "found 2001:db8::7");
}

void what_is_not_asked_for_is_passed_over(void**) {
  assert_text_equal(
      addresses(message({record(wire_name("other.example.com"), 1, address_of(1)),
                         record(same, 28, std::string(16, 'x')), record(same, 16, "\4text"),
                         record(same, 1, address_of(2), 3), record(same, 1, "\1\2\3"),
                         record(same, 1, address_of(9)), record(same, 1, std::string(5, 'x'))})),
      "found 192.0.2.9");
  assert_text_equal(addresses(message({record(same, 1, "\1\2\3")})), "none");
}

void names_are_host_names(void**) {
  assert_text_equal(
      names(message({record(same, 12, wire_name("Mail.Example.NET")),
                     record(same, 12, wire_name("mail.example.net")),
                     record(same, 12, wire_name("a_b.example.net")),
                     record(same, 12, wire_name("a b.example.net")),
                     record(same, 12, wire_name("a;b.example.net")),
                     record(same, 12, std::string("\3a.b\3net\0", 9)),
                     record(same, 12, std::string("\3a\nb\3net\0", 9)),
                     record(same, 12, std::string("\1\xff\0", 3)), record(same, 12, wire_name("")),
                     record(same, 12, wire_name("x.example") + 'x'), record(same, 12, "")})),
      "found mail.example.net a_b.example.net");
  assert_text_equal(names(message({record(same, 12, wire_name("a b"))})), "none");
}

void as_many_names_as_an_answer_holds(void**) {
  std::vector<std::string> records;
  for (int i = 0; i < 100; ++i)
    records.push_back(record(same, 12, wire_name("n" + std::to_string(i) + ".example")));
  const auto text = message(records);
  assert_int_equal(names_in(as_bytes(text), asked).names.values().size(), 32);
  records.clear();
  for (unsigned i = 0; i < 100; ++i)
    records.push_back(record(same, 1, address_of(i)));
  const auto many = message(records);
  assert_int_equal(
      addresses_in(as_bytes(many), asked, ipc::AddressFamily::ipv4).addresses.values().size(), 64);
}

void aliases_are_followed(void**) {
  const auto alias = [](std::string_view from, std::string_view to) {
    return record(wire_name(from), 5, wire_name(to));
  };
  assert_text_equal(addresses(message({alias(asked, "a.example"), alias("a.example", "b.example"),
                                       record(wire_name("b.example"), 1, address_of(7))})),
                    "found 192.0.2.7");
  // In whatever order; and as RFC 2317 delegates.
  assert_text_equal(names(message({record(wire_name("7.0/25.2.0.192.in-addr.arpa"), 12,
                                          wire_name("mail.example.net")),
                                   alias(asked, "7.0/25.2.0.192.in-addr.arpa")})),
                    "found mail.example.net");
  assert_text_equal(addresses(message({alias(asked, "a.example")})), "none");
  assert_text_equal(addresses(message({alias(asked, asked)})), "failed");
  assert_text_equal(addresses(message({alias(asked, "a.example"), alias("a.example", asked)})),
                    "failed");
  // As many as are followed, and one more.
  for (const unsigned count : {max_aliases, max_aliases + 1}) {
    std::vector<std::string> records;
    std::string name = asked;
    for (unsigned i = 0; i < count; ++i) {
      const std::string next = "a" + std::to_string(i) + ".example";
      records.push_back(alias(name, next));
      name = next;
    }
    records.push_back(record(wire_name(name), 1, address_of(7)));
    assert_text_equal(addresses(message(records)),
                      count == max_aliases ? "found 192.0.2.7" : "failed");
  }
  assert_text_equal(addresses(message({record(same, 5, std::string("\1\n\0", 3))})), "failed");
  assert_text_equal(addresses(message({record(same, 5, "\xc0\xff")})), "failed");
}

void codes(void**) {
  assert_text_equal(addresses(message({})), "none");
  assert_text_equal(addresses(message({}, 0x8183)), "none");
  for (const unsigned code : {1u, 2u, 4u, 5u, 15u})
    assert_text_equal(addresses(message({record(same, 1, address_of(7))}, 0x8180 | code)),
                      "failed");
  // A question is no answer.
  assert_text_equal(addresses(message({record(same, 1, address_of(7))}, 0x0100)), "failed");
}

void what_is_cut_off_is_a_failure(void**) {
  const std::string whole = message({record(same, 1, address_of(7))});
  for (std::size_t size = 0; size < whole.size(); ++size)
    assert_text_equal(addresses(whole.substr(0, size)), "failed");
  assert_text_equal(addresses(whole), "found 192.0.2.7");
  assert_text_equal(addresses(whole + "more"), "found 192.0.2.7");
}

void compression_leads_back_only(void**) {
  const std::size_t at = message({}).size(); // where the first record begins
  const auto pointer = [](std::size_t to) {
    return std::string{static_cast<char>(0xc0 | to >> 8), static_cast<char>(to & 0xff)};
  };
  for (const std::string& owner :
       {pointer(at), pointer(at + 2), pointer(at + 1), pointer(0x3fff), std::string("\xc0"),
        std::string("\x40x"), std::string("\x80x"), std::string("\1a") + pointer(at)})
    assert_text_equal(addresses(message({record(owner, 1, address_of(7))})), "failed");
  // Into the middle of a name, and by more than one pointer.
  const std::string text =
      message({record(std::string("\4host") + pointer(12 + 5), 1, address_of(7))});
  assert_text_equal(addresses(text), "found 192.0.2.7");
  const std::string chain =
      message({record(pointer(12), 1, address_of(7)), record(pointer(at), 1, address_of(8))});
  assert_text_equal(addresses(chain), "found 192.0.2.7 192.0.2.8");
}

void names_that_are_too_long_are_a_failure(void**) {
  std::string name;
  for (int i = 0; i < 127; ++i)
    name += "\1a";
  const std::string longest = name + '\0';
  assert_text_equal(addresses(message({record(longest, 1, address_of(1))})), "none");
  assert_text_equal(addresses(message({record("\1a" + longest, 1, address_of(1))})), "failed");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(reverse_names),
      cmocka_unit_test(addresses_are_read),
      cmocka_unit_test(what_is_not_asked_for_is_passed_over),
      cmocka_unit_test(names_are_host_names),
      cmocka_unit_test(as_many_names_as_an_answer_holds),
      cmocka_unit_test(aliases_are_followed),
      cmocka_unit_test(codes),
      cmocka_unit_test(what_is_cut_off_is_a_failure),
      cmocka_unit_test(compression_leads_back_only),
      cmocka_unit_test(names_that_are_too_long_are_a_failure),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
