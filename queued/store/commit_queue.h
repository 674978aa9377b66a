// CommitQueue: the thread that commits, and the deliveries that wait for it. All that wait are
// taken as one batch: the more there are, the fewer syncs each costs.
#pragma once

#include "queued/disk/completion_queue.h"
#include "queued/store/batch_committer.h"

#include <condition_variable>
#include <deque>
#include <thread>
#include <unordered_map>
#include <unordered_set>

namespace letterlock::queued {

class CommitQueue {
public:
  using Done = std::function<void(CommitResult)>;

  // COMPLETIONS outlives it.
  CommitQueue(BatchCommitter committer, CompletionQueue& completions, const StoreLimits& limits);
  ~CommitQueue(); // commits what waits, first
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  // As MessageStore::submit; SCRATCH is the file of ScratchContent, or none if there is no such
  // lease.
  void submit(Delivery delivery, ScratchFile scratch, Done done);

private:
  void run();
  void answer(Done done, CommitResult result);
  void finish(std::vector<CommitResult> results, std::uint64_t bytes);

  BatchCommitter committer_; // the thread's
  CompletionQueue& completions_;
  const StoreLimits limits_;

  std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  std::vector<PendingDelivery> waiting_;
  std::unordered_map<Id128, std::vector<Done>, Id128Hash> under_way_; // waiting or being committed
  std::uint64_t bytes_ = 0;                                           // of those
  // Lately committed, oldest first: a repeat is answered from here without looking at the disk.
  std::deque<Id128> committed_order_;
  std::unordered_set<Id128, Id128Hash> committed_;
  bool stopping_ = false;

  std::thread thread_; // last: it uses all of the above
};

} // namespace letterlock::queued
