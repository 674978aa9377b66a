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
  std::vector<CopyJob> copies;      // not there yet, or not whole
  std::vector<CopyJob> hidden;      // the same where no session looks, or another program took it
  std::vector<RemovalJob> removals; // still there, perhaps
};

// What the record of one takes in the journal, about.
inline constexpr std::uint64_t record_overhead = 512;
std::uint64_t record_bytes(const RemovalJob& job);

class StuckCounts {
public:
  std::size_t all() const { return all_.load(std::memory_order_acquire); }
  std::size_t copies_of(std::uint32_t mailbox) const;
  // What its records take in the journal, about, once they were written again.
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_acquire); }

  // From now on counts what becomes stuck with a record up to UP_TO, in became_stuck().
  void watch(journal::Sequence up_to) const { watched_.store(up_to, std::memory_order_release); }
  std::uint64_t became_stuck() const { return became_stuck_.load(std::memory_order_acquire); }

private:
  friend class StuckJobs;
  void add(const StuckJob& job, std::uint64_t bytes);
  void remove(const StuckJob& job, std::uint64_t bytes);

  std::atomic<std::size_t> all_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0, became_stuck_ = 0;
  mutable std::atomic<journal::Sequence> watched_ = 0;
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
  // Its content in memory is given up: the journal has it.
  void put(StuckJob job);

  // When the next is to be tried.
  std::optional<Clock::time_point> next_retry() const;
  // Tries what is due, maildrop by maildrop. While a few of one fail, ONE by one, its others wait;
  // else what was looked for goes to TOGETHER, which says of each in their order whether it
  // succeeded. Of what succeeds nothing is left. If much is due some of it is left for the next
  // call, which may follow at once.
  void retry(const std::function<bool(StuckJob&)>& one,
             const std::function<std::vector<bool>(std::vector<CopyJob*>)>& together);
  bool has(std::uint32_t mailbox) const;

  // Forgets those, and shows each to EACH.
  void drop_copies(const RemovedCopies& removed, const std::function<void(const CopyJob&)>& each);

  void each_copy_of(std::uint32_t mailbox, const std::function<void(CopyJob&)>& see);
  // Without the bookings and claims of copies, which end with the job itself.
  Unsettled of_mailbox(std::uint32_t mailbox) const;
  // Whose records are not above UP_TO.
  Unsettled up_to(journal::Sequence up_to) const;
  // Replaces the one of that name by TO, which is the same by another record, or by nothing; what
  // it had booked and claimed stays with it. The sequence of the one that was replaced, which may
  // have changed since it was listed; none: there is none any more.
  std::optional<journal::Sequence> replace(std::uint64_t stuck, std::optional<StuckJob> to);

private:
  struct Stuck {
    StuckJob job;
    Clock::time_point next;
    std::chrono::milliseconds delay{};
    std::uint64_t bytes = 0;
  };
  template <class Gone> void erase_if(Gone gone);

  StuckCounts& counts_;
  const std::chrono::milliseconds first_, last_;
  std::deque<Stuck> jobs_;
  std::uint64_t last_name_ = 0;
};

inline std::uint32_t mailbox_of(const StuckJob& job) {
  return std::visit([](const auto& of) { return of.mailbox; }, job);
}
inline std::uint64_t name_of(const StuckJob& job) {
  return std::visit([](const auto& of) { return of.stuck; }, job);
}
inline journal::Sequence sequence_of(const StuckJob& job) {
  return std::visit([](const auto& of) { return of.sequence; }, job);
}

} // namespace letterlock::queued
