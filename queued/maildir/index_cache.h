// MaildropIndexCache: the indices of maildrops that were opened lately, for the next session.
//
// Callable from any thread; does not wait for the disk.
#pragma once

#include "queued/maildir/maildir_times.h"
#include "queued/maildir/maildrop_index.h"

#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace letterlock::queued {

// Of all indices that are kept together: some 120 octets each.
inline constexpr std::size_t most_cached_messages = 1'000'000;

// An index as it was listed, never with pending messages.
struct CachedIndex {
  std::shared_ptr<const MaildropIndex> index;
  // From before the listing, if they were settled then: while they are the same, the index is true.
  // None: it only spares reading files anew.
  std::optional<MaildirTimes> times;
};

class MaildropIndexCache {
public:
  explicit MaildropIndexCache(std::size_t most = most_cached_messages) : most_(most) {}

  // What is kept of ACCOUNT.
  std::optional<CachedIndex> find(AccountId account);
  // Takes the place of the account's earlier one. Those that were used least lately go until there
  // is room; one that is larger than all the room is not kept.
  void keep(AccountId account, CachedIndex cached);
  // The account's index has turned out not to be true.
  void distrust(AccountId account);

private:
  using Kept = std::pair<AccountId, CachedIndex>;
  static std::size_t weight(const CachedIndex& cached);
  void drop(std::list<Kept>::iterator kept);

  const std::size_t most_;
  std::mutex mutex_;     // guards what follows
  std::list<Kept> kept_; // used last, first
  std::unordered_map<AccountId, std::list<Kept>::iterator> by_account_;
  std::size_t messages_ = 0;
};

} // namespace letterlock::queued
