// AuthService: answers logins. A right password becomes a grant: queued is told first, and only
// when it has taken the grant does the asking process get it.
#pragma once

#include "authd/check_pool.h"
#include "authd/login_guard.h"
#include "authd/login_table.h"
#include "common/base/id128.h"
#include "common/ipc/child_process.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace letterlock::authd {

using Context = ipc::ChildContext<Role::authd>;

class AuthService {
public:
  explicit AuthService(Context& context);

  void on(const ipc::LoginName& login);
  void on(const ipc::PasswordFile&, UniqueFd file);

  void begin_generation(std::uint32_t);
  void prepare();
  void switch_generation();
  void discard_generation() { next_.reset(); }
  void connect(const ipc::Peer& peer, UniqueFd socket);
  void stop(std::chrono::milliseconds) { context_.finished(); }

  // From queued.
  void on(const ipc::GrantTaken& taken);

private:
  // The end of the link to one pop3d.
  class Pop3Link {
  public:
    Pop3Link(AuthService& service, const ipc::Peer& peer, UniqueFd socket);
    void on(const ipc::Login& login) { service_.login(*this, login); }
    void on(const ipc::LoginGivenUp& given_up);
    void answer(std::uint64_t session, ipc::LoginOutcome outcome, const Id128& grant = {});
    const ipc::Peer peer;

  private:
    AuthService& service_;
    ipc::Link<Role::authd, Role::pop3d> link_;
  };

  struct Waiting {
    Asker asker;
    std::unique_ptr<io::Timer> patience;
  };

  void login(const Pop3Link& link, const ipc::Login& login);
  // The link to that pop3d has ended, or is replaced.
  void forget(std::uint16_t instance);
  void checked(const Asker& asker, std::uint32_t account_id, bool matches);
  // A link is found again by its number: it may be gone when the answer is there.
  void answer(const Asker& asker, ipc::LoginOutcome outcome, const Id128& grant = {});
  void queue_lost();

  Context& context_;
  std::unique_ptr<LoginTable> next_;
  UniqueFd next_passwords_;
  std::unique_ptr<LoginTable> table_;
  LoginGuard guard_;
  std::optional<CheckPool> pool_;
  std::map<std::uint16_t, std::unique_ptr<Pop3Link>> pop3d_;
  std::unique_ptr<ipc::Link<Role::authd, Role::queued>> queued_;
  std::unordered_map<Id128, Waiting, Id128Hash> grants_; // sent to queued, not yet taken
};

} // namespace letterlock::authd
