// Adding up what accounts hold.
#include "queued/store/account_usage.h"

#include <algorithm>

namespace letterlock::queued {

namespace {

constexpr int most_attempts = 3; // to count while nothing arrives

struct Account {
  std::optional<std::uint64_t> quota;
  bool counted = false;
  bool refused = false;      // something, since there was more room
  std::uint64_t held = 0;    // in the maildrop
  std::uint64_t claimed = 0; // on the way there
  std::uint64_t removed = 0; // of that, before it has come
  std::uint64_t settled = 0; // of all time: what has come from there to held

  std::uint64_t used() const { return held + claimed - removed; }
  std::optional<std::uint64_t> room() const {
    if (!quota || !counted)
      return std::nullopt;
    return *quota - std::min(*quota, used());
  }
  AccountRoom room_of(AccountId id) const { return {id, room(), refused}; }
};

} // namespace

// Claims may end on any thread, and after the AccountUsage.
struct AccountUsage::Shared {
  std::mutex mutex; // guards what follows
  std::unordered_map<AccountId, Account> accounts;
  std::set<AccountId> changed; // since the last take_changes()
  std::function<void()> tell;

  // With the mutex; whoever changes something calls it afterwards. The call is made under the
  // mutex, so that it is made once.
  void note(AccountId account) {
    if (changed.empty() && tell)
      tell();
    changed.insert(account);
  }
  // Of an account that has a quota: the rest is nobody's business.
  void note(AccountId id, const Account& account) {
    if (account.quota)
      note(id);
  }
  void note_more_room(AccountId id, Account& account) {
    account.refused = false;
    note(id, account);
  }
};

AccountUsage::AccountUsage(std::function<SystemResult<std::uint64_t>(AccountId)> count,
                           std::function<void()> changed)
    : count_(std::move(count)), shared_(std::make_shared<Shared>()) {
  shared_->tell = std::move(changed);
}

AccountUsage::~AccountUsage() {
  const std::lock_guard guard(shared_->mutex);
  shared_->tell = nullptr;
}

AccountUsage::Claim::~Claim() {
  const std::lock_guard guard(shared_->mutex);
  Account& account = shared_->accounts[account_];
  account.claimed -= bytes_;
  if (kept_) {
    const std::uint64_t removed = std::min(account.removed, bytes_);
    account.removed -= removed;
    account.held += bytes_ - removed;
    account.settled += bytes_ - removed;
  } else {
    account.removed = std::min(account.removed, account.claimed);
    shared_->note_more_room(account_, account);
  }
}

void AccountUsage::set_quotas(const std::vector<AccountRules>& rules) {
  const std::lock_guard guard(shared_->mutex);
  std::unordered_map<AccountId, std::uint64_t> quotas;
  for (const AccountRules& rule : rules)
    if (rule.quota_bytes > 0)
      quotas.emplace(rule.account, rule.quota_bytes);
  for (auto& [id, account] : shared_->accounts)
    if (account.quota && !quotas.contains(id)) {
      account.quota.reset();
      account.counted = false; // nobody takes away what is removed from now on
      account.refused = false;
      shared_->note(id);
    }
  for (const auto& [id, quota] : quotas) {
    Account& account = shared_->accounts[id];
    if (account.quota == quota)
      continue;
    account.quota = quota;
    shared_->note_more_room(id, account);
  }
}

void AccountUsage::ensure_counted(AccountId id) {
  {
    const std::lock_guard guard(shared_->mutex);
    const auto account = shared_->accounts.find(id);
    if (account == shared_->accounts.end() || !account->second.quota || account->second.counted)
      return;
  }
  count(id);
}

void AccountUsage::count(AccountId id) {
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    const Count count = begin_count(id);
    const auto listed = count_(id);
    if (!listed || finish_count(count, *listed))
      return;
  }
}

std::expected<AccountUsage::Claims, AccountId>
AccountUsage::claim(std::span<const Demand> demands) {
  std::optional<AccountId> full;
  const std::lock_guard guard(shared_->mutex);
  for (const Demand& demand : demands) {
    Account& account = shared_->accounts[demand.account];
    const auto room = account.room();
    if (!room || demand.bytes <= *room)
      continue;
    full = full.value_or(demand.account);
    account.refused = true;
    shared_->note(demand.account);
  }
  if (full)
    return std::unexpected(*full);
  return claim_locked(demands);
}

AccountUsage::Claims AccountUsage::claim_anyway(std::span<const Demand> demands) {
  const std::lock_guard guard(shared_->mutex);
  return claim_locked(demands);
}

AccountUsage::Claims AccountUsage::claim_locked(std::span<const Demand> demands) {
  Claims claims;
  claims.reserve(demands.size());
  for (const Demand& demand : demands) {
    Account& account = shared_->accounts[demand.account];
    claims.push_back(std::make_shared<Claim>(shared_, demand.account, demand.bytes));
    account.claimed += demand.bytes;
    shared_->note(demand.account, account);
  }
  return claims;
}

void AccountUsage::remove(AccountId id, std::uint64_t bytes) {
  const std::lock_guard guard(shared_->mutex);
  const auto found = shared_->accounts.find(id);
  if (found == shared_->accounts.end() || !found->second.counted)
    return;
  Account& account = found->second;
  const std::uint64_t held = std::min(account.held, bytes);
  account.held -= held;
  // What a maildrop did not take is removed while it waits.
  account.removed += std::min(account.claimed - account.removed, bytes - held);
  shared_->note_more_room(id, account);
}

AccountUsage::Count AccountUsage::begin_count(AccountId id) const {
  const std::lock_guard guard(shared_->mutex);
  const auto account = shared_->accounts.find(id);
  return {id, account == shared_->accounts.end() ? 0 : account->second.settled};
}

// What was removed since may have been listed: it counts until the next count.
bool AccountUsage::finish_count(const Count& count, std::uint64_t listed) {
  const std::lock_guard guard(shared_->mutex);
  const auto found = shared_->accounts.find(count.account);
  if (found == shared_->accounts.end() || !found->second.quota)
    return true;
  Account& account = found->second;
  const std::uint64_t arrived = account.settled - count.settled_before;
  if (arrived > 0 && account.counted)
    return false;
  if (!account.counted || listed < account.held)
    account.refused = false;
  account.held = listed + arrived;
  account.counted = true;
  shared_->note(count.account);
  return arrived == 0;
}

std::optional<std::uint64_t> AccountUsage::room(AccountId id) const {
  const std::lock_guard guard(shared_->mutex);
  const auto account = shared_->accounts.find(id);
  return account == shared_->accounts.end() ? std::nullopt : account->second.room();
}

std::vector<AccountRoom> AccountUsage::take_changes() {
  const std::lock_guard guard(shared_->mutex);
  std::vector<AccountRoom> rooms;
  for (const AccountId id : shared_->changed)
    rooms.push_back(shared_->accounts[id].room_of(id));
  shared_->changed.clear();
  return rooms;
}

std::vector<AccountId> AccountUsage::worth_counting() const {
  const std::lock_guard guard(shared_->mutex);
  std::vector<AccountId> accounts;
  for (const auto& [id, account] : shared_->accounts)
    if (const auto room = account.room(); room && (account.refused || *room < *account.quota / 8))
      accounts.push_back(id);
  return accounts;
}

std::vector<AccountId> AccountUsage::uncounted() const {
  const std::lock_guard guard(shared_->mutex);
  std::vector<AccountId> accounts;
  for (const auto& [id, account] : shared_->accounts)
    if (account.quota && !account.counted)
      accounts.push_back(id);
  return accounts;
}

} // namespace letterlock::queued
