// From the parent's messages to a configuration.
#include "smtpd/generation.h"

#include <string>

namespace letterlock::smtpd {

namespace {

Expected<mail::Mailbox> parse_address(const ipc::AddressText& text) {
  auto mailbox = mail::Mailbox::parse(text.view(), mail::Charset::utf8);
  if (!mailbox)
    return fail("\"" + std::string(text.view()) + "\" is no address");
  return *std::move(mailbox);
}

} // namespace

void GenerationBuilder::on(const ipc::Listener&, UniqueFd socket) {
  listeners_.push_back(std::move(socket));
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
  generation->connections = settings_->connections;
  generation->settings.hostname = settings_->hostname;
  generation->settings.content.size = settings_->max_message_size;
  generation->settings.recipients = settings_->recipients;
  generation->settings.offer_starttls = generation->tls.has_value();
  return generation;
}

} // namespace letterlock::smtpd
