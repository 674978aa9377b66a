// Names, sizes, numbers, lists and listening addresses of the configuration.
#include "common/base/unique_fd.h"
#include "common/conf/resolvers.h"
#include "common/conf/times.h"
#include "common/conf/values.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

using namespace letterlock;
using namespace letterlock::conf;

namespace {

void domain_names(void**) {
  for (const std::string good :
       {"example.com", "a", "xn--bcher-kva.example", "1.example", "a-b.c-d.example", "mx.example2"})
    assert_text_equal(*parse_domain_name(good), good);
  assert_text_equal(*parse_domain_name("Example.COM"), "example.com");
  const std::string label(63, 'a');
  assert_true(parse_domain_name(label + ".b").has_value());
  assert_true(parse_domain_name(label + '.' + label + '.' + label + '.' + std::string(61, 'b'))
                  .has_value());
  for (const std::string& bad :
       {std::string(), std::string("."), std::string("example.com."), std::string(".example.com"),
        std::string("a..b"), std::string("-a.b"), std::string("a-.b"), std::string("a_b.c"),
        std::string("b\xc3\xbc"
                    "cher.example"),
        std::string("192.0.2.1"), std::string("a b"), std::string("[192.0.2.1]"), label + "a.b",
        label + '.' + label + '.' + label + '.' + std::string(62, 'b')})
    assert_false(parse_domain_name(bad).has_value());
}

void addresses(void**) {
  const auto address = parse_address("Old.Shop+x@Example.com");
  assert_true(address.has_value());
  assert_text_equal(address->local, "old.shop+x");
  assert_text_equal(address->domain, "example.com");
  for (const std::string& bad :
       {std::string("alice"), std::string("@example.com"), std::string("alice@"),
        std::string("a@b@example.com"), std::string("\"a b\"@example.com"),
        std::string(".a@example.com"), std::string("a..b@example.com"), std::string("a.@b.c"),
        std::string("b\xc3\xbc@example.com"), std::string(65, 'a') + "@example.com"})
    assert_false(parse_address(bad).has_value());
}

void account_names(void**) {
  for (const std::string good : {"main", "a", "0x", "first.last", "a_b-c"})
    assert_text_equal(*parse_account_name(good), good);
  for (const std::string& bad :
       {std::string(), std::string("no"), std::string("Main"), std::string("-a"), std::string("."),
        std::string("a@b"), std::string("a:b"), std::string("a b"), std::string(33, 'a')})
    assert_false(parse_account_name(bad).has_value());
}

void sizes(void**) {
  const std::uint64_t most = UINT64_MAX;
  assert_int_equal(*parse_size("0", 0, most), 0);
  assert_int_equal(*parse_size("1234", 0, most), 1234);
  assert_int_equal(*parse_size("64K", 0, most), 65536);
  assert_int_equal(*parse_size("50M", 0, most), 50 * 1048576);
  assert_int_equal(*parse_size("3G", 0, most), 3221225472);
  for (const std::string bad : {"", "K", "50MB", "50 M", "-1", "+1", "1.5G", "50m", "0x10", "9T",
                                "18446744073709551616", "17179869184G"})
    assert_false(parse_size(bad, 0, most).has_value());
  assert_text_equal(
      parse_size("17179869184G", 0, most).error(),
      "\"17179869184G\" is out of range; write a size from 0 to 18446744073709551615");
  assert_text_equal(parse_size("1K", 65536, 1 << 30).error(),
                    "\"1K\" is out of range; write a size from 64K to 1G");
  assert_true(parse_size("64K", 65536, 1 << 30).has_value());
  assert_true(parse_size("1G", 65536, 1 << 30).has_value());
  assert_false(parse_size("1073741825", 65536, 1 << 30).has_value());
}

void numbers_and_switches(void**) {
  assert_int_equal(*parse_number("64", 1, 64), 64);
  for (const std::string bad : {"", "0", "65", "-1", " 1", "1 ", "1x", "99999999999999999999"})
    assert_false(parse_number(bad, 1, 64).has_value());
  assert_true(*parse_yes_no("yes"));
  assert_false(*parse_yes_no("no"));
  for (const std::string bad : {"", "Yes", "true", "1", "on"})
    assert_false(parse_yes_no(bad).has_value());
  assert_false(parse_workers("auto")->has_value());
  assert_int_equal(**parse_workers("3"), 3);
  assert_false(parse_workers("0").has_value());
}

void listen_addresses(void**) {
  for (const std::string good :
       {"0.0.0.0:25", "127.0.0.1:110", "[::]:25", "[::1]:995", "[2001:db8::1]:65535"})
    assert_text_equal(ListenAddress::parse(good)->text(), good);
  for (const std::string& bad :
       {std::string(), std::string("25"), std::string(":25"), std::string("*:25"),
        std::string("localhost:25"), std::string("127.0.0.1"), std::string("127.0.0.1:0"),
        std::string("127.0.0.1:65536"), std::string("127.0.0.1:"), std::string("127.0.0.1: 25"),
        std::string("::1:25"), std::string("[::1]"), std::string("[::1:25"),
        std::string("[127.0.0.1]:25"), std::string("127.1:25"), std::string("[fe80::1%lo]:25"),
        std::string("127.0.0.1\0x:25", 14)})
    assert_false(ListenAddress::parse(bad).has_value());
}

void name_servers(void**) {
  const struct {
    std::string_view text, written;
  } good[] = {{"192.0.2.53", "192.0.2.53:53"},
              {"192.0.2.53:5353", "192.0.2.53:5353"},
              {"2001:db8::53", "[2001:db8::53]:53"},
              {"[::1]:65535", "[::1]:65535"}};
  for (const auto& [text, written] : good)
    assert_text_equal(parse_name_server(text)->text(), written);
  for (const std::string_view bad :
       {"", "localhost", "192.0.2", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536",
        "192.0.2.53:x", "[::1]", "[::1]:", "::1]:53", "[192.0.2.53]:53", "fe80::1%eth0", ":53"})
    assert_false(parse_name_server(bad).has_value());
  assert_true(parse_resolvers("system")->empty());
  assert_int_equal(parse_resolvers("192.0.2.1, 192.0.2.1:54")->size(), 2);
  std::string list = "192.0.2.0";
  for (std::size_t i = 1; i < max_resolvers; ++i)
    list += ", 192.0.2." + std::to_string(i);
  assert_int_equal(parse_resolvers(list)->size(), max_resolvers);
  for (const std::string& bad : {std::string(""), std::string("system, 192.0.2.1"),
                                 std::string("192.0.2.1, 192.0.2.1:53"), list + ", 192.0.2.99"})
    assert_false(parse_resolvers(bad).has_value());
}

std::string servers_in(std::string_view resolv_conf) {
  std::string all;
  for (const NameServer& server : name_servers_of(resolv_conf))
    all += server.text() + ' ';
  return all;
}

void name_servers_of_the_system(void**) {
  assert_text_equal(servers_in("# made by somebody\nsearch example.com\nnameserver 192.0.2.1\n"
                               "nameserver\t2001:db8::1  \r\noptions edns0\nnameserver 192.0.2.3"),
                    "192.0.2.1:53 [2001:db8::1]:53 192.0.2.3:53 ");
  assert_text_equal(servers_in("nameserver fe80::1%eth0\nnameserver\nnameservers 192.0.2.1\n"
                               "nameserver192.0.2.1\n;nameserver 192.0.2.1\n nameserver 192.0.2.9\n"
                               "nameserver 192.0.2.2 # here\nnameserver 192.0.2.2\n"),
                    "192.0.2.2:53 ");
  assert_text_equal(servers_in(""), "");
  std::string many;
  for (int i = 0; i < 20; ++i)
    many += "nameserver 192.0.2." + std::to_string(i) + '\n';
  assert_int_equal(name_servers_of(many).size(), max_resolvers);
}

void name_servers_of_a_file(void**) {
  char name[] = "/tmp/resolv.conf.XXXXXX";
  const UniqueFd file(::mkostemp(name, O_CLOEXEC));
  const std::string path = name;
  const std::string start = "[server] resolvers = system: " + path;
  assert_text_equal(system_name_servers(path).error().text,
                    start + " names no nameserver; write resolvers = ADDRESS instead");
  const std::string_view line = "nameserver 192.0.2.1\n";
  assert_int_equal(::write(file.get(), line.data(), line.size()), line.size());
  assert_int_equal(system_name_servers(path)->size(), 1);
  assert_int_equal(::ftruncate(file.get(), max_resolv_conf + 1), 0);
  assert_text_equal(system_name_servers(path).error().text, start + ": longer than 65536 bytes");
  ::unlink(name);
  assert_text_equal(system_name_servers(path).error().text, start + ": No such file or directory");
  assert_int_equal(::mkfifo(name, 0600), 0);
  assert_text_equal(system_name_servers(path).error().text, start + " is no file");
  ::unlink(name);
}

void listen_addresses_know_loopback_and_collisions(void**) {
  const auto at = [](std::string_view s) { return *ListenAddress::parse(s); };
  assert_true(at("127.0.0.1:1").is_loopback());
  assert_true(at("127.9.9.9:1").is_loopback());
  assert_true(at("[::1]:1").is_loopback());
  assert_false(at("0.0.0.0:1").is_loopback());
  assert_false(at("[::]:1").is_loopback());
  assert_false(at("[1::1]:1").is_loopback());
  assert_true(collide(at("127.0.0.1:25"), at("127.0.0.1:25")));
  assert_true(collide(at("127.0.0.1:25"), at("0.0.0.0:25")));
  assert_true(collide(at("[::]:25"), at("[::1]:25")));
  assert_false(collide(at("127.0.0.1:25"), at("127.0.0.2:25")));
  assert_false(collide(at("127.0.0.1:25"), at("127.0.0.1:26")));
  assert_false(collide(at("0.0.0.0:25"), at("[::]:25")));
}

void lists(void**) {
  const auto two = parse_listen_addresses("0.0.0.0:25 ,\t[::]:25");
  assert_true(two.has_value());
  assert_int_equal(two->size(), 2);
  assert_true(parse_listen_addresses("")->empty());
  for (const std::string bad : {",", "0.0.0.0:25,", ",0.0.0.0:25", "0.0.0.0:25,,[::]:25",
                                "0.0.0.0:25 [::]:25", "0.0.0.0:25, 0.0.0.0:25"})
    assert_false(parse_listen_addresses(bad).has_value());
  assert_text_equal(parse_local_parts("a, b, A").error(),
                    "\"A\" is in the list twice; write it once");
  std::string many;
  for (std::size_t i = 0; i <= max_listen_addresses; ++i)
    many += (i ? "," : "") + std::string("127.0.0.1:") + std::to_string(i + 1);
  assert_text_equal(parse_listen_addresses(many).error(),
                    "the list is too long; write at most 16 items");
}

void times(void**) {
  using namespace std::chrono_literals;
  const auto time = [](std::string_view s) { return parse_duration(s, 1000, 7 * day_ms); };
  const std::pair<std::string_view, std::chrono::milliseconds> good[] = {
      {"1s", 1s}, {"90s", 90s}, {"10min", 10min}, {"0010min", 10min}, {"24h", 24h}, {"7d", 168h}};
  for (const auto& [text, expected] : good)
    assert_true(time(text) == expected);
  for (const std::string_view bad :
       {"", "5", "s", "5 s", "5m", "5S", "-5s", "+5s", "1.5h", "5ss", "0s", "8d", "169h",
        "18446744073709551616s", "18446744073709551615d"})
    assert_false(time(bad).has_value());
  assert_true((duration_or_no<1000, day_ms>("no") == 0ms));
  assert_text_equal(time("8d").error(), "\"8d\" is out of range; write a time from 1s to 7d");
  for (const auto& [milliseconds, text] :
       {std::pair(1000, "1s"), std::pair(90'000, "90s"), std::pair(120'000, "2min"),
        std::pair(86'400'000, "1d"), std::pair(0, "0ms"), std::pair(5, "5ms")})
    assert_text_equal(duration_text(static_cast<std::uint64_t>(milliseconds)), text);
}

void rates(void**) {
  using namespace std::chrono_literals;
  const std::pair<std::string_view, Rate> good[] = {{"1/s", {1, 1s}},
                                                    {"20/min", {20, 1min}},
                                                    {"100/h", {100, 1h}},
                                                    {"1000000/d", {1'000'000, 24h}}};
  for (const auto& [text, expected] : good)
    assert_true(parse_rate_or_no(text)->value() == expected);
  assert_true(parse_rate_or_no("no").has_value() && !parse_rate_or_no("no")->has_value());
  for (const std::string_view bad : {"", "yes", "5", "/h", "0/h", "1000001/h", "5/", "5/m", "5 /h",
                                     "5/ h", "5h", "-1/h", "1/2h"})
    assert_false(parse_rate_or_no(bad).has_value());
}

void messages_quote_no_control_characters(void**) {
  assert_text_equal(quoted("a\x1b[31m\nb"), "\"a?[31m?b\"");
  assert_int_equal(quoted(std::string(500, 'x')).size(), 82);
}

void periods_have_units_and_a_range(void**) {
  constexpr std::uint64_t most = 36500ull * 86400;
  assert_int_equal(*parse_period("30d", 0, most), 30 * 86400);
  assert_int_equal(*parse_period("36h", 0, most), 36 * 3600);
  assert_int_equal(*parse_period("90m", 0, most), 5400);
  assert_int_equal(*parse_period("7s", 0, most), 7);
  assert_int_equal(*parse_period("0", 0, most), 0);
  for (const char* bad : {"", "30", "d", "-1d", "1.5d", "1 d", "1D", "1w", "d1", "0x1d",
                          "99999999999999999999d", "18446744073709551615d"})
    if (parse_period(bad, 0, most))
      fail_msg("taken: \"%s\"", bad);
  assert_text_equal(parse_period("30", 0, most).error(),
                    "\"30\" is no period; write a number with d, h, m or s such as 30d");
  assert_text_equal(parse_period("23h", 86400, most).error(),
                    "\"23h\" is out of range; write a period from 1d to 36500d");
  assert_true(parse_period("24h", 86400, most).has_value());
  assert_true(parse_period("36500d", 86400, most).has_value());
  assert_false(parse_period("36501d", 86400, most).has_value());
  assert_false(parse_period("0", 86400, most).has_value());
  assert_int_equal(*(no_period_or_between<86400, most>("0")), 0);
  assert_false((no_period_or_between<86400, most>("0d").has_value()));
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(periods_have_units_and_a_range),
      cmocka_unit_test(domain_names),
      cmocka_unit_test(addresses),
      cmocka_unit_test(account_names),
      cmocka_unit_test(sizes),
      cmocka_unit_test(numbers_and_switches),
      cmocka_unit_test(listen_addresses),
      cmocka_unit_test(name_servers),
      cmocka_unit_test(name_servers_of_the_system),
      cmocka_unit_test(name_servers_of_a_file),
      cmocka_unit_test(listen_addresses_know_loopback_and_collisions),
      cmocka_unit_test(lists),
      cmocka_unit_test(times),
      cmocka_unit_test(rates),
      cmocka_unit_test(messages_quote_no_control_characters),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
