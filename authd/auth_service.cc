// Logins and grants.
#include "authd/auth_service.h"

#include "common/base/client_limits.h"
#include "common/base/read_file.h"

#include <utility>

namespace letterlock::authd {

namespace {

// queued answers a grant without looking at the disk.
constexpr std::chrono::seconds grant_patience{5};

Origin origin_of(const IpAddress& address) {
  const auto [own, around] = networks_of_client(address);
  return {.network = around.text(), .address = own.text()};
}

LoginGuard::Time now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

} // namespace

AuthService::AuthService(Context& context) : context_(context) {}

// ---- Generations

void AuthService::begin_generation(std::uint32_t) {
  next_ = std::make_unique<LoginTable>();
  next_passwords_.reset();
}

void AuthService::on(const ipc::LoginName& login) {
  if (next_)
    next_->add(login.login.view(), login.account.view(), login.account_id);
}

void AuthService::on(const ipc::PasswordFile&, UniqueFd file) {
  next_passwords_ = std::move(file);
}

void AuthService::prepare() {
  if (!next_ || !next_passwords_)
    return context_.prepared(fail("there is no password file"));
  auto text = read_file(next_passwords_.get(), conf::max_password_file_size);
  next_passwords_.reset();
  if (!text)
    return context_.prepared(fail("passwords: " + text.error().text));
  auto set = next_->set_passwords(*text, "passwords");
  wipe_memory(text->data(), text->size());
  for (const std::string& account : next_->without_password())
    context_.log.warning("passwords.missing", {{"account", account}});
  context_.prepared(std::move(set));
}

void AuthService::switch_generation() {
  table_ = std::move(next_);
  if (!pool_)
    pool_.emplace(context_.loop);
}

// ---- Logins

AuthService::Pop3Link::Pop3Link(AuthService& service, const ipc::Peer& p, UniqueFd socket)
    : peer(p), service_(service),
      link_(service.context_.loop, std::move(socket), *this, [this](const std::string& why) {
        if (!why.empty())
          service_.context_.log.error("link.breach", {{"peer", "pop3d"}, {"why", why}});
        service_.forget(peer.instance);
        service_.context_.link_lost(peer);
      }) {}

void AuthService::Pop3Link::answer(std::uint64_t session, ipc::LoginOutcome outcome,
                                   const Id128& grant) {
  link_.send(ipc::LoginAnswer{session, outcome, grant});
}

void AuthService::Pop3Link::on(const ipc::LoginGivenUp& given_up) {
  if (service_.pool_)
    service_.pool_->forget([&](const Asker& asker) {
      return asker.instance == peer.instance && asker.serial == peer.serial &&
             asker.session == given_up.session;
    });
}

void AuthService::forget(std::uint16_t instance) {
  if (pool_)
    pool_->forget([&](const Asker& asker) { return asker.instance == instance; });
}

void AuthService::login(const Pop3Link& link, const ipc::Login& login) {
  const Asker asker{link.peer.instance, link.peer.serial, login.session};
  if (!table_ || !pool_)
    return answer(asker, ipc::LoginOutcome::temporary);
  const LoginEntry* const entry = table_->find(login.user.view());
  const std::uint32_t account_id = entry == nullptr ? 0 : entry->account_id;
  const bool known = entry != nullptr;
  // What is no address is one of its own.
  const IpAddress address = IpAddress::parse(login.peer.view()).value_or(IpAddress());
  if (!guard_.admits(address, account_id, now()))
    return answer(asker, ipc::LoginOutcome::delayed);
  pool_->submit(origin_of(address), asker, login.password,
                known ? entry->verifier : table_->dummy(),
                [this, asker, address, account_id, known, user = login.user,
                 peer = login.peer](Verdict verdict) {
                  if (verdict == Verdict::no_place)
                    return answer(asker, ipc::LoginOutcome::busy);
                  const bool right = verdict == Verdict::matches && known;
                  context_.log.info(right ? "login.granted" : "login.refused",
                                    {{"user", user.view()}, {"peer", peer.view()}});
                  if (right)
                    guard_.succeeded(address, account_id, now());
                  else if (guard_.failed(address, now()))
                    context_.log.warning("login.locked_out", {{"peer", peer.view()}});
                  checked(asker, account_id, right);
                });
}

void AuthService::checked(const Asker& asker, std::uint32_t account_id, bool matches) {
  if (!matches)
    return answer(asker, ipc::LoginOutcome::refused);
  const Id128 grant = Id128::random();
  if (!queued_ || !queued_->send(ipc::Grant{grant, account_id, asker.instance}))
    return answer(asker, ipc::LoginOutcome::temporary);
  Waiting waiting{asker, std::make_unique<io::Timer>(context_.loop, [this, grant] {
                    if (const auto found = grants_.extract(grant))
                      answer(found.mapped().asker, ipc::LoginOutcome::temporary);
                  })};
  waiting.patience->start(grant_patience);
  grants_.emplace(grant, std::move(waiting));
}

void AuthService::on(const ipc::GrantTaken& taken) {
  if (const auto found = grants_.extract(taken.grant))
    answer(found.mapped().asker, ipc::LoginOutcome::granted, taken.grant);
}

void AuthService::answer(const Asker& asker, ipc::LoginOutcome outcome, const Id128& grant) {
  const auto link = pop3d_.find(asker.instance);
  if (link != pop3d_.end() && link->second->peer.serial == asker.serial)
    link->second->answer(asker.session, outcome, grant);
}

// ---- Links

void AuthService::connect(const ipc::Peer& peer, UniqueFd socket) {
  if (peer.role == Role::pop3d) {
    forget(peer.instance);
    pop3d_[peer.instance] = std::make_unique<Pop3Link>(*this, peer, std::move(socket));
  } else if (peer.role == Role::queued) {
    queue_lost();
    queued_ = std::make_unique<ipc::Link<Role::authd, Role::queued>>(
        context_.loop, std::move(socket), *this, [this, peer](const std::string& why) {
          if (!why.empty())
            context_.log.error("link.breach", {{"peer", "queued"}, {"why", why}});
          queue_lost();
          context_.link_lost(peer);
        });
  }
}

// Nobody waits for an answer that cannot come.
void AuthService::queue_lost() {
  const auto lost = std::exchange(grants_, {});
  for (const auto& [grant, waiting] : lost)
    answer(waiting.asker, ipc::LoginOutcome::temporary);
}

} // namespace letterlock::authd
