// Keeping what failed, and trying it again.
#include "queued/store/stuck_jobs.h"

#include <algorithm>
#include <unordered_set>

namespace letterlock::queued {

std::size_t StuckCounts::copies_of(std::uint32_t mailbox) const {
  if (all() == 0)
    return 0;
  const std::lock_guard guard(mutex_);
  const auto found = copies_.find(mailbox);
  return found == copies_.end() ? 0 : found->second;
}

void StuckCounts::add(const StuckJob& job) {
  if (const auto* copy = std::get_if<CopyJob>(&job)) {
    const std::lock_guard guard(mutex_);
    ++copies_[copy->mailbox];
  }
  all_.fetch_add(1, std::memory_order_release);
}

void StuckCounts::remove(const StuckJob& job) {
  if (const auto* copy = std::get_if<CopyJob>(&job)) {
    const std::lock_guard guard(mutex_);
    const auto found = copies_.find(copy->mailbox);
    if (--found->second == 0)
      copies_.erase(found);
  }
  all_.fetch_sub(1, std::memory_order_release);
}

void StuckJobs::put(StuckJob job, bool at_once) {
  if (auto* copy = std::get_if<CopyJob>(&job)) {
    copy->head.clear();
    copy->content.reset();
  }
  counts_.add(job);
  jobs_.push_back({std::move(job), Clock::now() + (at_once ? Clock::duration() : first_), first_});
}

std::optional<StuckJobs::Clock::time_point> StuckJobs::next_retry() const {
  std::optional<Clock::time_point> next;
  for (const Stuck& stuck : jobs_)
    if (!next || stuck.next < *next)
      next = stuck.next;
  return next;
}

void StuckJobs::retry(const std::function<bool(StuckJob&)>& succeeds) {
  const auto now = Clock::now();
  std::erase_if(jobs_, [&](Stuck& stuck) {
    if (stuck.next > now)
      return false;
    if (succeeds(stuck.job)) {
      counts_.remove(stuck.job);
      return true;
    }
    stuck.delay = std::min(stuck.delay * 2, last_);
    stuck.next = Clock::now() + stuck.delay;
    return false;
  });
}

void StuckJobs::drop_copies(std::uint32_t mailbox, const std::vector<Id128>& messages,
                            const std::function<void(const CopyJob&)>& each) {
  if (jobs_.empty())
    return;
  const std::unordered_set<Id128, Id128Hash> dropped(messages.begin(), messages.end());
  std::erase_if(jobs_, [&](const Stuck& stuck) {
    const auto* copy = std::get_if<CopyJob>(&stuck.job);
    if (copy == nullptr || copy->mailbox != mailbox || !dropped.contains(copy->message))
      return false;
    each(*copy);
    counts_.remove(stuck.job);
    return true;
  });
}

namespace {

void add(Unsettled& to, const StuckJob& job) {
  if (const auto* copy = std::get_if<CopyJob>(&job)) {
    CopyJob& given = to.copies.emplace_back(*copy);
    given.booking.reset();
    given.claim.reset();
  } else
    to.removals.push_back(std::get<RemovalJob>(job));
}

} // namespace

Unsettled StuckJobs::of_mailbox(std::uint32_t mailbox) const {
  Unsettled found;
  for (const Stuck& stuck : jobs_)
    if (mailbox_of(stuck.job) == mailbox)
      add(found, stuck.job);
  return found;
}

Unsettled StuckJobs::up_to(journal::Sequence up_to) const {
  Unsettled found;
  for (const Stuck& stuck : jobs_)
    if (sequence_of(stuck.job) <= up_to)
      add(found, stuck.job);
  return found;
}

bool StuckJobs::replace(journal::Sequence from, StuckJob to) {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](const Stuck& stuck) {
    return sequence_of(stuck.job) == from && mailbox_of(stuck.job) == mailbox_of(to);
  });
  if (found == jobs_.end())
    return false;
  if (auto *from_copy = std::get_if<CopyJob>(&found->job), *to_copy = std::get_if<CopyJob>(&to);
      from_copy != nullptr && to_copy != nullptr) {
    to_copy->booking = std::move(from_copy->booking);
    to_copy->claim = std::move(from_copy->claim);
  }
  found->job = std::move(to);
  return true;
}

} // namespace letterlock::queued
