// Batches of deliveries on their way to the disk.
#include "queued/store/commit_queue.h"

#include "queued/disk/worker_pool.h"

#include <sys/stat.h>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_remembered = 16384;
constexpr std::size_t most_repeats = 16; // that wait for one commit

} // namespace

CommitQueue::CommitQueue(BatchCommitter committer, CompletionQueue& completions,
                         const StoreLimits& limits)
    : committer_(std::move(committer)), completions_(completions), limits_(limits),
      thread_(start_thread([this] { run(); })) {}

CommitQueue::~CommitQueue() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void CommitQueue::answer(Done done, CommitResult result) {
  completions_.post([done = std::move(done), result = std::move(result)] { done(result); });
}

void CommitQueue::submit(Delivery delivery, ScratchFile scratch, Done done) {
  const Id128 id = delivery.transaction;
  const auto refuse = [&](CommitStatus status, std::string text) {
    answer(std::move(done), {id, status, std::move(text)});
  };
  std::unique_lock lock(mutex_);
  if (const auto same = under_way_.find(id); same != under_way_.end()) {
    if (!delivery.again)
      return refuse(CommitStatus::refused, "its id is being committed");
    if (same->second.size() >= most_repeats)
      return refuse(CommitStatus::in_doubt, "it was repeated too often");
    same->second.push_back(std::move(done));
    return;
  }
  if (delivery.again && committed_.contains(id))
    return refuse(CommitStatus::committed, {});
  // A repeat may have been committed by an earlier queued, with other limits.
  const auto refused = delivery.again ? CommitStatus::in_doubt : CommitStatus::refused;
  if (auto wrong = check_delivery(delivery, limits_); !wrong.empty())
    return refuse(refused, std::move(wrong));
  if (auto* content = std::get_if<FileContent>(&delivery.content)) {
    struct stat about = {};
    // Anything else may hold the thread for ever.
    if (::fstat(content->file.get(), &about) != 0 || !S_ISREG(about.st_mode))
      return refuse(refused, "its content is no regular file");
    scratch = std::make_shared<const UniqueFd>(std::move(content->file));
  }
  // A repeat may find its copies and need no content; its scratch file died with the queued before.
  if (std::holds_alternative<ScratchContent>(delivery.content) && !scratch && !delivery.again)
    return refuse(CommitStatus::refused, "its scratch file is not lent to its sender");
  const std::uint64_t bytes = backlog_bytes(delivery);
  // One that is larger than the whole backlog may go when it is alone.
  if (under_way_.size() >= limits_.backlog_deliveries ||
      (bytes_ > 0 && bytes_ + bytes > limits_.backlog_bytes))
    return refuse(CommitStatus::busy, "too many deliveries wait");

  bytes_ += bytes;
  under_way_[id].push_back(std::move(done));
  waiting_.push_back({std::move(delivery), std::move(scratch)});
  lock.unlock();
  changed_.notify_one();
}

void CommitQueue::run() {
  for (;;) {
    std::vector<PendingDelivery> batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty())
        return;
      batch.swap(waiting_);
    }
    std::uint64_t bytes = 0;
    for (const auto& pending : batch)
      bytes += backlog_bytes(pending.delivery);
    auto results = committer_.commit(batch);
    batch.clear(); // before the answers: a scratch file may be given back at once
    finish(std::move(results), bytes);
  }
}

void CommitQueue::finish(std::vector<CommitResult> results, std::uint64_t bytes) {
  const std::lock_guard guard(mutex_);
  bytes_ -= bytes;
  for (CommitResult& result : results) {
    if (result.status == CommitStatus::committed) {
      if (committed_.insert(result.transaction).second)
        committed_order_.push_back(result.transaction);
      if (committed_order_.size() > most_remembered) {
        committed_.erase(committed_order_.front());
        committed_order_.pop_front();
      }
    }
    auto waiters = under_way_.extract(result.transaction);
    for (Done& done : waiters.mapped())
      answer(std::move(done), result);
  }
}

} // namespace letterlock::queued
