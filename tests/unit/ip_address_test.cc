// Addresses and networks.
#include "common/base/ip_address.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock;

namespace {

std::string parsed(std::string_view text) {
  const auto address = IpAddress::parse(text);
  return address ? address->text() : "none";
}

std::string network(std::string_view text) {
  const auto network = IpNetwork::parse(text);
  return network ? network->text() : "none";
}

void addresses_are_read_and_written(void**) {
  using namespace std::string_view_literals;
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"2001:DB8:0:0::1", "2001:db8::1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::", "::"},
      {"0.0.0.0", "0.0.0.0"},
      {"", "none"},
      {"192.0.2", "none"},
      {"192.0.2.256", "none"},
      {" 192.0.2.1", "none"},
      {"192.0.2.1\0"sv, "none"},
      {"[::1]", "none"},
      {"fe80::1%eth0", "none"},
      {"mx.example.com", "none"},
  };
  for (const auto& [text, expected] : rows)
    assert_text_equal(parsed(text), expected);
}

void networks_are_read_and_written(void**) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"192.0.2.0/24", "192.0.2.0/24"},
      {"192.0.2.1", "192.0.2.1/32"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"2001:db8::/32", "2001:db8::/32"},
      {"2001:db8::1", "2001:db8::1/128"},
      {"::/0", "::/0"},
      {"192.0.2.128/25", "192.0.2.128/25"},
      {"192.0.2.1/24", "none"}, // bits behind the prefix
      {"2001:db8::1/64", "none"},
      {"192.0.2.0/33", "none"},
      {"2001:db8::/129", "none"},
      {"192.0.2.0/", "none"},
      {"192.0.2.0/24 ", "none"},
      {"192.0.2.0/+24", "none"},
      {"192.0.2.0/24/24", "none"},
      {"/24", "none"},
      {"::ffff:0:0/96", "none"}, // an IPv4 address has no such prefix
  };
  for (const auto& [text, expected] : rows)
    assert_text_equal(network(text), expected);
}

void networks_contain_what_begins_like_them(void**) {
  struct {
    std::string_view network, address;
    bool contained;
  } const rows[] = {
      {"192.0.2.0/24", "192.0.2.255", true},
      {"192.0.2.0/24", "192.0.3.0", false},
      {"192.0.2.0/24", "::ffff:192.0.2.7", true},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.6", false},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "192.0.2.1", false},
      {"2001:db8::/33", "2001:db8:7fff::", true},
      {"2001:db8::/33", "2001:db8:8000::", false},
  };
  for (const auto& row : rows)
    assert_int_equal(IpNetwork::parse(row.network)->contains(*IpAddress::parse(row.address)),
                     row.contained);
}

void networks_are_drawn_around_addresses(void**) {
  const auto around = [](std::string_view address, unsigned bits) {
    return IpNetwork::around(*IpAddress::parse(address), bits).text();
  };
  assert_text_equal(around("192.0.2.77", 24), "192.0.2.0/24");
  assert_text_equal(around("192.0.2.77", 32), "192.0.2.77/32");
  assert_text_equal(around("192.0.2.77", 48), "192.0.2.77/32");
  assert_text_equal(around("2001:db8:1:2:3:4:5:6", 64), "2001:db8:1:2::/64");
  assert_text_equal(around("2001:db8:1:2:3:4:5:6", 48), "2001:db8:1::/48");
}

void this_host_is_known(void**) {
  for (const auto text : {"127.0.0.1", "::1", "::ffff:127.0.0.1"})
    assert_true(IpAddress::parse(text)->is_this_host());
  for (const auto text : {"127.0.0.2", "::2", "::", "0.0.0.1", "192.0.2.1"})
    assert_false(IpAddress::parse(text)->is_this_host());
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(addresses_are_read_and_written),
      cmocka_unit_test(networks_are_read_and_written),
      cmocka_unit_test(networks_contain_what_begins_like_them),
      cmocka_unit_test(networks_are_drawn_around_addresses),
      cmocka_unit_test(this_host_is_known),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
