// Generation: one configuration of this process, ready for use; GenerationBuilder makes it of the
// parent's messages.
#pragma once

#include "common/base/client_limits.h"
#include "common/base/error.h"
#include "common/base/host_pattern.h"
#include "common/io/tls_server.h"
#include "common/ipc/messages/settings.h"
#include "common/ipc/tls_certificates.h"
#include "smtpd/recipient_table.h"
#include "smtpd/session_settings.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace letterlock::smtpd {

struct Generation {
  SessionSettings settings;
  RecipientTable recipients;
  std::optional<io::TlsServer> tls; // none: STARTTLS is not offered, nothing begins inside TLS
  std::uint32_t connections = 1;    // at once
  ClientLimitSettings client_limits;
  std::vector<IpNetwork> allowed; // without any of these and of the names: everybody
  std::vector<HostPattern> allowed_names;
  std::chrono::milliseconds greeting_delay{0};

  enum class Access : std::uint8_t {
    granted,
    denied,
    by_name, // if it has one of the names
  };
  Access access_of(const IpAddress& address) const;
  // For a client whose name was confirmed, or was not asked for.
  bool allows(const IpAddress& address, const std::optional<ipc::HostName>& name) const;
};

struct OpenListener {
  ipc::Listener listener;
  UniqueFd socket;
  bool tls_first() const { return listener.kind == ipc::ListenerKind::smtps; }
};

class GenerationBuilder {
public:
  void on(const ipc::Listener& listener, UniqueFd socket);
  void on(const ipc::Certificate& certificate, UniqueFd file);
  void on(const ipc::SmtpSettings& settings) { settings_ = settings; }
  void on(const ipc::AllowedNetwork& network) { allowed_.push_back(network); }
  void on(const ipc::AllowedName& name) { allowed_names_.push_back(name); }
  void on(const ipc::LocalDomain& domain) { domains_.push_back(domain); }
  void on(const ipc::BlockedAddress& address) { blocked_.push_back(address.address); }
  void on(const ipc::AddressRoute& route) { routes_.push_back(route); }

  // Fails with what cannot be used, and why.
  Expected<std::shared_ptr<const Generation>> build() const;
  std::vector<OpenListener> take_listeners() { return std::move(listeners_); }

private:
  Expected<void> fill(RecipientTable& table) const;

  std::vector<OpenListener> listeners_;
  ipc::TlsCertificates certificates_;
  std::optional<ipc::SmtpSettings> settings_;
  std::vector<ipc::AllowedNetwork> allowed_;
  std::vector<ipc::AllowedName> allowed_names_;
  std::vector<ipc::LocalDomain> domains_;
  std::vector<ipc::AddressText> blocked_;
  std::vector<ipc::AddressRoute> routes_;
};

} // namespace letterlock::smtpd
