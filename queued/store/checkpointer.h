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
  // A start has found something to do in records up to this: that is a checkpoint of its own, as of
  // a segment that is full. 0: nothing.
  journal::Sequence found_up_to = 0;
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
  void checkpoint();
  // What must be retired soon; 0: nothing.
  journal::Sequence to_free(const journal::JournalWriter::Use& use) const;
  void write_stuck_again(journal::Sequence up_to);
  void set_asking(bool asking);
  template <class Write> auto asking(Write write);
  bool sync(journal::Sequence up_to);
  SystemResult<void> sync_everything();
  bool rewrite_all(journal::Sequence up_to);
  bool stopping() const;

  const CheckpointerParts parts_;
  const CheckpointerOptions options_;
  const std::size_t segments_;
  StuckRecords stuck_;
  journal::Sequence retired_;       // the thread's
  bool distrusting_ = false;        // a sync has failed, and not all is written again
  journal::Sequence concerned_ = 0; // the last record that this is about

  mutable std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  bool wanted_ = false;
  std::uint64_t finished_ = 0; // checkpoints
  bool asking_ = false;        // something of ours is for the journal, now
  bool stopping_ = false;

  std::thread thread_; // last: it uses all of the above
};

} // namespace letterlock::queued
