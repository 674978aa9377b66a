// StuckJobs: copies and removals that a maildrop did not take, each until it does.
//
// One thread of the materialiser uses a StuckJobs; StuckCounts is for all threads. Source:
// docs/spool.md, "Materialising" and "A maildrop that cannot be written".
#pragma once

#include "queued/store/copy_job.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

namespace letterlock::queued {

using StuckJob = std::variant<CopyJob, RemovalJob>;

// What of some maildrop is in the journal alone, because its directories do not take it now.
struct Unsettled {
  std::vector<CopyJob> copies;      // not there yet
  std::vector<RemovalJob> removals; // still there, perhaps
};

class StuckCounts {
public:
  std::size_t all() const { return all_.load(std::memory_order_acquire); }
  std::size_t copies_of(std::uint32_t mailbox) const;

private:
  friend class StuckJobs;
  void add(const StuckJob& job);
  void remove(const StuckJob& job);

  std::atomic<std::size_t> all_ = 0;
  mutable std::mutex mutex_; // guards copies_
  std::unordered_map<std::uint32_t, std::size_t> copies_;
};

class StuckJobs {
public:
  using Clock = std::chrono::steady_clock;

  // It is tried again after FIRST, then after twice that and so on, up to LAST.
  StuckJobs(StuckCounts& counts, std::chrono::milliseconds first, std::chrono::milliseconds last)
      : counts_(counts), first_(first), last_(last) {}

  bool empty() const { return jobs_.empty(); }
  // Its content in memory is given up: the journal has it. AT_ONCE: the next retry() tries it.
  void put(StuckJob job, bool at_once = false);

  // When the next is to be tried.
  std::optional<Clock::time_point> next_retry() const;
  // Tries what is due, in the order in which it was put; of what SUCCEEDS nothing is left.
  void retry(const std::function<bool(StuckJob&)>& succeeds);

  // Forgets the copies of MESSAGES in MAILBOX, and shows each to EACH.
  void drop_copies(std::uint32_t mailbox, const std::vector<Id128>& messages,
                   const std::function<void(const CopyJob&)>& each);

  // Without the bookings and claims of copies, which end with the job itself.
  Unsettled of_mailbox(std::uint32_t mailbox) const;
  // Whose records are not above UP_TO.
  Unsettled up_to(journal::Sequence up_to) const;
  // Replaces the one whose record was FROM by TO, which is the same by another record. False: there
  // is none any more. A copy keeps its booking and its claim.
  bool replace(journal::Sequence from, StuckJob to);

private:
  struct Stuck {
    StuckJob job;
    Clock::time_point next;
    std::chrono::milliseconds delay{};
  };

  StuckCounts& counts_;
  const std::chrono::milliseconds first_, last_;
  std::deque<Stuck> jobs_;
};

inline std::uint32_t mailbox_of(const StuckJob& job) {
  return std::visit([](const auto& of) { return of.mailbox; }, job);
}
inline journal::Sequence sequence_of(const StuckJob& job) {
  return std::visit([](const auto& of) { return of.sequence; }, job);
}

} // namespace letterlock::queued
