// The store among its peers.
#include "queued/queue_service.h"

#include "common/os/file_systems.h"
#include "queued/store/journal_size.h"
#include "queued/store/maildir_store.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace letterlock::queued {

namespace {

// As many recipients as the configuration can allow, each with the longest Delivered-To field.
constexpr std::size_t most_head_bytes = 4u << 20;
static_assert(most_head_bytes > DeliveryAssembler::most_recipients * 360 + 8192);

} // namespace

// ---- Generations

void QueueService::begin_generation(std::uint32_t generation) {
  generation_ = generation;
  next_settings_ = {};
  next_accounts_.clear();
}

Expected<void> QueueService::open_store() {
  if (store_)
    return {};
  UniqueFd root(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root)
    return fail_errno("the state directory");
  MaildirStoreOptions options;
  options.server_name = next_settings_.hostname.view();
  options.now = std::time(nullptr);
  options.reserve = next_settings_.reserve;
  if (next_settings_.boot != Id128{})
    options.life = os::cache_life(root.get(), next_settings_.boot);
  options.report = [this](const StoreReport& report) { log(report); };
  options.room_changed = [this](const AccountRoom& room) { room_changed(room); };
  options.limits.head_bytes = most_head_bytes;
  struct statvfs about = {};
  if (::fstatvfs(root.get(), &about) != 0)
    return fail_errno("the state directory");
  const JournalSize journal = journal_size_for(std::uint64_t{about.f_frsize} * about.f_blocks);
  options.limits.segment_bytes = journal.segment_bytes;
  options.limits.segments = journal.segments;
  auto store = open_maildir_store(std::move(root), options);
  if (!store)
    return std::unexpected(store.error());
  store_ = std::move(*store);
  completions_ = std::make_unique<io::FdWatch>(context_.loop, store_->completion_descriptor(),
                                               [this] { store_->drain_completions(); });
  completions_->want_read(true);
  return {};
}

void QueueService::log(const StoreReport& report) {
  switch (report.level) {
  case StoreReport::Level::info:
    return context_.log.info(report.event, {{"what", report.text}});
  case StoreReport::Level::warning:
    return context_.log.warning(report.event, {{"what", report.text}});
  case StoreReport::Level::error:
    return context_.log.error(report.event, {{"what", report.text}});
  }
}

void QueueService::prepare() {
  if (auto opened = open_store(); !opened)
    return context_.prepared(std::move(opened));
  if (next_settings_.max_message_size > bounds_.message_size) {
    bounds_.message_size = next_settings_.max_message_size;
    for (const auto& [instance, link] : smtpd_)
      tell_rooms(*link);
  }
  bounds_.leases = next_settings_.scratch_files;
  std::vector<AccountName> names;
  for (const ipc::Account& account : next_accounts_)
    names.push_back(account.account);
  store_->resolve_accounts(std::move(names), [this, generation = generation_](
                                                 const Expected<std::vector<AccountId>>& ids) {
    accounts_resolved(generation, ids);
  });
}

void QueueService::accounts_resolved(std::uint32_t generation,
                                     const Expected<std::vector<AccountId>>& ids) {
  if (generation != generation_)
    return; // that one was discarded
  if (!ids)
    return context_.prepared(std::unexpected(ids.error()));
  next_rules_.clear();
  for (std::size_t i = 0; i < next_accounts_.size(); ++i) {
    const ipc::Account& account = next_accounts_[i];
    next_rules_.push_back({(*ids)[i], account.quota, account.retention});
    context_.tell_parent(
        ipc::AccountId{generation, account.account, std::to_underlying((*ids)[i])});
  }
  // No other generation is in use yet, and smtpd may switch before us. But nothing is removed
  // before everybody serves.
  if (!has_switched_) {
    auto rules = next_rules_;
    for (AccountRules& rule : rules)
      rule.retention = 0;
    store_->set_account_rules(std::move(rules));
  }
  // Not before: what comes first is bound by quotas as well.
  takes_peers_ = true;
  for (auto& [peer, socket] : std::exchange(waiting_, {}))
    connect(peer, std::move(socket));
  context_.prepared({});
}

void QueueService::switch_generation() {
  has_switched_ = true;
  store_->set_account_rules(next_rules_);
}

// ---- Quotas

// More than the largest message with its fields is as good as no bound.
ipc::AccountRoom QueueService::room_message(std::uint32_t account) const {
  const auto room = rooms_.find(account);
  if (room == rooms_.end() || room->second.bytes >= bounds_.message_size + most_head_bytes)
    return {account, false, false, 0};
  return {account, true, room->second.refused, *room->second.bytes};
}

void QueueService::tell_rooms(DeliveryLink& link) const {
  for (const auto& [account, known] : rooms_)
    if (const auto room = room_message(account); room.limited)
      link.tell(room);
}

void QueueService::room_changed(const AccountRoom& room) {
  const auto account = std::to_underlying(room.account);
  const auto before = room_message(account);
  if (room.bytes)
    rooms_[account] = room;
  else
    rooms_.erase(account);
  const auto now = room_message(account);
  if (now.limited == before.limited && now.bytes == before.bytes && now.refused == before.refused)
    return;
  for (const auto& [instance, link] : smtpd_)
    link->tell(now);
}

// ---- Peers

void QueueService::connect(const ipc::Peer& peer, UniqueFd socket) {
  if (!takes_peers_) {
    waiting_.emplace_back(peer, std::move(socket));
    return;
  }
  if (peer.role == Role::smtpd) {
    smtpd_[peer.instance] = std::make_shared<DeliveryLink>(
        context_, *store_, Borrower{++last_borrower_}, bounds_, peer, std::move(socket));
    smtpd_[peer.instance]->greet();
    tell_rooms(*smtpd_[peer.instance]);
  } else if (peer.role == Role::pop3d)
    pop3d_[peer.instance] = std::make_shared<MaildropLink>(context_, *store_, grants_, ledger_,
                                                           holders_, peer, std::move(socket));
  else if (peer.role == Role::authd)
    authd_ = std::make_unique<ipc::Link<Role::queued, Role::authd>>(
        context_.loop, std::move(socket), *this, [this, peer](const std::string& why) {
          if (!why.empty())
            context_.log.error("link.breach", {{"peer", "authd"}, {"why", why}});
          context_.link_lost(peer);
        });
}

void QueueService::on(const ipc::Grant& grant) {
  grants_.add(grant.grant, grant.account, grant.instance, std::chrono::steady_clock::now());
  authd_->send(ipc::GrantTaken{grant.grant});
}

void QueueService::stop(std::chrono::milliseconds) {
  smtpd_.clear();
  pop3d_.clear();
  completions_.reset();
  store_.reset();
  context_.finished();
}

} // namespace letterlock::queued
