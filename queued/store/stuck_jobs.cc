// Keeping what failed, and trying it again.
#include "queued/store/stuck_jobs.h"

#include <algorithm>
#include <map>
#include <utility>

namespace letterlock::queued {

std::size_t StuckCounts::copies_of(std::uint32_t mailbox) const {
  if (all() == 0)
    return 0;
  const std::lock_guard guard(mutex_);
  const auto found = copies_.find(mailbox);
  return found == copies_.end() ? 0 : found->second;
}

void StuckCounts::add(const StuckJob& job, std::uint64_t bytes) {
  if (const auto* copy = std::get_if<CopyJob>(&job)) {
    const std::lock_guard guard(mutex_);
    ++copies_[copy->mailbox];
  }
  bytes_.fetch_add(bytes, std::memory_order_release);
  all_.fetch_add(1, std::memory_order_release);
  if (sequence_of(job) <= watched_.load(std::memory_order_acquire))
    became_stuck_.fetch_add(1, std::memory_order_release);
}

void StuckCounts::remove(const StuckJob& job, std::uint64_t bytes) {
  if (const auto* copy = std::get_if<CopyJob>(&job)) {
    const std::lock_guard guard(mutex_);
    const auto found = copies_.find(copy->mailbox);
    if (--found->second == 0)
      copies_.erase(found);
  }
  bytes_.fetch_sub(bytes, std::memory_order_release);
  all_.fetch_sub(1, std::memory_order_release);
}

namespace {

constexpr std::size_t most_failures_a_round = 4; // of one maildrop
constexpr std::size_t most_tried_at_once = 256;

std::uint64_t bytes_of(const StuckJob& job) {
  if (const auto* copy = std::get_if<CopyJob>(&job))
    return copy->large ? copy->place.length : record_overhead + copy->head.size();
  return record_bytes(std::get<RemovalJob>(job));
}

} // namespace

std::uint64_t record_bytes(const RemovalJob& job) {
  std::uint64_t bytes = record_overhead + job.messages.size() * 20;
  for (const SeenFile& file : job.files)
    bytes += file.base.size() + 4;
  return bytes;
}

void StuckJobs::put(StuckJob job) {
  std::visit([this](auto& of) { of.stuck = ++last_name_; }, job);
  if (auto* copy = std::get_if<CopyJob>(&job)) {
    copy->head.clear();
    copy->content.reset();
  } else {
    auto& removal = std::get<RemovalJob>(job);
    const auto elsewhere = std::exchange(removal.elsewhere, {});
    removal.files.insert(removal.files.end(), elsewhere.begin(), elsewhere.end());
  }
  const std::uint64_t bytes = bytes_of(job);
  counts_.add(job, bytes);
  jobs_.push_back({std::move(job), Clock::now() + first_, first_, bytes});
}

template <class Gone> void StuckJobs::erase_if(Gone gone) {
  std::erase_if(jobs_, [&](Stuck& stuck) {
    if (!gone(stuck))
      return false;
    counts_.remove(stuck.job, stuck.bytes);
    return true;
  });
}

bool StuckJobs::has(std::uint32_t mailbox) const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [=](const Stuck& stuck) { return mailbox_of(stuck.job) == mailbox; });
}

std::optional<StuckJobs::Clock::time_point> StuckJobs::next_retry() const {
  std::optional<Clock::time_point> next;
  for (const Stuck& stuck : jobs_)
    if (!next || stuck.next < *next)
      next = stuck.next;
  return next;
}

void StuckJobs::retry(const std::function<bool(StuckJob&)>& one,
                      const std::function<std::vector<bool>(std::vector<CopyJob*>)>& together) {
  const auto now = Clock::now();
  std::map<std::uint32_t, std::vector<Stuck*>> due;
  std::size_t count = 0;
  for (Stuck& stuck : jobs_)
    if (stuck.next <= now && count++ < most_tried_at_once)
      due[mailbox_of(stuck.job)].push_back(&stuck);
  std::unordered_set<std::uint64_t> done;
  const auto wait_longer = [&](Stuck& stuck) {
    stuck.delay = std::min(stuck.delay * 2, last_);
    stuck.next = Clock::now() + stuck.delay;
  };
  for (auto& [mailbox, jobs] : due) {
    bool taken = false; // anything was
    std::size_t failures = 0;
    std::vector<Stuck*> looked_for;
    for (Stuck* stuck : jobs) {
      const auto* copy = std::get_if<CopyJob>(&stuck->job);
      if (taken && copy != nullptr && copy->looked_for) {
        looked_for.push_back(stuck);
      } else if (failures == most_failures_a_round) {
        stuck->next = Clock::now() + stuck->delay; // not tried: those come first the next time
      } else if (one(stuck->job)) {
        taken = true;
        done.insert(name_of(stuck->job));
      } else {
        // To look for what is to be removed takes a listing.
        failures = copy != nullptr ? failures + 1 : most_failures_a_round;
        wait_longer(*stuck);
      }
    }
    std::vector<CopyJob*> copies;
    for (Stuck* stuck : looked_for)
      copies.push_back(&std::get<CopyJob>(stuck->job));
    if (copies.empty())
      continue;
    const std::vector<bool> succeeded = together(std::move(copies));
    for (std::size_t i = 0; i < looked_for.size(); ++i)
      if (succeeded[i])
        done.insert(name_of(looked_for[i]->job));
      else
        wait_longer(*looked_for[i]);
  }
  erase_if([&](const Stuck& stuck) { return done.contains(name_of(stuck.job)); });
}

void StuckJobs::drop_copies(const RemovedCopies& removed,
                            const std::function<void(const CopyJob&)>& each) {
  erase_if([&](const Stuck& stuck) {
    const auto* copy = std::get_if<CopyJob>(&stuck.job);
    if (copy == nullptr || !removed.contain(*copy))
      return false;
    each(*copy);
    return true;
  });
}

void StuckJobs::each_copy_of(std::uint32_t mailbox, const std::function<void(CopyJob&)>& see) {
  for (Stuck& stuck : jobs_)
    if (auto* copy = std::get_if<CopyJob>(&stuck.job); copy != nullptr && copy->mailbox == mailbox)
      see(*copy);
}

namespace {

void add(Unsettled& to, const StuckJob& job) {
  if (const auto* copy = std::get_if<CopyJob>(&job)) {
    CopyJob& given = to.copies.emplace_back(*copy);
    given.booking.reset();
    given.claim.reset();
  } else {
    to.removals.push_back(std::get<RemovalJob>(job));
  }
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

std::optional<journal::Sequence> StuckJobs::replace(std::uint64_t stuck,
                                                    std::optional<StuckJob> to) {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(),
                                  [stuck](const Stuck& one) { return name_of(one.job) == stuck; });
  if (found == jobs_.end())
    return std::nullopt;
  const journal::Sequence replaced = sequence_of(found->job);
  counts_.remove(found->job, found->bytes);
  if (!to) {
    jobs_.erase(found);
    return replaced;
  }
  if (auto *from_copy = std::get_if<CopyJob>(&found->job), *to_copy = std::get_if<CopyJob>(&*to);
      from_copy != nullptr && to_copy != nullptr) {
    to_copy->booking = std::move(from_copy->booking);
    to_copy->claim = std::move(from_copy->claim);
    to_copy->was_there = from_copy->was_there; // which may have been seen meanwhile
  }
  found->job = std::move(*to);
  found->bytes = bytes_of(found->job);
  counts_.add(found->job, found->bytes);
  return replaced;
}

} // namespace letterlock::queued
