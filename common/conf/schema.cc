// The table of sections and keys.
#include "common/conf/schema.h"

#include "common/conf/times.h"
#include "common/conf/values.h"

#include <algorithm>
#include <array>

namespace letterlock::conf {

namespace {

// Reads a value by Parse into draft.*Part.*Member, or draft.*Member.
template <auto Part, auto Member, auto Parse>
Parsed<void> part(SectionDraft& draft, std::string_view value) {
  auto parsed = Parse(value);
  if (!parsed)
    return std::unexpected(std::move(parsed.error()));
  draft.*Part.*Member = std::move(*parsed);
  return {};
}
template <auto Member, auto Parse> Parsed<void> into(SectionDraft& draft, std::string_view value) {
  auto parsed = Parse(value);
  if (!parsed)
    return std::unexpected(std::move(parsed.error()));
  draft.*Member = std::move(*parsed);
  return {};
}
template <auto Member, auto Parse>
constexpr auto server_value = part<&SectionDraft::server, Member, Parse>;
template <auto Member, auto Parse>
constexpr auto account_value = part<&SectionDraft::account, Member, Parse>;
template <auto Member, auto Parse>
constexpr auto access_value = part<&SectionDraft::access, Member, Parse>;
template <auto Member, auto Parse>
constexpr auto limits_value = part<&SectionDraft::limits, Member, Parse>;

Parsed<SandboxMode> parse_sandbox(std::string_view s) {
  if (s == "full")
    return SandboxMode::full;
  if (s == "best-effort")
    return SandboxMode::best_effort;
  return wrong(quoted(s) + " is neither full nor best-effort; write one of the two");
}

constexpr std::uint64_t kib = 1024, gib = kib * kib * kib;

// RFC 5321 §4.5.3.1.7: a server takes 64 KiB at least.
constexpr auto message_size = size_between<64 * kib, gib>;
constexpr auto reserve_size = size_between<0, 1024 * gib>;
constexpr auto quota_size = size_between<0, 65536 * gib>;
constexpr std::uint64_t day = 24 * 3600;
constexpr auto retention_period = no_period_or_between<day, 36500 * day>;
constexpr auto connections = number_between<std::uint32_t, 1, 65535>;
// RFC 5321 §4.5.3.1.8: a server takes 100 at least.
constexpr auto recipients = number_between<std::uint32_t, 100, 10000>;

// RFC 5321 §4.5.3.2.1: a client waits 5 minutes for the greeting; few have that patience.
constexpr auto greeting_delay = duration_or_no<second_ms, minute_ms>;
constexpr auto lockout = duration_or_no<minute_ms, day_ms>;

using enum SectionKind;

constexpr std::size_t max_accounts = 1000, max_domains = 1000, max_addresses = 10000;

constexpr std::array sections = {
    SectionRow{server, "server", "", 1, "[server]", "the host and its services"},
    SectionRow{tls, "tls", "", 1, "[tls]", "the certificate that clients see by default"},
    SectionRow{account, "account", "NAME", max_accounts, "[account main]", "who owns mail"},
    SectionRow{domain, "domain", "DOMAIN", max_domains, "[domain example.com]",
               "a domain that mail is taken for"},
    SectionRow{address, "address", "ADDRESS", max_addresses, "[address alice@example.com]",
               "an exception from its domain's catchall"},
    SectionRow{access, "access", "", 1, "[access]", "who may connect by SMTP"},
    SectionRow{limits, "limits", "", 1, "[limits]", "bounds of what is used"},
};

constexpr std::array keys = {
    KeyRow{server, "hostname", "HOST", "", true, "mx.example.com",
           "the name of this host in greetings and Received lines",
           server_value<&Server::hostname, parse_domain_name>},
    KeyRow{server, "state_dir", "PATH", "/var/lib/letterlock", false, "/var/lib/letterlock",
           "where mail is kept", server_value<&Server::state_dir, parse_path>},
    KeyRow{server, "log_dir", "PATH", "/var/log/letterlock", false, "/var/log/letterlock",
           "where the log is kept", server_value<&Server::log_dir, parse_path>},
    KeyRow{server, "passwords", "PATH", "/etc/letterlock/passwd", false, "/etc/letterlock/passwd",
           "the file that letterlock passwd writes", server_value<&Server::passwords, parse_path>},
    KeyRow{server, "workers", "NUMBER|auto", "auto", false, "auto",
           "how many smtpd processes; auto is one a core",
           server_value<&Server::workers, parse_workers>},
    KeyRow{server, "smtp_listen", "LIST", "", false, "0.0.0.0:25, [::]:25",
           "addresses that mail comes in by",
           server_value<&Server::smtp_listen, parse_listen_addresses>},
    KeyRow{server, "smtps_listen", "LIST", "", false, "192.0.2.1:2465",
           "addresses that mail comes in by inside TLS",
           server_value<&Server::smtps_listen, parse_listen_addresses>},
    KeyRow{server, "pop3_listen", "LIST", "", false, "127.0.0.1:110",
           "addresses for POP3 with STLS",
           server_value<&Server::pop3_listen, parse_listen_addresses>},
    KeyRow{server, "pop3s_listen", "LIST", "", false, "0.0.0.0:995, [::]:995",
           "addresses for POP3 inside TLS",
           server_value<&Server::pop3s_listen, parse_listen_addresses>},
    KeyRow{server, "max_message_size", "SIZE", "50M", false, "50M",
           "the largest message that is taken",
           server_value<&Server::max_message_size, message_size>},
    KeyRow{server, "resolvers", "LIST|system", "system", false, "127.0.0.1, [::1]:5353",
           "name servers that are asked; system: those of /etc/resolv.conf",
           server_value<&Server::resolvers, parse_resolvers>},
    KeyRow{server, "insecure_auth", "yes|no", "no", false, "no",
           "POP3 logins without TLS, on loopback only",
           server_value<&Server::insecure_auth, parse_yes_no>},
    KeyRow{server, "sandbox", "full|best-effort", "full", false, "full",
           "whether a sandbox that cannot be set up is a failed start",
           server_value<&Server::sandbox, parse_sandbox>},

    KeyRow{tls, "certificate", "PATH", "", true, "/etc/letterlock/tls/fullchain.pem",
           "the certificate and its chain, PEM", into<&SectionDraft::certificate, parse_path>},
    KeyRow{tls, "key", "PATH", "", true, "/etc/letterlock/tls/privkey.pem", "its private key, PEM",
           into<&SectionDraft::key, parse_path>},

    KeyRow{account, "quota", "SIZE", "0", false, "10G", "how much mail it may hold; 0: no bound",
           account_value<&Account::quota, quota_size>},
    KeyRow{account, "retention", "PERIOD", "0", false, "30d",
           "how long it keeps mail; older messages are removed; 0: for ever",
           account_value<&Account::retention, retention_period>},

    KeyRow{domain, "catchall", "ACCOUNT|no", "", true, "main",
           "the account that gets what has no route; no: such mail is refused",
           into<&SectionDraft::target, parse_account_or_no>},
    KeyRow{domain, "block", "LIST", "", false, "old-shop, spam-trap",
           "local parts that are refused", into<&SectionDraft::block, parse_local_parts>},
    KeyRow{domain, "certificate", "PATH", "", false, "/etc/letterlock/tls/example.pem",
           "the certificate for clients that ask for this name, PEM",
           into<&SectionDraft::certificate, parse_path>},
    KeyRow{domain, "key", "PATH", "", false, "/etc/letterlock/tls/example.key",
           "its private key, PEM", into<&SectionDraft::key, parse_path>},

    KeyRow{address, "account", "ACCOUNT|no", "", true, "alice",
           "the account that gets this address; no: it is refused",
           into<&SectionDraft::target, parse_account_or_no>},

    KeyRow{access, "allow", "LIST", "", false, "192.0.2.0/24, mail.example.net, .example.org",
           "networks and hosts that may connect; empty: everybody",
           access_value<&Access::allow, parse_allow_list>},
    KeyRow{access, "greeting_delay", "TIME|no", "no", false, "5s",
           "how long clients wait for the greeting, and are caught if they do not",
           access_value<&Access::greeting_delay, greeting_delay>},
    KeyRow{access, "lockout", "TIME|no", "10min", false, "10min",
           "how long an address is turned away after many offences",
           access_value<&Access::lockout, lockout>},

    KeyRow{limits, "connections", "NUMBER", "1000", false, "1000", "open sessions of one service",
           limits_value<&Limits::connections, connections>},
    KeyRow{limits, "connections_per_address", "NUMBER", "50", false, "50",
           "its sessions of one address; four times as many of its network",
           limits_value<&Limits::connections_per_address, connections>},
    KeyRow{limits, "connection_rate", "RATE|no", "no", false, "30/min",
           "how often one address may connect by SMTP",
           limits_value<&Limits::connection_rate, parse_rate_or_no>},
    KeyRow{limits, "message_rate", "RATE|no", "no", false, "100/h",
           "how many messages one address may bring",
           limits_value<&Limits::message_rate, parse_rate_or_no>},
    KeyRow{limits, "recipients", "NUMBER", "1000", false, "1000", "recipients of one message",
           limits_value<&Limits::recipients, recipients>},
    KeyRow{limits, "reserve", "SIZE", "100M", false, "100M",
           "free space of the disk that is left alone",
           limits_value<&Limits::reserve, reserve_size>},
};

std::string heading(const SectionRow& row) {
  return '[' + std::string(row.name) + (row.takes_argument() ? " " : "") +
         std::string(row.argument) + ']';
}

// Padded with blanks to the width, and two more.
std::string column(std::string_view text, std::size_t width) {
  std::string padded(text);
  padded.resize(std::max(width, padded.size()) + 2, ' ');
  return padded;
}

std::size_t widest(std::string_view KeyRow::*text) {
  std::size_t width = 0;
  for (const KeyRow& row : keys)
    width = std::max(width, (row.*text).size());
  return width;
}

} // namespace

std::span<const SectionRow> section_rows() {
  return sections;
}

std::span<const KeyRow> key_rows() {
  return keys;
}

const SectionRow* find_section(std::string_view name) {
  const auto found = std::find_if(sections.begin(), sections.end(),
                                  [&](const SectionRow& row) { return row.name == name; });
  return found == sections.end() ? nullptr : &*found;
}

const KeyRow* find_key(SectionKind section, std::string_view key) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const KeyRow& row) {
    return row.section == section && row.key == key;
  });
  return found == keys.end() ? nullptr : &*found;
}

std::string key_names(SectionKind section) {
  std::string names;
  for (const KeyRow& row : keys)
    if (row.section == section)
      names += (names.empty() ? "" : ", ") + std::string(row.key);
  return names;
}

std::string section_names() {
  std::string names;
  for (const SectionRow& row : sections)
    names += (names.empty() ? "" : ", ") + heading(row);
  return names;
}

std::string key_listing() {
  const std::size_t key_width = widest(&KeyRow::key), form_width = widest(&KeyRow::form);
  const std::size_t default_width = widest(&KeyRow::default_text);
  std::string text;
  for (const SectionRow& section : sections) {
    text += (text.empty() ? "" : "\n") + heading(section) + "  " + std::string(section.doc) + '\n';
    for (const KeyRow& row : keys)
      if (row.section == section.kind)
        text += "  " + column(row.key, key_width) + column(row.form, form_width) +
                column(row.required ? "(required)" : row.default_text, default_width) +
                std::string(row.doc) + '\n';
  }
  return text;
}

} // namespace letterlock::conf
