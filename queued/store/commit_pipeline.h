// CommitPipeline: everything that is to become durable, on its way through the journal: deliveries,
// outcomes, expunges, and the journal's own housekeeping. All that wait are one batch: one write,
// one sync.
//
// submit() and record_outcome() are the loop thread's; the rest may be called from any. Source:
// docs/spool.md, "Committing" and "Repeats".
#pragma once

#include "queued/journal/journal_writer.h"
#include "queued/store/account_usage.h"
#include "queued/store/content.h"
#include "queued/store/identity.h"
#include "queued/store/large_files.h"
#include "queued/store/materialiser.h"
#include "queued/store/queue_keeper.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_map>
#include <unordered_set>

namespace letterlock::queued {

class WorkerPool;

// What the pipeline works with. All of it is borrowed and outlives the pipeline.
struct PipelineParts {
  journal::JournalWriter& journal;
  Materialiser& materialiser;
  Progress& progress;
  LargeFiles& large;
  QueueKeeper& queue;
  WorkerPool& copiers; // of large messages
  SpaceLedger& ledger;
  AccountUsage& usage;
  MessageIds& ids;
  const MaildirHost& host;
  CompletionQueue& completions;
  Reporter& reporter;
};

struct PipelineStart {
  std::optional<Id128> life; // none: no Materialised records
  std::vector<Id128> seen;   // transactions that became durable lately, newest last
  std::vector<journal::Position> positions;
  journal::Sequence last = 0; // of the records that are there
};

class CommitPipeline {
public:
  using Done = std::function<void(CommitResult)>;

  CommitPipeline(const PipelineParts& parts, const StoreLimits& limits, PipelineStart start);
  ~CommitPipeline(); // commits what waits, first
  CommitPipeline(const CommitPipeline&) = delete;
  CommitPipeline& operator=(const CommitPipeline&) = delete;

  // As MessageStore::submit; SCRATCH is the file of ScratchContent, or none if there is no such
  // lease.
  void submit(Delivery delivery, ScratchFile scratch, Done done);
  // As MessageStore::record_outcome; SCRATCH is the DSN's.
  void record_outcome(QueueOutcome outcome, ScratchFile scratch, Done done);
  // Removes files from a maildrop; DONE says that it is durable, or why it was not begun. From any
  // thread.
  void expunge(ExpungeRequest request, std::function<void(Expected<void>)> done);
  // Whether that transaction became durable, as far back as is remembered.
  bool knows(const Id128& transaction) const;

  // Writes RECORD with the next batch, and waits until that is over. False: it is not durable.
  bool write_and_wait(const journal::Record& record);

  // What a maildrop did not take holds its record in the journal, so it is written again at the
  // end: RECORDS, each with one thing to be carried out, in one batch. Waits. Empty: none of them
  // is durable.
  struct Written {
    journal::Sequence sequence = 0;
    journal::Place place;
  };
  std::vector<Written> write_again(const std::vector<journal::Record>& records);
  // While one of these lives no expunge is committed, and all that were are with the materialiser:
  // else a message could get a record that is younger than the one that says it is gone.
  class NoExpunges {
  public:
    explicit NoExpunges(CommitPipeline& pipeline);
    ~NoExpunges();
    NoExpunges(const NoExpunges&) = delete;
    NoExpunges& operator=(const NoExpunges&) = delete;

  private:
    CommitPipeline& pipeline_;
  };
  // PACE is called on the pipeline's thread before each batch; it may wait, to give a checkpoint
  // time, and says no if only write_and_wait() and write_again() are to be served.
  void before_batch(std::function<bool()> pace);
  // The last record that has something to be carried out.
  journal::Sequence last_with_work() const;

private:
  struct DeliveryWork {
    Delivery delivery;
    ScratchFile scratch;
    Id128 message;
    bool large = false;
    std::uint64_t backlog = 0;
    std::shared_ptr<const SpaceLedger::Booking> booking; // of a large one: before it is copied
    QueueKeeper::Hold queue_room;                        // if it goes to other hosts
  };
  struct OutcomeWork {
    QueueOutcome outcome; // without its DSN
    QueueKeeper::Hold claim;
    std::optional<DeliveryWork> dsn; // answers for the whole
    Done done;                       // if there is no DSN
  };
  // A part of a request: it may be too long for one record. The last one names the transaction and
  // is answered; it is not written if one before it failed.
  struct ExpungeWork {
    ExpungeRequest request;
    std::shared_ptr<std::string> failure;     // of all parts; empty: none yet
    std::function<void(Expected<void>)> done; // none: not the last
  };
  struct RecordWork {
    const journal::Record* record; // none: to wait for the batches before
    std::function<void(bool)> done;
  };
  struct AgainWork {
    const std::vector<journal::Record>* records;
    std::function<void(std::vector<Written>)> done;
  };
  struct Accepted; // a delivery whose content was checked
  using Work = std::variant<DeliveryWork, OutcomeWork, ExpungeWork, RecordWork, AgainWork>;
  struct Batch;

  void run();
  std::vector<Work> take_waiting(bool all);
  void run_batch(std::vector<Work> works);
  void write_batches(std::span<Work> works, journal::JournalWriter::Room room);
  std::optional<DeliveryWork> admit(Delivery delivery, ScratchFile scratch, Done done, bool is_dsn);
  void begin(Work work);
  static DeliveryWork* delivery_of(Work& work);
  std::expected<std::shared_ptr<const SpaceLedger::Booking>, Refusal>
  book(const DeliveryWork& work);
  void add_delivery(Batch& batch, DeliveryWork work);
  void add_outcome(Batch& batch, OutcomeWork work);
  // DSN: not bound by quotas.
  std::expected<Accepted, Refusal> accept(DeliveryWork work, bool is_dsn);
  // On the accounts' quotas, one for each copy.
  std::expected<AccountUsage::Claims, Refusal> claim_quotas(const Delivery& delivery, bool is_dsn);
  static CommitResult result_of(const Accepted& accepted);
  journal::Accept record_of(const Accepted& accepted);
  void was_accepted(Accepted& accepted, journal::Sequence sequence, const journal::Place& place,
                    std::vector<CopyJob>& copies);
  void add_expunge(Batch& batch, ExpungeWork work);
  void add_again(Batch& batch, AgainWork work);
  void fail_expunge(ExpungeWork& work, const std::string& why);
  void commit(Batch& batch, journal::JournalWriter::Room room);
  CommitStatus honest(CommitStatus status, bool again) const;
  void committed(Batch& batch, const std::vector<journal::Place>& places);
  void not_committed(Batch& batch, const journal::BatchError& error);
  void note_progress();
  void remember(const Id128& transaction); // under the mutex
  void mend_if_broken();

  void answer(Done done, CommitResult result);
  void finish(std::vector<CommitResult> results, std::uint64_t backlog_bytes);
  void enqueue(Work work);

  const PipelineParts parts_;
  const StoreLimits limits_;
  const std::optional<Id128> life_;

  // The thread's.
  std::unordered_map<std::uint32_t, std::uint64_t> next_sequence_; // by mailbox
  journal::Sequence noted_ = 0; // what the last Materialised record said
  bool broken_ = false;         // and the log says so
  std::chrono::steady_clock::time_point next_mending_;

  mutable std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  std::vector<Work> waiting_;
  bool no_expunges_ = false;
  std::vector<Work> expunges_; // that wait for the end of that
  std::unordered_map<Id128, std::vector<Done>, Id128Hash> under_way_; // answered by finish()
  std::size_t copying_ = 0;                                           // large ones, not waiting yet
  std::uint64_t bytes_ = 0;                                           // of all under way
  std::deque<Id128> seen_order_;                                      // oldest first
  std::unordered_set<Id128, Id128Hash> seen_;
  std::function<bool()> pace_;
  bool stopping_ = false;
  std::atomic<journal::Sequence> last_with_work_ = 0;

  std::thread thread_; // last: it uses all of the above
};

} // namespace letterlock::queued
