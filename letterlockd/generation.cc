// Opening what a configuration names.
#include "letterlockd/generation.h"

#include "common/conf/password_file.h"
#include "common/conf/trusted_file.h"
#include "common/os/snapshot.h"
#include "letterlockd/listening_socket.h"

#include <algorithm>

namespace letterlock::letterlockd {

namespace {

// Generous bounds: a chain of certificates has some 10 KiB.
constexpr std::size_t max_certificate = 1u << 20;
constexpr std::size_t max_key = 64u << 10;

constexpr std::string_view resolv_conf = "/etc/resolv.conf";

Expected<UniqueFd> open_snapshot(const conf::Path& path, conf::Readers readers, std::size_t max) {
  const std::string name(path.view());
  auto file = conf::open_trusted_file(name, readers);
  if (!file)
    return file;
  return os::snapshot(std::move(*file), name, max);
}

Expected<std::shared_ptr<const UniqueFd>> socket_for(const conf::ListenAddress& address,
                                                     const Generation* before) {
  if (before != nullptr)
    for (const OpenListener& listener : before->listeners)
      if (listener.address == address)
        return listener.socket;
  auto socket = open_listening_socket(address);
  if (!socket)
    return std::unexpected(socket.error());
  return std::make_shared<const UniqueFd>(std::move(*socket));
}

Expected<void> open_listeners(Generation& generation, const Generation* before) {
  const conf::Server& server = generation.configuration.server;
  const std::pair<ipc::ListenerKind, const std::vector<conf::ListenAddress>&> services[] = {
      {ipc::ListenerKind::smtp, server.smtp_listen},
      {ipc::ListenerKind::smtps, server.smtps_listen},
      {ipc::ListenerKind::pop3, server.pop3_listen},
      {ipc::ListenerKind::pop3s, server.pop3s_listen},
  };
  for (const auto& [kind, addresses] : services) {
    for (const conf::ListenAddress& address : addresses) {
      auto socket = socket_for(address, before);
      if (!socket)
        return std::unexpected(socket.error());
      generation.listeners.push_back({kind, address, std::move(*socket)});
    }
  }
  return {};
}

Expected<void> open_certificate(Generation& generation, const conf::Certificate& paths) {
  auto certificate = open_snapshot(paths.certificate, conf::Readers::anyone, max_certificate);
  if (!certificate)
    return std::unexpected(certificate.error());
  auto key = open_snapshot(paths.key, conf::Readers::owner_only, max_key);
  if (!key)
    return std::unexpected(key.error());
  generation.certificates.push_back({paths, std::move(*certificate), std::move(*key)});
  return {};
}

Expected<void> open_certificates(Generation& generation) {
  const conf::Configuration& configuration = generation.configuration;
  if (configuration.tls)
    if (auto opened = open_certificate(generation, *configuration.tls); !opened)
      return opened;
  for (const conf::Domain& domain : configuration.domains)
    if (domain.certificate)
      if (auto opened = open_certificate(generation, *domain.certificate); !opened)
        return opened;
  return {};
}

Expected<void> find_name_servers(Generation& generation) {
  const conf::Configuration& configuration = generation.configuration;
  if (configuration.access.allow.names.empty())
    return {};
  generation.name_servers = configuration.server.resolvers;
  if (!generation.name_servers.empty())
    return {};
  auto servers = conf::system_name_servers(std::string(resolv_conf));
  if (!servers)
    return std::unexpected(servers.error());
  generation.name_servers = std::move(*servers);
  return {};
}

} // namespace

std::uint32_t Generation::account_id(std::string_view name) const {
  const auto found = account_ids.find(name);
  return found == account_ids.end() ? 0 : found->second;
}

Expected<std::unique_ptr<Generation>>
open_generation(conf::Configuration configuration, std::uint32_t number, const Generation* before) {
  auto generation = std::make_unique<Generation>();
  generation->number = number;
  generation->configuration = std::move(configuration);
  if (auto opened = open_certificates(*generation); !opened)
    return std::unexpected(opened.error());
  auto passwords = open_snapshot(generation->configuration.server.passwords,
                                 conf::Readers::owner_only, conf::max_password_file_size);
  if (!passwords)
    return std::unexpected(passwords.error());
  generation->passwords = std::move(*passwords);
  if (auto found = find_name_servers(*generation); !found)
    return std::unexpected(found.error());
  if (auto opened = open_listeners(*generation, before); !opened)
    return std::unexpected(opened.error());
  return generation;
}

Expected<void> check_reloadable(const conf::Configuration& before,
                                const conf::Configuration& after) {
  const auto restart = [](std::string_view key) {
    return fail(std::string(key) + " has changed: that takes a restart");
  };
  if (before.server.hostname != after.server.hostname)
    return restart("[server] hostname");
  if (before.server.state_dir != after.server.state_dir)
    return restart("[server] state_dir");
  if (before.server.log_dir != after.server.log_dir)
    return restart("[server] log_dir");
  if (before.server.workers != after.server.workers)
    return restart("[server] workers");
  if (before.server.sandbox != after.server.sandbox)
    return restart("[server] sandbox");
  if (before.limits.reserve != after.limits.reserve)
    return restart("[limits] reserve");
  // The limit of open descriptors is part of the sandbox.
  if (before.limits.connections != after.limits.connections)
    return restart("[limits] connections");
  return {};
}

} // namespace letterlock::letterlockd
