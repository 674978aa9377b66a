// Materialiser: brings what the journal holds into the maildrops, and takes out of them what it
// says is expunged: a few threads, each with the maildrops of its own, in the journal's order.
//
// What fails is kept and tried again. Source: docs/spool.md, "Materialising".
#pragma once

#include "queued/store/copy_job.h"
#include "queued/store/progress.h"
#include "queued/store/reporter.h"
#include "queued/store/settlement.h"

#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace letterlock::queued {

struct MaterialiserOptions {
  std::size_t threads = 2;
  std::size_t backlog_jobs = 8192;
  std::uint64_t backlog_bytes = 64u << 20;
  std::chrono::milliseconds first_retry{1000};
  std::chrono::milliseconds last_retry{60'000};
};

// What the threads work on. All of it is borrowed and outlives the Materialiser.
struct MaterialiserPlaces {
  FileSystem& files;
  int root, journal, large; // open directories
  const MaildirHost& host;
  Progress& progress;
  Reporter& reporter;
  // Makes the directories of a maildrop that has lost them. From any thread.
  std::function<void(std::uint32_t mailbox)> remake;
  // For a copy that a start has found, and that is to come: whether it fits or not. From any
  // thread.
  std::function<std::shared_ptr<AccountUsage::Claim>(std::uint32_t mailbox, std::uint64_t bytes)>
      claim;
};

// A stuck job whose record was written again.
struct Moved {
  std::uint32_t mailbox = 0;
  std::uint64_t stuck = 0;     // its name
  std::optional<StuckJob> job; // by the newer record; none: nothing can be made of it
};

class MaterialiserShard;
struct MaterialiserBacklog;

class Materialiser {
public:
  Materialiser(const MaterialiserPlaces& places, const MaterialiserOptions& options);
  // Carries out what it has, except for what fails or is to be settled: that is the next start's.
  ~Materialiser();
  Materialiser(const Materialiser&) = delete;
  Materialiser& operator=(const Materialiser&) = delete;

  // From any thread. Adding does not wait; whoever adds calls wait_for_room() before.
  void add(std::vector<CopyJob> jobs);
  void add(RemovalJob job);
  void wait_for_room();
  // What a start has found, at first: carried out beside what is added, and before the sessions'
  // removals of the same messages. What is left when the Materialiser goes is the next start's.
  void settle(std::vector<Settlement> settlements);
  // Calls THEN on the maildrop's thread once all that was added for it before is carried out or
  // stuck, with what is stuck or waits to be settled. An error: what is there cannot be told.
  void after_all(std::uint32_t mailbox, std::function<void(SystemResult<Unsettled>)> then);
  // A sync has failed: writes the copies again, synced one by one. DONE is called on
  // a thread of its own for each mailbox, with why it failed, or nothing.
  void rewrite(std::uint32_t mailbox, std::vector<CopyJob> jobs,
               std::function<void(std::string why)> done);

  // ---- What is stuck

  const StuckCounts& stuck() const { return counts_; }
  // What is stuck with a record up to that, once it was the turn of what was added up to now; what
  // takes longer, and becomes stuck then, StuckCounts tells of. Not from the pipeline's thread.
  Unsettled stuck_up_to(journal::Sequence up_to);
  // Progress is told that the older record needs nothing more; the newer one had begun.
  void moved(Moved one);

private:
  template <class Of> void post_one(std::uint32_t mailbox, Of job);

  std::shared_ptr<MaterialiserBacklog> backlog_;
  StuckCounts counts_;
  const MaterialiserOptions options_;
  std::vector<std::unique_ptr<MaterialiserShard>> shards_;
};

} // namespace letterlock::queued
