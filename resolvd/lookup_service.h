// LookupService: answers the questions of the processes that need the DNS.
//
// It asks nobody before it is asked, and nobody at all where the configuration names no server.
#pragma once

#include "common/ipc/child_process.h"
#include "resolvd/resolver.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace letterlock::resolvd {

using Context = ipc::ChildContext<Role::resolvd>;

class LookupService {
public:
  explicit LookupService(Context& context) : context_(context) {}
  ~LookupService();

  void on(const ipc::NameServer& server);

  void begin_generation(std::uint32_t) { discard_generation(); }
  void prepare();
  // The cache stays where the servers stay. Otherwise what is unanswered fails.
  void switch_generation();
  void discard_generation();
  void connect(const ipc::Peer& peer, UniqueFd socket);
  void stop(std::chrono::milliseconds) { context_.finished(); }

private:
  // The end of the link to one smtpd.
  class Client {
  public:
    Client(LookupService& service, const ipc::Peer& peer, UniqueFd socket);
    void on(const ipc::LookUpNames& question);
    void on(const ipc::LookUpAddresses& question);
    const ipc::Peer peer;

  private:
    LookupService& service_;
    ipc::Link<Role::resolvd, Role::smtpd> link_;

    friend class LookupService;
  };

  void ask(const std::string& name, RecordType type, Resolver::Done done);
  // A link is found again by its number: it may be gone when the answer is there.
  template <ipc::Message M> void answer(const ipc::Peer& peer, const M& message);

  Context& context_;
  std::vector<Server> next_servers_;
  std::optional<std::string> bad_server_; // that was sent for the next generation
  std::unique_ptr<Resolver> next_;
  std::vector<Server> servers_;
  std::map<std::uint16_t, std::unique_ptr<Client>> clients_;
  std::unique_ptr<Resolver> resolver_; // none: there is no server
};

} // namespace letterlock::resolvd
