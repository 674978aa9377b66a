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

// What one process is to be told: all of it, or it must not prepare what it has got.
template <class Link> class Parts {
public:
  explicit Parts(Link& link) : link_(link) {}

  template <class M> void send(const M& message) {
    if (all_)
      note(link_.send(message));
  }
  template <class M> void send(const M& message, UniqueFd descriptor) {
    if (all_)
      note(link_.send(message, std::move(descriptor)));
  }
  // With a duplicate of the descriptor.
  template <class M> void send(const M& message, const UniqueFd* descriptor) {
    UniqueFd duplicate(::fcntl(descriptor->get(), F_DUPFD_CLOEXEC, 0));
    if (!duplicate && all_)
      all_ = fail_errno("what it is to be told");
    send(message, std::move(duplicate));
  }
  Expected<void> all() && { return std::move(all_); }

private:
  void note(bool sent) {
    if (!sent)
      all_ = fail("its settings do not reach it");
  }

  Link& link_;
  Expected<void> all_;
};

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
void send_listeners(Parts<Link>& parts, const Generation& generation,
                    bool (*wanted)(ipc::ListenerKind)) {
  for (const OpenListener& listener : generation.listeners)
    if (wanted(listener.kind))
      parts.send(ipc::Listener{listener.kind, Text<64>::cut(listener.address.text())},
                 listener.socket.get());
}

template <class Link> void send_certificates(Parts<Link>& parts, const Generation& generation) {
  std::uint16_t index = 0;
  for (const OpenCertificate& opened : generation.certificates)
    parts.send(ipc::Certificate{index++, widen<Text<1024>>(opened.paths.certificate)},
               &opened.certificate);
}

} // namespace

std::uint32_t scratch_files_of_worker(const conf::Limits& limits, unsigned workers) {
  // Messages whose client has gone are still stored, and after a lost link some are copied.
  return 2 * connections_of_worker(limits, workers) + 16;
}

std::uint32_t connections_of_worker(const conf::Limits& limits, unsigned workers) {
  return (limits.connections + workers - 1) / workers;
}

Expected<void> send_settings(ChildLink<Role::smtpd>& link, const Generation& generation,
                             unsigned workers) {
  Parts parts(link);
  const conf::Configuration& c = generation.configuration;
  parts.send(ipc::SmtpSettings{.hostname = widen<ipc::HostName>(c.server.hostname),
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
    parts.send(ipc::AllowedNetwork{Text<64>::cut(network.text())});
  for (const HostPattern& name : c.access.allow.names)
    parts.send(ipc::AllowedName{Text<254>::cut(name.text())});
  for (const conf::Domain& domain : c.domains) {
    parts.send(
        ipc::LocalDomain{widen<ipc::HostName>(domain.name), domain.catchall.has_value(),
                         domain.catchall ? generation.account_id(domain.catchall->view()) : 0});
    for (const conf::LocalPart& blocked : domain.blocked)
      parts.send(ipc::BlockedAddress{address_text(blocked, domain.name)});
  }
  for (const conf::Route& route : c.routes)
    parts.send(ipc::AddressRoute{address_text(route.address.local, route.address.domain),
                                 generation.account_id(route.account.view())});
  send_certificates(parts, generation);
  send_listeners(parts, generation, serves_smtp);
  return std::move(parts).all();
}

Expected<void> send_settings(ChildLink<Role::pop3d>& link, const Generation& generation,
                             unsigned workers) {
  Parts parts(link);
  const conf::Configuration& c = generation.configuration;
  parts.send(ipc::Pop3Settings{.hostname = widen<ipc::HostName>(c.server.hostname),
                               .connections = connections_of_worker(c.limits, workers),
                               .connections_per_address = c.limits.connections_per_address,
                               .insecure_auth = c.server.insecure_auth});
  send_certificates(parts, generation);
  send_listeners(parts, generation, [](ipc::ListenerKind kind) { return !serves_smtp(kind); });
  return std::move(parts).all();
}

Expected<void> send_settings(ChildLink<Role::queued>& link, const Generation& generation,
                             unsigned workers) {
  Parts parts(link);
  const conf::Configuration& c = generation.configuration;
  parts.send(ipc::StoreSettings{
      widen<ipc::HostName>(c.server.hostname), c.limits.reserve, c.server.max_message_size,
      scratch_files_of_worker(c.limits, workers), os::boot_id().value_or(Id128{})});
  for (const conf::Account& account : c.accounts)
    parts.send(
        ipc::Account{widen<ipc::AccountName>(account.name), account.quota, account.retention});
  return std::move(parts).all();
}

Expected<void> send_settings(ChildLink<Role::authd>& link, const Generation& generation, unsigned) {
  Parts parts(link);
  for (const conf::Login& login : conf::logins(generation.configuration))
    parts.send(ipc::LoginName{*ipc::AddressText::from(login.name),
                              widen<ipc::AccountName>(login.account),
                              generation.account_id(login.account.view())});
  parts.send(ipc::PasswordFile{}, &generation.passwords);
  return std::move(parts).all();
}

Expected<void> send_settings(ChildLink<Role::keyd>& link, const Generation& generation, unsigned) {
  Parts parts(link);
  send_certificates(parts, generation);
  std::uint16_t index = 0;
  for (const OpenCertificate& opened : generation.certificates)
    parts.send(ipc::PrivateKey{index++, widen<Text<1024>>(opened.paths.key)}, &opened.key);
  return std::move(parts).all();
}

Expected<void> send_settings(ChildLink<Role::resolvd>& link, const Generation& generation,
                             unsigned) {
  Parts parts(link);
  for (const conf::NameServer& server : generation.name_servers)
    parts.send(ipc::NameServer{ipc::PeerText::cut(server.address.text()), server.port});
  return std::move(parts).all();
}

// Nothing of the configuration; but a fresh connection, in case syslogd was started again.
Expected<void> send_settings(ChildLink<Role::logd>& link, const Generation&, unsigned) {
  Parts parts(link);
  if (UniqueFd syslog = os::connect_to_syslog())
    parts.send(ipc::SyslogChannel{}, std::move(syslog));
  return std::move(parts).all();
}

} // namespace letterlock::letterlockd
