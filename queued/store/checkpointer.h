// Checkpointer: the thread that makes maildrops durable in one go and then frees the journal.
//
// Source: docs/spool.md, "Checkpoint" and "When the disk fails".
#pragma once

#include "queued/store/commit_pipeline.h"
#include "queued/store/state_directory.h"
#include "queued/store/stuck_records.h"

#include <optional>

namespace letterlock::queued {

struct CheckpointerOptions {
  // A record is retired at the latest so long after it was written, if the disk can.
  std::chrono::milliseconds interval{30'000};
  // Batches wait so long for a checkpoint when the journal is nearly full, and when it is full.
  std::chrono::milliseconds pace{100};
  std::chrono::milliseconds last_pace{2000};
  // After one that failed.
  std::chrono::milliseconds again{1000};
  // Recovery has left something stuck that has a record up to this: it is written again at once,
  // while there is room. 0: nothing.
  journal::Sequence stuck_up_to = 0;
};

struct CheckpointerParts {
  FileSystem& files;
  StateDirectory& state;
  journal::JournalWriter& journal;
  CommitPipeline& pipeline;
  Materialiser& materialiser;
  Progress& progress;
  LargeFiles& large;
  QueueKeeper& queue;
  const MaildirHost& host;
  Reporter& reporter;
  std::function<std::int64_t()> now; // seconds since 1970
};

class Checkpointer {
public:
  // RETIRED: what recovery has retired.
  Checkpointer(const CheckpointerParts& parts, const CheckpointerOptions& options,
               journal::Sequence retired, const StoreLimits& limits);
  ~Checkpointer() { stop(); }
  // Ends the thread: cuts short what it waits for, but for a sync that is under way. pace() may be
  // called all the same.
  void stop();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Waits a little if the journal is nearly full, until a checkpoint is over. False: the checkpoint
  // has something for the journal, and nothing else is to be written before. For the pipeline.
  bool pace();

private:
  void run();
  void checkpoint(std::optional<journal::Sequence> of); // up to that; none: what is worth it
  void write_stuck_again(journal::Sequence up_to);
  void set_asking(bool asking);
  template <class Write> auto asking(Write write);
  bool sync(journal::Sequence up_to);
  bool rewrite_all(journal::Sequence up_to);
  bool stopping() const;

  const CheckpointerParts parts_;
  const CheckpointerOptions options_;
  const std::size_t segments_;
  StuckRecords stuck_;
  journal::Sequence retired_; // the thread's
  // While a sync has failed: whether the journal says so durably, and the last record that may be
  // concerned.
  bool marked_ = false;
  journal::Sequence concerned_ = 0;
  bool distrusting_ = false; // the thread's: a sync has failed, and not all is rewritten

  mutable std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  bool wanted_ = false;
  std::uint64_t finished_ = 0; // checkpoints
  bool asking_ = false;        // something of ours is for the journal, now
  bool stopping_ = false;

  std::thread thread_; // last: it uses all of the above
};

} // namespace letterlock::queued
