// AccountUsage: how many octets each account with a quota holds, and what still fits.
//
// An account holds what its maildrop held when it was counted last, what was put there since, less
// what was removed through us, and what is on its way (claims). Copies for all accounts are
// claimed, so that a quota that is new finds what is on its way. Callable from any thread; only
// count() and ensure_counted() wait for the disk. Source: docs/spool.md, "Room".
#pragma once

#include "queued/disk/file_system.h"
#include "queued/message_store.h"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

namespace letterlock::queued {

class AccountUsage {
  struct Shared;

public:
  // Octets that are journaled, or about to be, and not in their maildrop yet. They count from the
  // making of the claim; when it goes they count as held, or not at all if they were not kept.
  class Claim {
  public:
    Claim(std::shared_ptr<Shared> shared, AccountId account, std::uint64_t bytes)
        : shared_(std::move(shared)), account_(account), bytes_(bytes) {}
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim();
    // What they are claimed for has become durable. Before the claim is given to another thread.
    void keep() { kept_ = true; }

  private:
    std::shared_ptr<Shared> shared_;
    const AccountId account_;
    const std::uint64_t bytes_;
    bool kept_ = false;
  };
  using Claims = std::vector<std::shared_ptr<Claim>>;
  struct Demand {
    AccountId account{};
    std::uint64_t bytes = 0;
  };

  // COUNT finds out what an account's maildrop holds; it waits for the disk. CHANGED is called when
  // the room of an account has changed, from whichever thread changed it, and not again before
  // take_changes().
  AccountUsage(std::function<SystemResult<std::uint64_t>(AccountId)> count,
               std::function<void()> changed);
  ~AccountUsage();
  AccountUsage(const AccountUsage&) = delete;
  AccountUsage& operator=(const AccountUsage&) = delete;

  // From now on these accounts have a quota, and no others.
  void set_quotas(const std::vector<AccountRules>& rules);

  // Counts what ACCOUNT holds; waits for the disk. If its maildrop cannot be read its last count
  // stays, and without one it has room.
  void count(AccountId account);
  // The same, if it has a quota and nobody has counted it.
  void ensure_counted(AccountId account);

  // Claims for all of DEMANDS, in their order, or the first account that has no room for what it is
  // to get; then nothing is claimed, and what has no room counts as refused (AccountRoom).
  std::expected<Claims, AccountId> claim(std::span<const Demand> demands);
  // The same for what has to come in, whether it fits or not.
  Claims claim_anyway(std::span<const Demand> demands);
  // BYTES are about to be removed from its maildrop; before the files are. What is more than it
  // holds was on its way there, as far as there are claims.
  void remove(AccountId account, std::uint64_t bytes);

  // A count by somebody who lists the maildrop: begun before the listing, and finished with what it
  // found. False: something arrived meanwhile, which may have been listed or not. Then an earlier
  // count stays, and a first one counts it twice, so that nothing is left out: count once more. A
  // copy that is in the maildrop, and whose claim has not gone yet, counts twice until the next
  // count: more than there is for a while, and never less.
  struct Count {
    AccountId account{};
    std::uint64_t settled_before = 0;
  };
  Count begin_count(AccountId account) const;
  bool finish_count(const Count& count, std::uint64_t listed);

  // Octets that still fit; none: no quota, or not counted yet, which takes anything.
  std::optional<std::uint64_t> room(AccountId account) const;
  // Accounts whose room has changed, or that have a quota no more, since the last call.
  std::vector<AccountRoom> take_changes();
  // Those that hold more than seven eighths of their quota or have refused something: room that
  // other programs make there may matter to somebody.
  std::vector<AccountId> worth_counting() const;
  // Those with a quota that nobody has counted.
  std::vector<AccountId> uncounted() const;

private:
  Claims claim_locked(std::span<const Demand> demands); // with the mutex

  const std::function<SystemResult<std::uint64_t>(AccountId)> count_;
  const std::shared_ptr<Shared> shared_;
};

} // namespace letterlock::queued
