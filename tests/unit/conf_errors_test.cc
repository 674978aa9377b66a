// Bad configurations and the one line that each is answered with.
#include "common/conf/configuration_file.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock;

namespace {

const std::string server = "[server]\nhostname = mx.example.com\n";     // lines 1, 2
const std::string owner = "[account main]\n[domain example.com]\n";     // lines 3, 4
const std::string minimal = server + owner + "catchall = main\n";       // line 5
const std::string tls = "[tls]\ncertificate = /t/cert\nkey = /t/key\n"; // lines 6 to 8

struct Case {
  std::string text;
  std::string error;
};

template <std::size_t N> void check_all(const Case (&cases)[N]) {
  for (const Case& c : cases) {
    const auto configuration = conf::parse(c.text, "f", {});
    assert_text_equal(configuration ? "accepted:\n" + c.text : configuration.error().text, c.error);
  }
}

void sections_and_keys(void**) {
  const Case cases[] = {
      {"", "f: [server] hostname: the key is missing; write hostname = mx.example.com"},
      {"[server]\n", "f:1: [server] hostname: the key is missing; write hostname = mx.example.com"},
      {"[sever]\n", "f:1: [sever]: unknown section; the sections are [server], [tls], [account "
                    "NAME], [domain DOMAIN], [address ADDRESS], [access], [limits]"},
      {"[server mx]\n", "f:1: [server mx]: it has no name; write [server]"},
      {"[domain]\n", "f:1: [domain]: the name is missing; write [domain example.com]"},
      {server + server, "f:3: [server]: the section is there already, at f:1; write it once"},
      {minimal + "[domain EXAMPLE.com]\ncatchall = no\n",
       "f:6: [domain EXAMPLE.com]: the section is there already, at f:4; write it once"},
      {minimal + "[limits]\nrecipents = 5\n",
       "f:7: [limits] recipents: unknown key; the keys are connections, connections_per_address, "
       "connection_rate, message_rate, recipients, reserve"},
      {server + "[account main]\nquotas = 1G\n",
       "f:4: [account main] quotas: unknown key; the keys are quota, retention"},
      {minimal + "[limits]\nreserve = 1G\nreserve = 2G\n",
       "f:8: [limits] reserve: the key is there already, at f:7; write it once"},
      {server + "[tls]\ncertificate = /t/cert\n",
       "f:3: [tls] key: the key is missing; write key = /etc/letterlock/tls/privkey.pem"},
      {server + "[account Main]\n",
       "f:3: [account Main]: \"Main\" is no account name; write at most 32 lower-case letters, "
       "digits, dots, hyphens or underscores, such as main"},
      {server + "[account main]\n[domain -x]\ncatchall = main\n",
       "f:4: [domain -x]: \"-x\" is no domain name; write one such as example.com"},
      {server + owner, "f:4: [domain example.com] catchall: the key is missing; write catchall = "
                       "main"},
      {minimal + "[address alice]\naccount = main\n",
       "f:6: [address alice]: \"alice\" is no address; write one such as alice@example.com"},
      {server, "f: there is no account; write a section such as [account main]"},
      {server + "[account main]\n",
       "f: there is no domain; write a section such as [domain example.com]"},
  };
  check_all(cases);
}

void values(void**) {
  const Case cases[] = {
      {"[server]\nhostname = 192.0.2.1\n",
       "f:2: [server] hostname: \"192.0.2.1\" is no domain name; write one such as example.com"},
      {"[server]\nhostname =\n",
       "f:2: [server] hostname: \"\" is no domain name; write one such as example.com"},
      {server + "state_dir = mail\n",
       "f:3: [server] state_dir: \"mail\" is no absolute path; write "
       "one such as /etc/letterlock/passwd"},
      {server + "workers = many\n",
       "f:3: [server] workers: \"many\" is no number of workers; write "
       "auto, or a number from 1 to 64"},
      {server + "smtp_listen = 25\n",
       "f:3: [server] smtp_listen: \"25\" is no address and port; write 127.0.0.1:25 or [::1]:25, "
       "with a numeric address and a port from 1 to 65535"},
      {server + "max_message_size = 50MB\n",
       "f:3: [server] max_message_size: \"50MB\" is no size; write bytes, or a number with K, M or "
       "G such as 50M"},
      {server + "max_message_size = 2G\n",
       "f:3: [server] max_message_size: \"2G\" is out of range; "
       "write a size from 64K to 1G"},
      {server + "sandbox = none\n", "f:3: [server] sandbox: \"none\" is neither full nor "
                                    "best-effort; write one of the two"},
      {server + "insecure_auth = true\n",
       "f:3: [server] insecure_auth: \"true\" is neither yes nor "
       "no; write one of the two"},
      {minimal + "block = a,,b\n", "f:6: [domain example.com] block: an item of the list is empty; "
                                   "write the items with one comma between them"},
      {minimal + "block = a b\n",
       "f:6: [domain example.com] block: \"a b\" is no local part; write "
       "what stands before the @, such as old-shop"},
      {minimal + "[access]\nallow = 192.0.2.1/24\n",
       "f:7: [access] allow: \"192.0.2.1/24\" is no network and no host name; write an address "
       "such "
       "as 192.0.2.7 or 2001:db8::7, the first of a network and its length such as 192.0.2.0/24, a "
       "name such as mail.example.com, or .example.com for all names below it"},
      {minimal + "[access]\nallow = *.example.com, .Example.com\n",
       "f:7: [access] allow: \".Example.com\" is in the list twice; write it once"},
      {server + "resolvers = ns.example.com\n",
       "f:3: [server] resolvers: \"ns.example.com\" is no address of a resolver; write system, or "
       "addresses such as 192.0.2.53, 127.0.0.1:5353 or [2001:db8::53]:5353"},
      {server + "resolvers =\n", "f:3: [server] resolvers: the list is empty; write system, or "
                                 "addresses such as 192.0.2.53"},
      {minimal + "[access]\ngreeting_delay = 5\n",
       "f:7: [access] greeting_delay: \"5\" is no time; write a number with s, min, h or d such as "
       "10min"},
      {minimal + "[access]\nlockout = 2d\n",
       "f:7: [access] lockout: \"2d\" is out of range; write a time from 1min to 1d"},
      {minimal + "[limits]\nmessage_rate = 5\n",
       "f:7: [limits] message_rate: \"5\" is no rate; write no, or a number from 1 to 1000000 with "
       "/s, /min, /h or /d such as 100/h"},
      {minimal + "[limits]\nrecipients = 99\n", "f:7: [limits] recipients: \"99\" is no number in "
                                                "its range; write one from 100 to 10000"},
  };
  check_all(cases);
}

void between_sections(void**) {
  const std::string alice = "[account alice]\n";
  const Case cases[] = {
      {server + owner + "catchall = alice\n",
       "f:5: [domain example.com] catchall: there is no account alice; write [account alice] too, "
       "or another name"},
      {minimal + "[address a@example.com]\naccount = alice\n",
       "f:7: [address a@example.com] account: there is no account alice; write [account alice] "
       "too, "
       "or another name"},
      {minimal + "[address a@example.org]\naccount = main\n",
       "f:6: [address a@example.org]: its domain is not configured; write [domain example.org] "
       "too"},
      {minimal + "[address a@example.org]\naccount = no\n",
       "f:6: [address a@example.org]: its domain is not configured; write [domain example.org] "
       "too"},
      {minimal + "block = a\n[address A@Example.com]\naccount = main\n",
       "f:7: [address A@Example.com]: the address is blocked by its domain; remove one of the two"},
      {minimal + alice + "[address mailbox@example.com]\naccount = alice\n",
       "f:8: [address mailbox@example.com] account: mailbox@example.com is a login of account "
       "main; "
       "write account = main or route another address"},
      {minimal + "block = Postmaster\n", "f:6: [domain example.com] block: postmaster is blocked, "
                                         "which RFC 5321 forbids; remove it"},
      {minimal + "[address postmaster@example.com]\naccount = no\n",
       "f:7: [address postmaster@example.com] account: postmaster is blocked, which RFC 5321 "
       "forbids; remove it"},
      {server + owner + "catchall = no\n",
       "f:5: [domain example.com] catchall: nobody gets the mail for postmaster, which RFC 5321 "
       "demands; write an account instead of no, or [address postmaster@example.com] too"},
      // Mail for <postmaster> without a domain is the first domain's.
      {server + owner + "catchall = no\n[domain example.org]\ncatchall = no\n" +
           "[address postmaster@example.org]\naccount = main\n",
       "f:5: [domain example.com] catchall: nobody gets the mail for postmaster, which RFC 5321 "
       "demands; write an account instead of no, or [address postmaster@example.com] too"},
      {minimal + "certificate = /t/c\n", "f:6: [domain example.com] certificate: it has no key; "
                                         "write key = PATH beside it"},
      {minimal + "key = /t/k\n", "f:6: [domain example.com] key: it has no certificate; write "
                                 "certificate = PATH beside it"},
      {minimal + "certificate = /t/c\nkey = /t/k\n",
       "f:6: [domain example.com] certificate: clients that ask for no name need one too; write "
       "[tls] with certificate and key"},
      {server + "smtp_listen = 0.0.0.0:25\npop3s_listen = 127.0.0.1:25\n" + owner +
           "catchall = main\n" + tls,
       "f:4: [server] pop3s_listen: 127.0.0.1:25 collides with 0.0.0.0:25 of smtp_listen; write "
       "another port or address"},
      {server + "smtp_listen = 127.0.0.1:25, 0.0.0.0:25\n" + owner + "catchall = main\n",
       "f:3: [server] smtp_listen: 0.0.0.0:25 collides with 127.0.0.1:25 of smtp_listen; write "
       "another port or address"},
      {server + "pop3s_listen = 127.0.0.1:995\n" + owner + "catchall = main\n",
       "f:3: [server] pop3s_listen: it needs a certificate; write [tls] with certificate and key"},
      {server + "smtps_listen = 127.0.0.1:2465\n" + owner + "catchall = main\n",
       "f:3: [server] smtps_listen: it needs a certificate; write [tls] with certificate and key"},
      {server + "smtp_listen = [::]:25\nsmtps_listen = [::1]:25\n" + owner + "catchall = main\n" +
           tls,
       "f:4: [server] smtps_listen: [::1]:25 collides with [::]:25 of smtp_listen; write another "
       "port or address"},
      {server + "pop3_listen = 127.0.0.1:110\n" + owner + "catchall = main\n",
       "f:3: [server] pop3_listen: nobody could log in without a certificate; write [tls] with "
       "certificate and key, or insecure_auth = yes"},
      {server + "pop3_listen = 127.0.0.1:110, 0.0.0.0:1110\ninsecure_auth = yes\n" + owner +
           "catchall = main\n",
       "f:4: [server] insecure_auth: pop3_listen has 0.0.0.0:1110, which is not loopback; write "
       "no, "
       "or listen on 127.0.0.1 or [::1] only"},
      {server + "state_dir = /srv/mail\nlog_dir = /srv/mail/log\n" + owner + "catchall = main\n",
       "f:4: [server] log_dir: /srv/mail/log and state_dir /srv/mail lie one in the other; write "
       "directories side by side"},
      {server + "passwords = /var/lib/letterlock/passwd\n" + owner + "catchall = main\n",
       "f:3: [server] passwords: /var/lib/letterlock/passwd lies in /var/lib/letterlock, where a "
       "process could read it; write a path elsewhere"},
      {minimal + "[tls]\ncertificate = /t/c\nkey = /var/log/letterlock/k\n",
       "f:8: [tls] key: /var/log/letterlock/k lies in /var/log/letterlock, where a process could "
       "read it; write a path elsewhere"},
  };
  check_all(cases);
}

void overrides(void**) {
  struct OverrideCase {
    std::vector<std::string> options, environment;
    std::string error;
  };
  const OverrideCase cases[] = {
      {{"server"},
       {},
       "-o \"server\": the option has no section, key or value; write section.key=value, such as "
       "server.workers=2"},
      {{"workers=2"},
       {},
       "-o \"workers=2\": the option has no section, key or value; write section.key=value, such "
       "as "
       "server.workers=2"},
      {{"server.workers=0"},
       {},
       "-o server.workers: [server] workers: \"0\" is no number of workers; write auto, or a "
       "number "
       "from 1 to 64"},
      {{"server.worker=2"},
       {},
       "-o server.worker: [server] worker: unknown key; the keys are hostname, state_dir, log_dir, "
       "passwords, workers, smtp_listen, smtps_listen, pop3_listen, pop3s_listen, "
       "max_message_size, "
       "resolvers, insecure_auth, sandbox"},
      {{"sever.workers=2"},
       {},
       "-o sever.workers: [sever]: unknown section; the sections are [server], [tls], [account "
       "NAME], [domain DOMAIN], [address ADDRESS], [access], [limits]"},
      {{"server.workers=2", "server.workers=3"},
       {},
       "-o server.workers: the key is given twice; give it once"},
      {{"server.hostname=a\nb"},
       {},
       "-o server.hostname: there is a control character in the value; remove it"},
      {{"domain Example.com.catchall=alice"},
       {},
       "-o domain Example.com.catchall: [domain example.com] catchall: there is no account alice; "
       "write [account alice] too, or another name"},
      {{},
       {"LETTERLOCK_SERVER_HOSTNAME=x_y"},
       "environment LETTERLOCK_SERVER_HOSTNAME: [server] hostname: \"x_y\" is no domain name; "
       "write "
       "one such as example.com"},
      {{},
       {"LETTERLOCK_TLS_KEY=/t/k"},
       "environment LETTERLOCK_TLS_KEY: [tls] certificate: the key is missing; write certificate = "
       "/etc/letterlock/tls/fullchain.pem"},
      {{},
       {"LETTERLOCK_LIMITS_RESERVES=1G"},
       "environment LETTERLOCK_LIMITS_RESERVES: [limits] reserves: unknown key; the keys are "
       "connections, connections_per_address, connection_rate, message_rate, recipients, "
       "reserve"},
  };
  for (const OverrideCase& c : cases) {
    const auto configuration = conf::parse(minimal, "f", {c.options, c.environment});
    assert_text_equal(configuration ? "accepted" : configuration.error().text, c.error);
  }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(sections_and_keys),
      cmocka_unit_test(values),
      cmocka_unit_test(between_sections),
      cmocka_unit_test(overrides),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
