// From the parent's messages to a configuration.
#include "smtpd/generation.h"

#include <algorithm>
#include <string>

namespace letterlock::smtpd {

namespace {

Expected<mail::Mailbox> parse_address(const ipc::AddressText& text) {
  auto mailbox = mail::Mailbox::parse(text.view(), mail::Charset::utf8);
  if (!mailbox)
    return fail("\"" + std::string(text.view()) + "\" is no address");
  return *std::move(mailbox);
}

std::optional<Rate> rate_of(const ipc::ClientRate& rate) {
  if (rate.count == 0 || rate.period_ms == 0)
    return std::nullopt;
  return Rate{rate.count, std::chrono::milliseconds(rate.period_ms)};
}

} // namespace

Generation::Access Generation::access_of(const IpAddress& address) const {
  const bool everybody = allowed.empty() && allowed_names.empty();
  if (everybody || std::any_of(allowed.begin(), allowed.end(),
                               [&](const IpNetwork& n) { return n.contains(address); }))
    return Access::granted;
  return allowed_names.empty() ? Access::denied : Access::by_name;
}

bool Generation::allows(const IpAddress& address, const std::optional<ipc::HostName>& name) const {
  switch (access_of(address)) {
  case Access::granted:
    return true;
  case Access::denied:
    return false;
  case Access::by_name:
    return name && std::any_of(allowed_names.begin(), allowed_names.end(),
                               [&](const HostPattern& p) { return p.matches(*name); });
  }
  return false;
}

void GenerationBuilder::on(const ipc::Listener& listener, UniqueFd socket) {
  listeners_.push_back({listener, std::move(socket)});
}

void GenerationBuilder::on(const ipc::Certificate& certificate, UniqueFd file) {
  certificates_.add(certificate, std::move(file));
}

Expected<void> GenerationBuilder::fill(RecipientTable& table) const {
  for (const ipc::LocalDomain& local : domains_) {
    const auto domain = mail::Domain::parse(local.domain.view(), mail::Charset::utf8);
    if (!domain)
      return fail("\"" + std::string(local.domain.view()) + "\" is no domain");
    const auto catchall =
        local.has_catchall ? std::optional<AccountId>(local.catchall) : std::nullopt;
    if (auto added = table.add_domain(*domain, catchall); !added)
      return added;
  }
  for (const ipc::AddressText& text : blocked_) {
    const auto address = parse_address(text);
    if (!address)
      return std::unexpected(address.error());
    if (auto added = table.add_block(*address); !added)
      return added;
  }
  for (const ipc::AddressRoute& route : routes_) {
    const auto address = parse_address(route.address);
    if (!address)
      return std::unexpected(address.error());
    if (auto added = table.add_route(*address, route.account); !added)
      return added;
  }
  return {};
}

Expected<std::shared_ptr<const Generation>> GenerationBuilder::build() const {
  if (!settings_)
    return fail("there are no settings");
  if (settings_->connections == 0)
    return fail("no connection is allowed");
  const auto generation = std::make_shared<Generation>();
  if (auto filled = fill(generation->recipients); !filled)
    return std::unexpected(filled.error());
  auto tls = certificates_.make_server();
  if (!tls)
    return std::unexpected(tls.error());
  generation->tls = *std::move(tls);
  for (const OpenListener& open : listeners_)
    if (open.tls_first() && !generation->tls)
      return fail("smtps_listen = " + std::string(open.listener.address.view()) +
                  " needs a certificate");
  generation->connections = settings_->connections;
  for (const ipc::AllowedNetwork& allowed : allowed_) {
    const auto network = IpNetwork::parse(allowed.network.view());
    if (!network)
      return fail("\"" + std::string(allowed.network.view()) + "\" is no network");
    generation->allowed.push_back(*network);
  }
  for (const ipc::AllowedName& allowed : allowed_names_) {
    const auto pattern = HostPattern::parse(allowed.pattern.view());
    if (!pattern)
      return fail("\"" + std::string(allowed.pattern.view()) + "\" is no host name");
    generation->allowed_names.push_back(*pattern);
  }
  generation->client_limits = {.connections = settings_->connections_per_address,
                               .new_connections = rate_of(settings_->connection_rate),
                               .messages = rate_of(settings_->message_rate),
                               .lockout = std::chrono::milliseconds(settings_->lockout_ms)};
  generation->greeting_delay = std::chrono::milliseconds(settings_->greeting_delay_ms);
  generation->settings.hostname = settings_->hostname;
  generation->settings.content.size = settings_->max_message_size;
  generation->settings.recipients = settings_->recipients;
  generation->settings.offer_starttls = generation->tls.has_value();
  return generation;
}

} // namespace letterlock::smtpd
