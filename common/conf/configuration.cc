// Questions that a configuration answers.
#include "common/conf/configuration.h"

#include "common/conf/values.h"

#include <algorithm>

namespace letterlock::conf {

namespace {

template <class List> auto* named(const List& list, std::string_view name) {
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const auto& item) { return item.name.view() == name; });
  return found == list.end() ? nullptr : &*found;
}

std::string row(std::string_view label, std::string_view text) {
  std::string line(label);
  line.resize(std::max<std::size_t>(line.size() + 1, 18), ' ');
  return line + std::string(text) + '\n';
}

template <class List> std::string listed(const List& list) {
  std::string text;
  for (const auto& item : list)
    (text += text.empty() ? "" : ", ") += item.text();
  return text;
}

std::string offered(const std::vector<ListenAddress>& addresses) {
  return addresses.empty() ? "not offered" : listed(addresses);
}

std::string allowed(const AllowList& allow) {
  const std::string networks = listed(allow.networks), names = listed(allow.names);
  return allow.empty()
             ? "everybody"
             : networks + (allow.networks.empty() || allow.names.empty() ? "" : ", ") + names;
}

} // namespace

const Account* Configuration::account(std::string_view name) const {
  return named(accounts, name);
}

const Domain* Configuration::domain(std::string_view name) const {
  return named(domains, name);
}

std::vector<Login> logins(const Configuration& configuration) {
  std::vector<Login> result;
  for (const Account& account : configuration.accounts)
    result.push_back({std::string(account.name.view()), account.name});
  for (const Domain& domain : configuration.domains)
    if (domain.catchall)
      result.push_back({"mailbox@" + std::string(domain.name.view()), *domain.catchall});
  return result;
}

std::string summary(const Configuration& c) {
  std::string text = row("hostname", c.server.hostname);
  text += row("smtp", offered(c.server.smtp_listen));
  text += row("smtps", offered(c.server.smtps_listen));
  text += row("pop3", offered(c.server.pop3_listen));
  text += row("pop3s", offered(c.server.pop3s_listen));
  text += row("smtp is for", allowed(c.access.allow));
  if (!c.access.allow.names.empty())
    text += row("asked for names", c.server.resolvers.empty() ? "the servers of /etc/resolv.conf"
                                                              : listed(c.server.resolvers));
  text += row("tls", c.tls ? c.tls->certificate.view() : "no certificate");
  for (const Domain& domain : c.domains)
    text += row("domain", std::string(domain.name.view()) + " to " +
                              (domain.catchall ? "account " + std::string(domain.catchall->view())
                                               : std::string("its routes alone")) +
                              ", " + std::to_string(domain.blocked.size()) + " blocked");
  text += row("accounts", std::to_string(c.accounts.size()));
  text += row("routes", std::to_string(c.routes.size()));
  text += row("largest message", size_text(c.server.max_message_size));
  text += row("sandbox", c.server.sandbox == SandboxMode::full ? "full" : "best-effort");
  return text;
}

} // namespace letterlock::conf
