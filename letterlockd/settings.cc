// The parts of a generation as messages.
#include "letterlockd/settings.h"

#include "common/os/file_systems.h"
#include "common/os/syslog_socket.h"

#include <fcntl.h>

namespace letterlock::letterlockd {

namespace {

// The configuration's texts are no longer than the messages' members, which the types show.
template <class To, std::size_t N> To widen(const Text<N>& text) {
  static_assert(To::capacity >= N);
  return *To::from(text.view());
}

UniqueFd duplicate(const UniqueFd& fd) {
  return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
}

ipc::AddressText address_text(const conf::LocalPart& local, const conf::DomainName& domain) {
  return *ipc::AddressText::from(std::string(local.view()) + "@" + std::string(domain.view()));
}

ipc::ClientRate client_rate(const std::optional<Rate>& rate) {
  if (!rate)
    return {};
  return {.count = rate->count, .period_ms = static_cast<std::uint32_t>(rate->period.count())};
}

bool serves_smtp(ipc::ListenerKind kind) {
  return kind == ipc::ListenerKind::smtp || kind == ipc::ListenerKind::smtps;
}

template <class Link>
void send_listeners(Link& link, const Generation& generation, bool (*wanted)(ipc::ListenerKind)) {
  for (const OpenListener& listener : generation.listeners)
    if (wanted(listener.kind))
      link.send(ipc::Listener{listener.kind, Text<64>::cut(listener.address.text())},
                duplicate(*listener.socket));
}

template <class Link> void send_certificates(Link& link, const Generation& generation) {
  std::uint16_t index = 0;
  for (const OpenCertificate& opened : generation.certificates)
    link.send(ipc::Certificate{index++, widen<Text<1024>>(opened.paths.certificate)},
              duplicate(opened.certificate));
}

} // namespace

std::uint32_t scratch_files_of_worker(const conf::Limits& limits, unsigned workers) {
  // Messages whose client has gone are still stored, and after a lost link some are copied.
  return 2 * connections_of_worker(limits, workers) + 16;
}

std::uint32_t connections_of_worker(const conf::Limits& limits, unsigned workers) {
  return (limits.connections + workers - 1) / workers;
}

void send_settings(ChildLink<Role::smtpd>& link, const Generation& generation, unsigned workers) {
  const conf::Configuration& c = generation.configuration;
  link.send(ipc::SmtpSettings{.hostname = widen<ipc::HostName>(c.server.hostname),
                              .max_message_size = c.server.max_message_size,
                              .recipients = c.limits.recipients,
                              .connections = connections_of_worker(c.limits, workers),
                              .connections_per_address = c.limits.connections_per_address,
                              .connection_rate = client_rate(c.limits.connection_rate),
                              .message_rate = client_rate(c.limits.message_rate),
                              .lockout_ms = static_cast<std::uint32_t>(c.access.lockout.count()),
                              .greeting_delay_ms =
                                  static_cast<std::uint32_t>(c.access.greeting_delay.count())});
  for (const IpNetwork& network : c.access.allow.networks)
    link.send(ipc::AllowedNetwork{Text<64>::cut(network.text())});
  for (const HostPattern& name : c.access.allow.names)
    link.send(ipc::AllowedName{Text<254>::cut(name.text())});
  for (const conf::Domain& domain : c.domains) {
    link.send(
        ipc::LocalDomain{widen<ipc::HostName>(domain.name), domain.catchall.has_value(),
                         domain.catchall ? generation.account_id(domain.catchall->view()) : 0});
    for (const conf::LocalPart& blocked : domain.blocked)
      link.send(ipc::BlockedAddress{address_text(blocked, domain.name)});
  }
  for (const conf::Route& route : c.routes)
    link.send(ipc::AddressRoute{address_text(route.address.local, route.address.domain),
                                generation.account_id(route.account.view())});
  send_certificates(link, generation);
  send_listeners(link, generation, serves_smtp);
}

void send_settings(ChildLink<Role::pop3d>& link, const Generation& generation, unsigned workers) {
  const conf::Configuration& c = generation.configuration;
  link.send(ipc::Pop3Settings{.hostname = widen<ipc::HostName>(c.server.hostname),
                              .connections = connections_of_worker(c.limits, workers),
                              .connections_per_address = c.limits.connections_per_address,
                              .insecure_auth = c.server.insecure_auth});
  send_certificates(link, generation);
  send_listeners(link, generation, [](ipc::ListenerKind kind) { return !serves_smtp(kind); });
}

void send_settings(ChildLink<Role::queued>& link, const Generation& generation, unsigned workers) {
  const conf::Configuration& c = generation.configuration;
  link.send(ipc::StoreSettings{
      widen<ipc::HostName>(c.server.hostname), c.limits.reserve, c.server.max_message_size,
      scratch_files_of_worker(c.limits, workers), os::boot_id().value_or(Id128{})});
  for (const conf::Account& account : c.accounts)
    link.send(
        ipc::Account{widen<ipc::AccountName>(account.name), account.quota, account.retention});
}

void send_settings(ChildLink<Role::authd>& link, const Generation& generation, unsigned) {
  for (const conf::Login& login : conf::logins(generation.configuration))
    link.send(ipc::LoginName{*ipc::AddressText::from(login.name),
                             widen<ipc::AccountName>(login.account),
                             generation.account_id(login.account.view())});
  link.send(ipc::PasswordFile{}, duplicate(generation.passwords));
}

void send_settings(ChildLink<Role::keyd>& link, const Generation& generation, unsigned) {
  send_certificates(link, generation);
  std::uint16_t index = 0;
  for (const OpenCertificate& opened : generation.certificates)
    link.send(ipc::PrivateKey{index++, widen<Text<1024>>(opened.paths.key)}, duplicate(opened.key));
}

void send_settings(ChildLink<Role::resolvd>& link, const Generation& generation, unsigned) {
  for (const conf::NameServer& server : generation.name_servers)
    link.send(ipc::NameServer{ipc::PeerText::cut(server.address.text()), server.port});
}

// Nothing of the configuration; but a fresh connection, in case syslogd was started again.
void send_settings(ChildLink<Role::logd>& link, const Generation&, unsigned) {
  if (UniqueFd syslog = os::connect_to_syslog())
    link.send(ipc::SyslogChannel{}, std::move(syslog));
}

} // namespace letterlock::letterlockd
