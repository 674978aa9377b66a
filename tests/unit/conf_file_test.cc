// Good configurations, defaults, overrides, the file's rights, the sample and the manual page.
#include "common/conf/configuration_file.h"
#include "common/conf/schema.h"
#include "common/conf/trusted_file.h"
#include "tests/unit/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

using namespace letterlock;
using namespace letterlock::conf;

namespace {

const std::string minimal = "[server]\nhostname = MX.example.com\n"
                            "[account main]\n[domain Example.com]\ncatchall = main\n";

Configuration accepted(const std::string& text, const Overrides& overrides = {}) {
  auto configuration = parse(text, "f", overrides);
  if (!configuration)
    fail_msg("%s", configuration.error().text.c_str());
  return std::move(*configuration);
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  assert_true(file.is_open());
  return {std::istreambuf_iterator<char>(file), {}};
}

void defaults_are_those_of_the_table(void**) {
  const Configuration c = accepted(minimal);
  assert_text_equal(c.server.hostname, "mx.example.com");
  assert_text_equal(c.server.state_dir, "/var/lib/letterlock");
  assert_text_equal(c.server.log_dir, "/var/log/letterlock");
  assert_text_equal(c.server.passwords, "/etc/letterlock/passwd");
  assert_false(c.server.workers.has_value());
  assert_true(c.server.smtp_listen.empty());
  assert_int_equal(c.server.max_message_size, 50 << 20);
  assert_false(c.server.insecure_auth);
  assert_true(c.server.sandbox == SandboxMode::full);
  assert_false(c.tls.has_value());
  assert_int_equal(c.limits.connections, 1000);
  assert_int_equal(c.limits.recipients, 1000);
  assert_int_equal(c.limits.reserve, 100 << 20);
  assert_int_equal(c.limits.connections_per_address, 50);
  assert_false(c.limits.connection_rate || c.limits.message_rate);
  assert_true(c.access.allow.empty() && c.server.resolvers.empty());
  assert_true(c.access.greeting_delay.count() == 0);
  assert_true(c.access.lockout == std::chrono::minutes(10));
  assert_text_equal(c.domains.at(0).name, "example.com");
}

void every_default_can_be_read(void**) {
  for (const KeyRow& row : key_rows()) {
    SectionDraft draft;
    for (const std::string_view value : {row.default_text, row.example})
      if (!value.empty() && !row.set(draft, value))
        fail_msg("%s", std::string(row.key).c_str());
    assert_false(row.required && !row.default_text.empty());
  }
}

void a_whole_configuration(void**) {
  const Configuration c =
      accepted("[server]\n"
               "hostname = mx.example.com\n"
               "state_dir = /srv/mail\n"
               "log_dir = /srv/mail-log\n"
               "workers = 2\n"
               "smtp_listen = 0.0.0.0:25, [::]:25\n"
               "smtps_listen = 127.0.0.1:2465, [::1]:2465\n"
               "pop3_listen = 127.0.0.1:110\n"
               "pop3s_listen =\n"
               "insecure_auth = yes\n"
               "resolvers = 192.0.2.53, [2001:db8::53]:5353\n"
               "sandbox = best-effort\n"
               "[address alice@example.com]\n"
               "account = alice\n"
               "[address Spam@example.com]\n"
               "account = no\n"
               "[account main]\n"
               "[account alice]\n"
               "[domain example.com]\n"
               "catchall = main\n"
               "block = Old-Shop, a.b, spam\n"
               "certificate = /t/example\n"
               "key = /t/example.key\n"
               "[domain example.org]\n"
               "catchall = no\n"
               "[tls]\n"
               "certificate = /t/c\n"
               "key = /t/k\n"
               "[access]\n"
               "allow = 192.0.2.0/24, Mail.Example.net, 2001:db8::7, *.example.org\n"
               "greeting_delay = 5s\n"
               "lockout = no\n"
               "[limits]\n"
               "connections_per_address = 7\n"
               "connection_rate = 30/min\n"
               "message_rate = 1000/d\n"
               "connections = 5\n");
  assert_int_equal(*c.server.workers, 2);
  assert_int_equal(c.server.smtp_listen.size(), 2);
  assert_int_equal(c.server.smtps_listen.size(), 2);
  assert_text_equal(c.server.smtps_listen[1].text(), "[::1]:2465");
  assert_true(c.server.pop3s_listen.empty());
  assert_true(c.server.insecure_auth);
  assert_true(c.server.sandbox == SandboxMode::best_effort);
  assert_int_equal(c.limits.connections, 5);
  assert_int_equal(c.limits.recipients, 1000);
  assert_int_equal(c.limits.connections_per_address, 7);
  assert_true(c.limits.connection_rate == (Rate{30, std::chrono::minutes(1)}));
  assert_true(c.limits.message_rate == (Rate{1000, std::chrono::hours(24)}));
  assert_int_equal(c.access.allow.networks.size(), 2);
  assert_text_equal(c.access.allow.networks[0].text(), "192.0.2.0/24");
  assert_text_equal(c.access.allow.networks[1].text(), "2001:db8::7/128");
  assert_int_equal(c.access.allow.names.size(), 2);
  assert_text_equal(c.access.allow.names[0].text(), "mail.example.net");
  assert_text_equal(c.access.allow.names[1].text(), ".example.org");
  assert_int_equal(c.server.resolvers.size(), 2);
  assert_text_equal(c.server.resolvers[0].text(), "192.0.2.53:53");
  assert_text_equal(c.server.resolvers[1].text(), "[2001:db8::53]:5353");
  assert_true(c.access.greeting_delay == std::chrono::seconds(5));
  assert_true(c.access.lockout.count() == 0);
  assert_text_equal(c.tls->key, "/t/k");
  assert_int_equal(c.routes.size(), 1);
  assert_text_equal(c.routes[0].address.local, "alice");
  assert_text_equal(c.routes[0].account, "alice");
  const Domain& first = *c.domain("example.com");
  assert_text_equal(*first.catchall, "main");
  assert_text_equal(first.certificate->certificate, "/t/example");
  assert_int_equal(first.blocked.size(), 3);
  assert_text_equal(first.blocked[0], "a.b");
  assert_text_equal(first.blocked[1], "old-shop");
  assert_text_equal(first.blocked[2], "spam");
  assert_false(c.domain("example.org")->catchall.has_value());
  assert_null(c.domain("example.net"));
  assert_non_null(c.account("alice"));
  assert_null(c.account("mailbox"));

  std::string names;
  for (const Login& login : logins(c))
    names += login.name + '=' + std::string(login.account.view()) + ' ';
  assert_text_equal(names, "main=main alice=alice mailbox@example.com=main ");
}

void the_command_line_comes_before_the_environment_and_that_before_the_file(void**) {
  const std::string text = minimal + "[address postmaster@example.com]\naccount = main\n" +
                           "[limits]\nreserve = 1M\nconnections = 1\nrecipients = 101\n";
  const Configuration c = accepted(
      text, {{"limits.reserve = 3M", "domain EXAMPLE.COM.catchall=no"},
             {"LETTERLOCK_LIMITS_RESERVE=2M", "LETTERLOCK_LIMITS_CONNECTIONS=2",
              "LETTERLOCK_SERVER_POP3_LISTEN=", "LETTERLOCK_DEMO=1", "LETTERLOCK_DOMAIN_CATCHALL=x",
              "LETTERLOCK_SERVER_x=1", "LETTERLOCK_SERVER_A\nB=1", "LETTERLOCK_SERVER_=1",
              "LETTERLOCK_SERVER_WORKERS", "LETTERLOCK_PORT_25_TCP=tcp://192.0.2.1:25"}});
  assert_int_equal(c.limits.reserve, 3 << 20);
  assert_int_equal(c.limits.connections, 2);
  assert_int_equal(c.limits.recipients, 101);
  assert_false(c.domains.at(0).catchall.has_value());
}

void an_override_may_make_its_section(void**) {
  const Configuration c =
      accepted(minimal, {{"domain example.org.catchall=main"}, {"LETTERLOCK_LIMITS_RESERVE=0"}});
  assert_non_null(c.domain("example.org"));
  assert_int_equal(c.limits.reserve, 0);
}

// A directory of the test's own, gone with it.
struct Scratch {
  std::string path = "/tmp/letterlock-conf-XXXXXX";
  Scratch() { assert_non_null(::mkdtemp(path.data())); }
  ~Scratch() {
    ::unlink((path + "/f").c_str());
    ::rmdir(path.c_str());
  }
};

void only_a_file_of_root_or_oneself_is_read(void**) {
  const Scratch scratch;
  const std::string path = scratch.path + "/f";
  assert_text_equal(load(path, {}).error().text, path + ": No such file or directory");
  std::ofstream(path) << minimal;
  ::chmod(path.c_str(), 0644);
  assert_true(load(path, {}).has_value());
  assert_text_equal(open_trusted_file(path, Readers::owner_only).error().text,
                    path + ": group or others may read it; run chmod 600 on it");
  ::chmod(path.c_str(), 0600);
  assert_true(open_trusted_file(path, Readers::owner_only).has_value());
  for (const mode_t mode : {0664u, 0646u}) {
    ::chmod(path.c_str(), mode);
    assert_text_equal(load(path, {}).error().text,
                      path + ": group or others may write it; run chmod go-w on it");
  }
  ::chmod(path.c_str(), 0644);
  if (::geteuid() == 0) { // nobody else can give files away
    assert_int_equal(::chown(path.c_str(), 65534, 0), 0);
    assert_text_equal(load(path, {}).error().text,
                      path + ": it belongs to user 65534; give it to root, or to the user who runs "
                             "this");
    assert_int_equal(::chown(path.c_str(), 0, 0), 0);
  }
  std::ofstream(path) << std::string(max_configuration_size + 1, '\n');
  assert_text_equal(load(path, {}).error().text, path + ": longer than 1048576 bytes");
  ::unlink(path.c_str());
  assert_int_equal(::mkfifo(path.c_str(), 0600), 0);
  assert_text_equal(load(path, {}).error().text,
                    path + ": it is no regular file; write the name of one");
  assert_text_equal(load(scratch.path, {}).error().text,
                    scratch.path + ": it is no regular file; write the name of one");
}

void the_sample_needs_only_its_domain_edited(void**) {
  std::string text = content_of("etc/letterlock.conf");
  const std::string sample = "example.com", mine = "letters.test";
  for (std::size_t at = 0; (at = text.find(sample, at)) != std::string::npos;)
    text.replace(at, sample.size(), mine);
  const Configuration c = accepted(text);
  assert_non_null(c.domain(mine));
  assert_text_equal(c.server.hostname, "mx." + mine);
  assert_false(c.server.pop3s_listen.empty());
}

// What is commented out in the sample is valid too.
void the_sample_is_valid_with_everything_switched_on(void**) {
  std::string text;
  std::string all = content_of("etc/letterlock.conf");
  for (std::size_t start = 0; start < all.size();) {
    const std::size_t end = all.find('\n', start);
    std::string line = all.substr(start, end - start);
    if (line.size() > 1 && line[0] == '#' && line[1] != ' ')
      line.erase(0, 1);
    text += line + '\n';
    start = end + 1;
  }
  const Configuration c = accepted(text);
  assert_int_equal(c.accounts.size(), 2);
  assert_int_equal(c.routes.size(), 1);
  assert_int_equal(c.server.pop3_listen.size(), 2);
}

// The items ".It Ic KEY No = ..." below each ".Ss The NAME section" or ".Ss NAME sections".
std::map<std::string, std::string> documented_keys() {
  const std::string page = content_of("man/letterlock.conf.5");
  std::map<std::string, std::string> keys; // "section key", text
  std::string section, current;
  for (std::size_t start = 0; start < page.size();) {
    const std::size_t end = page.find('\n', start);
    const std::string line = page.substr(start, end - start);
    start = end + 1;
    if (line.starts_with(".Ss ") || line.starts_with(".Sh ")) {
      section.clear();
      for (const SectionRow& row : section_rows())
        if (folded(line) == ".ss the " + std::string(row.name) + " section" ||
            folded(line) == ".ss " + std::string(row.name) + " sections")
          section = row.name;
      current.clear();
    } else if (line.starts_with(".It Ic ") && !section.empty()) {
      current = section + ' ' + line.substr(7, line.find(' ', 7) - 7);
      keys[current];
    } else if (!current.empty()) {
      keys[current] += line + '\n';
    }
  }
  return keys;
}

void the_manual_page_has_the_keys_of_the_table(void**) {
  const auto documented = documented_keys();
  std::set<std::string> known;
  for (const KeyRow& row : key_rows())
    for (const SectionRow& section : section_rows())
      if (section.kind == row.section) {
        const std::string name = std::string(section.name) + ' ' + std::string(row.key);
        known.insert(name);
        const auto item = documented.find(name);
        if (item == documented.end())
          fail_msg("letterlock.conf(5) lacks %s", name.c_str());
        if (!row.default_text.empty() &&
            item->second.find(".Ql " + std::string(row.default_text) + " .") == std::string::npos)
          fail_msg("letterlock.conf(5) has another default of %s", name.c_str());
        if (row.required && item->second.find("This key is required.") == std::string::npos)
          fail_msg("letterlock.conf(5) does not say that %s is required", name.c_str());
      }
  for (const auto& [name, text] : documented)
    if (!known.contains(name))
      fail_msg("letterlock.conf(5) has %s, which does not exist", name.c_str());
}

void the_listing_names_every_key(void**) {
  const std::string listing = key_listing();
  for (const KeyRow& row : key_rows())
    assert_true(listing.find("\n  " + std::string(row.key) + ' ') != std::string::npos);
  assert_true(listing.starts_with("[server]  "));
  assert_true(listing.find("\n\n[domain DOMAIN]  ") != std::string::npos);
}

void the_summary_says_what_is_served(void**) {
  const std::string text = summary(accepted(minimal));
  assert_text_equal(text, "hostname          mx.example.com\n"
                          "smtp              not offered\n"
                          "smtps             not offered\n"
                          "pop3              not offered\n"
                          "pop3s             not offered\n"
                          "smtp is for       everybody\n"
                          "tls               no certificate\n"
                          "domain            example.com to account main, 0 blocked\n"
                          "accounts          1\n"
                          "routes            0\n"
                          "largest message   50M\n"
                          "sandbox           full\n");
  const std::string allow =
      "[access]\nallow = mail.example.net,\n  192.0.2.0/24,\n  *.example.org\n";
  const auto has = [](const std::string& whole, std::string_view part) {
    return whole.find(part) != std::string::npos;
  };
  const std::string of_names = summary(accepted(minimal + allow));
  assert_true(has(of_names, "\nsmtp is for       192.0.2.0/24, mail.example.net, .example.org\n"));
  assert_true(has(of_names, "\nasked for names   the servers of /etc/resolv.conf\n"));
  const std::string server = "[server]\n";
  std::string with_servers = minimal;
  with_servers.insert(with_servers.find(server) + server.size(), "resolvers = 192.0.2.53, ::1\n");
  assert_true(has(summary(accepted(with_servers + allow)),
                  "\nasked for names   192.0.2.53:53, [::1]:53\n"));
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_those_of_the_table),
      cmocka_unit_test(every_default_can_be_read),
      cmocka_unit_test(a_whole_configuration),
      cmocka_unit_test(the_command_line_comes_before_the_environment_and_that_before_the_file),
      cmocka_unit_test(an_override_may_make_its_section),
      cmocka_unit_test(only_a_file_of_root_or_oneself_is_read),
      cmocka_unit_test(the_sample_needs_only_its_domain_edited),
      cmocka_unit_test(the_sample_is_valid_with_everything_switched_on),
      cmocka_unit_test(the_manual_page_has_the_keys_of_the_table),
      cmocka_unit_test(the_listing_names_every_key),
      cmocka_unit_test(the_summary_says_what_is_served),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
