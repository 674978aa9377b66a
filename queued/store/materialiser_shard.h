// MaterialiserShard: one thread of the Materialiser, with the maildrops that are its own.
//
// The Materialiser alone uses it. Source: docs/spool.md, "Materialising".
#pragma once

#include "queued/store/materialiser.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

namespace letterlock::queued {

struct Barrier {
  std::uint32_t mailbox = 0;
  std::function<void(SystemResult<Unsettled>)> then;
};
struct Rewrite {
  std::uint32_t mailbox = 0;
  std::vector<CopyJob> jobs;
  std::function<void(std::string)> done;
};
struct ListStuck {
  journal::Sequence up_to = 0;
  std::function<void(Unsettled)> then;
};
// All that a start has found, in all shards.
struct SettlementTally {
  std::atomic<std::size_t> unfinished = 0, written = 0, rewritten = 0;
};

// What it has found for one maildrop.
struct Settle {
  Settlement settlement;
  std::shared_ptr<SettlementTally> tally;
};

using MaterialiserJob =
    std::variant<CopyJob, RemovalJob, Barrier, Rewrite, ListStuck, Moved, Settle>;

// What is waiting in all shards.
struct MaterialiserBacklog {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t jobs = 0;
  std::uint64_t bytes = 0;

  void add(std::size_t more_jobs, std::uint64_t more_bytes) {
    const std::lock_guard guard(mutex);
    jobs += more_jobs;
    bytes += more_bytes;
  }
  void remove(std::size_t fewer_jobs, std::uint64_t fewer_bytes) {
    {
      const std::lock_guard guard(mutex);
      jobs -= fewer_jobs;
      bytes -= fewer_bytes;
    }
    changed.notify_all();
  }
};

class MaterialiserShard {
public:
  MaterialiserShard(const MaterialiserPlaces& places, const MaterialiserOptions& options,
                    std::shared_ptr<MaterialiserBacklog> backlog, StuckCounts& counts);
  // Carries out what it has, but for settlements, which the next start finds again.
  ~MaterialiserShard();
  MaterialiserShard(const MaterialiserShard&) = delete;
  MaterialiserShard& operator=(const MaterialiserShard&) = delete;

  void post(std::vector<MaterialiserJob> jobs);
  // Somebody waits for it, and not for the jobs of other maildrops.
  void post_urgently(Barrier barrier);

private:
  // The jobs of one maildrop up to the last that somebody waits for, or that takes long.
  struct Lane {
    std::uint32_t mailbox = 0;
    std::deque<MaterialiserJob> jobs;
  };

  struct UnderWay {
    Settling settling;
    std::shared_ptr<SettlementTally> tally;
    std::size_t missing = 0; // large messages that are nowhere
  };

  static std::optional<std::uint32_t>
  maildrop_of(const MaterialiserJob& job); // none: of all of them
  std::deque<Lane>::iterator lane_of(std::uint32_t mailbox) {
    return std::find_if(lanes_.begin(), lanes_.end(),
                        [&](const Lane& lane) { return lane.mailbox == mailbox; });
  }
  std::deque<MaterialiserJob> take();
  void take_of_lane(std::deque<MaterialiserJob>& taken);
  void take_of_others(std::deque<MaterialiserJob>& taken);
  void put_back(RemovalJob rest);
  void run();
  void carry_out(MaterialiserJob& job);
  SystemResult<void> place(CopyJob& job);
  SystemResult<void> remove(const RemovalJob& job);
  SystemResult<bool> remove_some(RemovalJob& job);
  SystemResult<void> restore(CopyJob& copy, const FoundCopies& found);
  void claim(CopyJob& copy);
  void say_missing(const CopyJob& job);
  void settle_some();
  SettlementEvents events_of(UnderWay& one); // which it borrows
  void begin(RemovalJob& removal);
  void drop_what_lanes_remove();
  SystemResult<Unsettled> unsettled_of(std::uint32_t mailbox);
  SystemResult<Unsettled> stuck_of(std::uint32_t mailbox);
  void retry_stuck();
  bool retry(StuckJob& job);
  std::vector<bool> retry_together(std::vector<CopyJob*> copies);
  void put_aside(StuckJob job, Errno error);

  const MaterialiserPlaces places_;
  const std::shared_ptr<MaterialiserBacklog> backlog_;

  // The thread's.
  MaildirWriter writer_;
  Restorer restorer_;
  StuckJobs stuck_;
  std::deque<UnderWay> settlings_;  // in turns: a step of one comes after some of the other jobs
  std::set<std::uint32_t> failing_; // maildrops of which the log says that they fail
  std::string record_;

  std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  std::deque<MaterialiserJob> jobs_;
  std::deque<Lane> lanes_; // in turns among themselves, and with those
  bool is_lanes_turn_ = false;
  bool stopping_ = false;

  std::thread thread_; // last: it uses all of the above
};

} // namespace letterlock::queued
