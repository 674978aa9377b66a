// Checks that look at several sections at once.
#include "common/conf/reader.h"

#include <algorithm>
#include <set>

namespace letterlock::conf {

namespace {

using Done = Expected<void>;

// The section as it was written, for the place in a message. One that was left out has the file as
// its place.
Section written(const Document& document, std::string_view name, std::string_view argument = {}) {
  for (const Section& section : document.sections)
    if (section.name == name && folded(section.argument) == argument)
      return section;
  return {std::string(name), std::string(argument), document.file, {}};
}

Done refuse(const Section& section, std::string_view key, const std::string& reason) {
  return std::unexpected(error_in(section, key, reason));
}

std::string text(std::string_view s) {
  return std::string(s);
}

Done check_presence(const Configuration& c, const Document& document) {
  if (c.accounts.empty())
    return fail(document.file + ": there is no account; write a section such as [account main]");
  if (c.domains.empty())
    return fail(document.file +
                ": there is no domain; write a section such as [domain example.com]");
  return {};
}

Done check_accounts(const Configuration& c, const Document& document) {
  const auto unknown = [](const AccountName& account) {
    return "there is no account " + text(account) + "; write [account " + text(account) +
           "] too, or another name";
  };
  for (const Domain& domain : c.domains)
    if (domain.catchall && !c.account(*domain.catchall))
      return refuse(written(document, "domain", domain.name), "catchall",
                    unknown(*domain.catchall));
  for (const Route& route : c.routes) {
    const std::string address = text(route.address.local) + '@' + text(route.address.domain);
    const Section section = written(document, "address", address);
    const Domain* domain = c.domain(route.address.domain);
    if (!domain)
      return refuse(section, "",
                    "its domain is not configured; write [domain " + text(route.address.domain) +
                        "] too");
    if (!c.account(route.account))
      return refuse(section, "account", unknown(route.account));
    if (std::binary_search(domain->blocked.begin(), domain->blocked.end(), route.address.local))
      return refuse(section, "", "the address is blocked by its domain; remove one of the two");
    // The catch-all's owner logs in by this name, and nobody else may seem to.
    if (route.address.local == "mailbox" && domain->catchall && *domain->catchall != route.account)
      return refuse(section, "account",
                    address + " is a login of account " + text(*domain->catchall) +
                        "; write account = " + text(*domain->catchall) +
                        " or route another address");
  }
  return {};
}

// RFC 5321 §4.5.1: mail for postmaster is taken.
Done check_postmaster(const Configuration& c, const Document& document) {
  for (const Domain& domain : c.domains)
    if (std::binary_search(domain.blocked.begin(), domain.blocked.end(), LocalPart("postmaster"))) {
      const Section route = written(document, "address", "postmaster@" + text(domain.name));
      const bool by_address = !route.settings.empty();
      return refuse(by_address ? route : written(document, "domain", domain.name),
                    by_address ? "account" : "block",
                    "postmaster is blocked, which RFC 5321 forbids; remove it");
    }
  // Mail for postmaster, at whichever domain, is the first domain's, or else the first catch-all's.
  const Domain& first = c.domains.front();
  const bool somebodys = std::any_of(c.domains.begin(), c.domains.end(), [](const Domain& domain) {
    return domain.catchall.has_value();
  });
  const bool routed = std::any_of(c.routes.begin(), c.routes.end(), [&](const Route& route) {
    return route.address.local == "postmaster" && route.address.domain == first.name;
  });
  if (!somebodys && !routed)
    return refuse(written(document, "domain", first.name), "catchall",
                  "nobody gets the mail for postmaster, which RFC 5321 demands; write an account "
                  "instead of no, or [address postmaster@" +
                      text(first.name) + "] too");
  return {};
}

Done check_listeners(const Configuration& c, const Document& document) {
  const Section server = written(document, "server");
  struct Service {
    std::string_view key;
    const std::vector<ListenAddress>& addresses;
  };
  const Service services[] = {{"smtp_listen", c.server.smtp_listen},
                              {"smtps_listen", c.server.smtps_listen},
                              {"pop3_listen", c.server.pop3_listen},
                              {"pop3s_listen", c.server.pop3s_listen}};
  std::vector<std::pair<ListenAddress, std::string_view>> taken;
  for (const Service& service : services)
    for (const ListenAddress& address : service.addresses) {
      for (const auto& [other, key] : taken)
        if (collide(address, other))
          return refuse(server, service.key,
                        address.text() + " collides with " + other.text() + " of " + text(key) +
                            "; write another port or address");
      taken.emplace_back(address, service.key);
    }

  const auto open = std::find_if_not(c.server.pop3_listen.begin(), c.server.pop3_listen.end(),
                                     [](const ListenAddress& a) { return a.is_loopback(); });
  if (c.server.insecure_auth && open != c.server.pop3_listen.end())
    return refuse(server, "insecure_auth",
                  "pop3_listen has " + open->text() +
                      ", which is not loopback; write no, or listen on 127.0.0.1 or [::1] only");
  return {};
}

Done check_tls(const Configuration& c, const Document& document) {
  const Section server = written(document, "server");
  if (c.tls)
    return {};
  for (const auto& [key, addresses] : {std::pair("smtps_listen", &c.server.smtps_listen),
                                       std::pair("pop3s_listen", &c.server.pop3s_listen)})
    if (!addresses->empty())
      return refuse(server, key, "it needs a certificate; write [tls] with certificate and key");
  if (!c.server.pop3_listen.empty() && !c.server.insecure_auth)
    return refuse(server, "pop3_listen",
                  "nobody could log in without a certificate; write [tls] with certificate and "
                  "key, or insecure_auth = yes");
  for (const Domain& domain : c.domains)
    if (domain.certificate)
      return refuse(written(document, "domain", domain.name), "certificate",
                    "clients that ask for no name need one too; write [tls] with certificate and "
                    "key");
  return {};
}

bool lies_in(std::string_view path, std::string_view directory) {
  while (directory.ends_with('/'))
    directory.remove_suffix(1);
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

// queued's room is state_dir and logd's is log_dir: neither may reach the other, or a secret.
Done check_paths(const Configuration& c, const Document& document) {
  const Section server = written(document, "server");
  const Path& state = c.server.state_dir;
  const Path& log = c.server.log_dir;
  if (lies_in(log, state) || lies_in(state, log))
    return refuse(server, "log_dir",
                  text(log) + " and state_dir " + text(state) +
                      " lie one in the other; write directories side by side");
  const auto reachable = [&](std::string_view path) -> std::optional<std::string> {
    for (const std::string_view room : {state.view(), log.view()})
      if (lies_in(path, room))
        return text(path) + " lies in " + text(room) +
               ", where a process could read it; write a path elsewhere";
    return std::nullopt;
  };
  if (const auto reason = reachable(c.server.passwords))
    return refuse(server, "passwords", *reason);
  if (c.tls)
    if (const auto reason = reachable(c.tls->key))
      return refuse(written(document, "tls"), "key", *reason);
  for (const Domain& domain : c.domains)
    if (domain.certificate)
      if (const auto reason = reachable(domain.certificate->key))
        return refuse(written(document, "domain", domain.name), "key", *reason);
  return {};
}

} // namespace

Expected<void> cross_check(const Configuration& configuration, const Document& document) {
  for (const auto check :
       {check_presence, check_accounts, check_postmaster, check_listeners, check_tls, check_paths})
    if (auto checked = check(configuration, document); !checked)
      return checked;
  return {};
}

} // namespace letterlock::conf
