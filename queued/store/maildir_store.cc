// The Maildir engine put together.
#include "queued/store/maildir_store.h"

#include "common/os/memory_file.h"
#include "queued/maildir/list_maildrop.h"
#include "queued/maildir/maildir_maildrop.h"
#include "queued/store/checkpointer.h"
#include "queued/store/open_maildrops.h"
#include "queued/store/recovery.h"
#include "queued/store/retention.h"
#include "queued/store/scratch_pool.h"
#include "queued/store/unsettled_copies.h"

#include <algorithm>
#include <ctime>

namespace letterlock::queued {

namespace {

std::uint32_t random_salt() {
  const Id128 random = Id128::random();
  std::uint32_t salt = 0;
  for (std::size_t i = 0; i < 4; ++i)
    salt = salt << 8 | random.bytes[i];
  return salt;
}

std::int64_t seconds_now() {
  return std::time(nullptr);
}

class MaildirStore final : public MessageStore {
public:
  static Expected<std::unique_ptr<MessageStore>>
  open(UniqueFd root, const MaildirStoreOptions& options, FileSystem& files);
  ~MaildirStore() override;

  int completion_descriptor() const override { return completions_->descriptor(); }
  void drain_completions() override { completions_->drain(); }

  void resolve_accounts(std::vector<AccountName> names,
                        std::function<void(Expected<std::vector<AccountId>>)> done) override;
  void set_account_rules(std::vector<AccountRules> rules) override;
  void submit(Delivery delivery, std::function<void(CommitResult)> done) override;
  bool knows(const Id128& transaction) const override { return pipeline_->knows(transaction); }

  void lease_scratch(Borrower borrower, ScratchRoom room,
                     std::function<void(Expected<ScratchLease>)> done) override {
    scratch_.lease(borrower, room, std::move(done));
  }
  bool grow_scratch(Borrower borrower, ScratchId id, std::uint64_t more) override {
    return scratch_.grow(borrower, id, more);
  }
  void return_scratch(Borrower borrower, ScratchId id) override {
    scratch_.give_back(borrower, id);
  }
  void forget_borrower(Borrower borrower) override { scratch_.forget(borrower); }

  std::vector<QueuedMessage> queue() const override { return queue_.messages(); }
  std::optional<QueuedMessage> find_queued(const Id128& message) const override {
    return queue_.find(message);
  }
  void open_queued(const Id128& message,
                   std::function<void(ReadResult<OpenedMessage>)> done) override;
  void record_outcome(QueueOutcome outcome, std::function<void(CommitResult)> done) override;

  std::optional<MaildropLock> lock_maildrop(AccountId account) override;
  void open_maildrop(MaildropLock lock,
                     std::function<void(ReadResult<std::shared_ptr<Maildrop>>)> done) override;

private:
  MaildirStore(const MaildirStoreOptions& options, FileSystem& files,
               std::unique_ptr<StateDirectory> state, std::unique_ptr<CompletionQueue> completions);
  Expected<void> start();
  void say_what_was_set_aside();
  void begin_settling(std::vector<Settlement> settlements);
  bool has_accounts(const Delivery& delivery) const;
  ScratchFile scratch_of(const Delivery& delivery);
  void begin_opening(MaildropLock lock,
                     std::function<void(ReadResult<std::shared_ptr<Maildrop>>)> done);
  void open_when_settled(MaildropLock lock, Unsettled unsettled,
                         std::function<void(ReadResult<std::shared_ptr<Maildrop>>)> done);
  void remake_maildrop(std::uint32_t mailbox);
  SystemResult<std::uint64_t> stored_bytes_of(AccountId account) const;
  void tell_rooms();
  void sweep(AccountId account, std::int64_t now, std::uint64_t keep,
             std::function<void(SweepResult)> done);
  MaildropServices services();

  // In the order of use: threads last, so that they end before what they use.
  const MaildirStoreOptions options_;
  FileSystem& files_;
  std::shared_ptr<OpenMaildrops> open_ = std::make_shared<OpenMaildrops>();
  MaildropIndexCache indices_;
  MentionedFiles mentioned_;
  std::unique_ptr<CompletionQueue> completions_;
  Reporter reporter_;
  std::unique_ptr<StateDirectory> state_;
  const MaildirHost host_;
  SpaceLedger ledger_;
  AccountUsage usage_;
  ScratchPool scratch_;
  LargeFiles large_;
  QueueKeeper queue_;
  MessageIds ids_;
  UnsettledCopies unsettled_;
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<journal::JournalWriter> journal_;
  WorkerPool copiers_, workers_;
  std::unique_ptr<Materialiser> materialiser_;
  std::unique_ptr<CommitPipeline> pipeline_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<MaildropKeeper> keeper_;
  std::vector<std::string> said_at_start_; // of what was set aside
};

MaildirStore::MaildirStore(const MaildirStoreOptions& options, FileSystem& files,
                           std::unique_ptr<StateDirectory> state,
                           std::unique_ptr<CompletionQueue> completions)
    : options_(options), files_(files), completions_(std::move(completions)),
      reporter_(*completions_, options.report), state_(std::move(state)),
      host_(options.server_name), ledger_(files, state_->root(), options.reserve),
      usage_([this](AccountId account) { return stored_bytes_of(account); },
             [this] { completions_->post([this] { tell_rooms(); }); }),
      scratch_({files, state_->scratch(), ledger_, copiers_, *completions_}, options.limits.leases),
      large_(files, state_->large()),
      queue_(files, {state_->queue(), state_->large(), state_->journal()}, options.limits),
      ids_(state_->identity(), random_salt()), unsettled_(state_->journal(), state_->large()),
      copiers_(options.copy_threads, options.limits.backlog_deliveries),
      workers_(options.read_threads, options.limits.read_jobs) {}

Expected<std::unique_ptr<MessageStore>>
MaildirStore::open(UniqueFd root, const MaildirStoreOptions& options, FileSystem& files) {
  auto state = StateDirectory::open(
      std::move(root), files,
      {options.now, options.group, options.lock_wait, options.limits.accounts});
  if (!state)
    return std::unexpected(state.error());
  auto completions = CompletionQueue::make();
  if (!completions)
    return std::unexpected(completions.error());
  std::unique_ptr<MaildirStore> store(
      new MaildirStore(options, files, std::move(*state), std::move(*completions)));
  if (auto started = store->start(); !started) {
    // Nobody hears reports of a start that has failed, and the next one finds nothing to set aside.
    for (const std::string& said : store->said_at_start_)
      started.error().text += "; " + said;
    return std::unexpected(started.error());
  }
  store->said_at_start_.clear();
  return store;
}

void MaildirStore::say_what_was_set_aside() {
  for (StoreReport& report : state_->take_reports()) {
    if (!journal_)
      said_at_start_.push_back(report.text);
    reporter_.say(report.level, std::move(report.event), std::move(report.text));
  }
}

Expected<void> MaildirStore::start() {
  say_what_was_set_aside();
  auto recovered =
      recover({files_, *state_, large_, host_, queue_, options_.life}, options_.limits);
  if (!recovered)
    return std::unexpected(recovered.error());
  for (StoreReport& report : recovered->reports)
    reporter_.say(report.level, std::move(report.event), std::move(report.text));

  const journal::WriterStart& start = recovered->start;
  // The mail of a maildrop that `accounts` has forgotten must not come to somebody else.
  std::uint32_t highest = 0;
  for (const journal::Position& position : start.positions)
    highest = std::max(highest, position.mailbox);
  state_->keep_ids(highest);
  say_what_was_set_aside();
  auto writer = journal::JournalWriter::start(files_, state_->journal(), start, seconds_now);
  if (!writer)
    return std::unexpected(Error::system("journal", writer.error().number));
  journal_ = std::move(*writer);
  // Now that the rest is retired: what nothing will be linked to any more.
  std::unordered_set<std::string> large_kept;
  std::vector<const CopyJob*> large;
  for (const Settlement& settlement : recovered->settlements)
    for (const CopyJob& copy : settlement.copies)
      if (copy.large)
        large.push_back(&copy);
  std::sort(large.begin(), large.end(),
            [](const CopyJob* a, const CopyJob* b) { return a->sequence < b->sequence; });
  for (const CopyJob* copy : large) {
    large_kept.insert(LargeFiles::name_of(copy->message, copy->mailbox));
    large_.recorded(copy->sequence, copy->message, copy->mailbox);
  }
  for (std::string& name : queue_.large_names())
    large_kept.insert(std::move(name));
  if (const auto swept = large_.sweep(large_kept); !swept)
    return std::unexpected(Error::system("large", swept.error().number));

  progress_ = std::make_unique<Progress>(start.retired - 1);
  MaterialiserOptions how;
  how.threads = options_.materialise_threads;
  how.first_retry = options_.first_retry;
  materialiser_ = std::make_unique<Materialiser>(
      MaterialiserPlaces{files_, state_->root(), state_->journal(), state_->large(), host_,
                         *progress_, reporter_,
                         [this](std::uint32_t mailbox) { remake_maildrop(mailbox); },
                         [this](std::uint32_t mailbox, std::uint64_t bytes) {
                           const AccountUsage::Demand demand{AccountId{mailbox}, bytes};
                           return usage_.claim_anyway({&demand, 1}).front();
                         }},
      how);
  begin_settling(std::move(recovered->settlements));
  progress_->begin(start.sequence - 1, 0);

  pipeline_ = std::make_unique<CommitPipeline>(
      PipelineParts{*journal_, *materialiser_, *progress_, large_, queue_, copiers_, ledger_,
                    usage_, ids_, host_, *completions_, reporter_},
      options_.limits,
      PipelineStart{options_.life, start.seen, start.positions, start.sequence - 1});
  CheckpointerOptions how_often;
  how_often.interval = options_.checkpoint_interval;
  how_often.last_pace = options_.full_pace;
  how_often.found_up_to = start.retired < start.sequence ? start.sequence - 1 : 0;
  checkpointer_ = std::make_unique<Checkpointer>(
      CheckpointerParts{files_, *state_, *journal_, *pipeline_, *materialiser_, *progress_, large_,
                        queue_, host_, reporter_, seconds_now},
      how_often, start.retired - 1, options_.limits);
  pipeline_->before_batch([this] { return checkpointer_->pace(); });
  // Before there was a file for it the journal has kept the time.
  auto clock = state_->clock();
  if (!clock && recovered->last_time > 0)
    clock = ClockRecord{recovered->last_time, false};
  keeper_ = std::make_unique<MaildropKeeper>(
      MaildropKeeperParts{usage_, reporter_,
                          [this](AccountId account, std::int64_t now, std::uint64_t keep,
                                 auto done) { sweep(account, now, keep, std::move(done)); },
                          [this](const ClockRecord& record) { return state_->keep_clock(record); }},
      options_.keeping, clock);
  return {};
}

// What a start has found in the journal, while everything else goes on.
void MaildirStore::begin_settling(std::vector<Settlement> settlements) {
  std::vector<journal::Sequence> jobs; // the record of each
  for (const Settlement& settlement : settlements) {
    for (const CopyJob& copy : settlement.copies)
      jobs.push_back(copy.sequence);
    for (const RemovalJob& removal : settlement.removals)
      jobs.push_back(removal.sequence);
  }
  std::sort(jobs.begin(), jobs.end());
  for (auto first = jobs.begin(); first != jobs.end();) {
    const auto next = std::upper_bound(first, jobs.end(), *first);
    progress_->begin(*first, static_cast<std::uint32_t>(next - first));
    first = next;
  }
  std::erase_if(settlements, [](const Settlement& settlement) {
    return settlement.copies.empty() && settlement.removals.empty();
  });
  materialiser_->settle(std::move(settlements));
}

// Reading ends first: it may ask the pipeline to remove something. The pipeline commits what it
// has, which the checkpointer may have to make room for, and the materialiser carries it out; a
// session that waited for that finds nobody to read for it.
MaildirStore::~MaildirStore() {
  open_->close();
  if (keeper_)
    keeper_->stop();
  workers_.stop();
  if (checkpointer_)
    checkpointer_->stop();
  pipeline_.reset();
  checkpointer_.reset();
  materialiser_.reset();
}

void MaildirStore::resolve_accounts(std::vector<AccountName> names,
                                    std::function<void(Expected<std::vector<AccountId>>)> done) {
  const bool posted = workers_.post([this, names = std::move(names), done] {
    auto ids = state_->resolve_accounts(names);
    say_what_was_set_aside();
    completions_->post([done, ids = std::move(ids)] { done(ids); });
  });
  if (!posted)
    completions_->post([done] { done(fail("accounts: too much waits for the disk")); });
}

bool MaildirStore::has_accounts(const Delivery& delivery) const {
  return std::all_of(delivery.copies.begin(), delivery.copies.end(),
                     [this](const Copy& copy) { return state_->has_account(copy.account); });
}

ScratchFile MaildirStore::scratch_of(const Delivery& delivery) {
  const auto* content = std::get_if<ScratchContent>(&delivery.content);
  return content == nullptr ? nullptr : scratch_.find(content->borrower, content->id);
}

void MaildirStore::submit(Delivery delivery, std::function<void(CommitResult)> done) {
  if (!has_accounts(delivery))
    return completions_->post([done = std::move(done), id = delivery.transaction] {
      done({id, CommitStatus::refused, "there is no such account"});
    });
  ScratchFile scratch = scratch_of(delivery);
  pipeline_->submit(std::move(delivery), std::move(scratch), std::move(done));
}

void MaildirStore::record_outcome(QueueOutcome outcome, std::function<void(CommitResult)> done) {
  if (outcome.dsn && !has_accounts(*outcome.dsn))
    return completions_->post([done = std::move(done), id = outcome.dsn->transaction] {
      done({id, CommitStatus::refused, "there is no such account"});
    });
  ScratchFile scratch = outcome.dsn ? scratch_of(*outcome.dsn) : nullptr;
  pipeline_->record_outcome(std::move(outcome), std::move(scratch), std::move(done));
}

void MaildirStore::open_queued(const Id128& message,
                               std::function<void(ReadResult<OpenedMessage>)> done) {
  const bool posted = workers_.post([this, message, done] {
    auto opened = std::make_shared<ReadResult<OpenedMessage>>(queue_.open(message));
    completions_->post([done, opened] { done(std::move(*opened)); });
  });
  if (!posted)
    completions_->post([done] {
      done(std::unexpected(ReadError{ReadFault::busy, "too many reads wait"}));
    });
}

std::optional<MaildropLock> MaildirStore::lock_maildrop(AccountId account) {
  return open_->lock_for_session(account);
}

void MaildirStore::open_maildrop(MaildropLock lock,
                                 std::function<void(ReadResult<std::shared_ptr<Maildrop>>)> done) {
  const AccountId account = lock.held()->account();
  open_->when_swept(account, [this, lock = std::move(lock), done = std::move(done)] {
    begin_opening(lock, done);
  });
}

// From any thread.
void MaildirStore::begin_opening(MaildropLock lock,
                                 std::function<void(ReadResult<std::shared_ptr<Maildrop>>)> done) {
  const auto mailbox = static_cast<std::uint32_t>(lock.held()->account());
  materialiser_->after_all(mailbox, [this, lock = std::move(lock), done = std::move(done)](
                                        SystemResult<Unsettled> unsettled) mutable {
    if (unsettled)
      return open_when_settled(std::move(lock), std::move(*unsettled), std::move(done));
    static_cast<void>(std::exchange(lock, MaildropLock(nullptr))); // before anybody hears of it
    completions_->post([done = std::move(done), error = unsettled.error()] {
      done(std::unexpected(
          ReadError{ReadFault::failed, Error::system("maildrop", error.number).text}));
    });
  });
}

// On a thread of the materialiser.
void MaildirStore::open_when_settled(
    MaildropLock lock, Unsettled unsettled,
    std::function<void(ReadResult<std::shared_ptr<Maildrop>>)> done) {
  const bool posted = workers_.post(
      [this, lock = std::move(lock), done, unsettled = std::move(unsettled)]() mutable {
        const AccountId account = lock.held()->account();
        UnsettledMessages messages;
        for (const RemovalJob& removal : unsettled.removals) {
          for (const SeenFile& file : removal.files)
            messages.expunged.push_back(file.base);
          messages.expunged_messages.insert(messages.expunged_messages.end(),
                                            removal.messages.begin(), removal.messages.end());
        }
        messages.pending = unsettled_.set(account, std::move(unsettled));
        const auto count = usage_.begin_count(account);
        auto opened = MaildirMaildrop::open(services(), account, lock, messages);
        // A directory that somebody has removed holds nothing that could be lost.
        const auto mailbox = static_cast<std::uint32_t>(account);
        if (const auto there = MaildirDirectories::open_to_read(state_->root(), mailbox);
            !there && there.error().number == ENOENT) {
          remake_maildrop(mailbox);
          opened = MaildirMaildrop::open(services(), account, lock, messages);
        }
        static_cast<void>(std::exchange(lock, MaildropLock(nullptr))); // before anybody hears of it
        // One that is shown in part is not all that is there.
        if (opened && (*opened)->messages().size() < options_.limits.maildrop_messages)
          usage_.finish_count(count, (*opened)->index().stored_bytes());
        completions_->post([done = std::move(done), opened = std::move(opened)]() mutable {
          if (!opened)
            return done(std::unexpected(opened.error()));
          done(std::shared_ptr<Maildrop>(std::move(*opened)));
        });
      });
  if (!posted)
    completions_->post([done] {
      done(std::unexpected(ReadError{ReadFault::busy, "too many reads wait"}));
    });
}

// ---- Quotas

void MaildirStore::set_account_rules(std::vector<AccountRules> rules) {
  usage_.set_quotas(rules);
  keeper_->set_rules(rules);
}

SystemResult<std::uint64_t> MaildirStore::stored_bytes_of(AccountId account) const {
  const auto directories =
      MaildirDirectories::open_to_read(state_->root(), static_cast<std::uint32_t>(account));
  if (!directories)
    return std::unexpected(directories.error());
  return stored_bytes(*directories);
}

// ---- Retention

// On the keeper's thread. What is too old is removed as a session would do it.
void MaildirStore::sweep(AccountId account, std::int64_t now, std::uint64_t keep,
                         std::function<void(SweepResult)> done) {
  auto lock = open_->lock_for_sweep(account);
  if (!lock)
    return done(SweepEnd::busy);
  const std::string name = "maildrop " + std::to_string(static_cast<std::uint32_t>(account));
  const auto fail_sweep = [name, done](const ReadError& error) {
    done(std::unexpected(name + ": " + error.text));
  };
  begin_opening(std::move(*lock), [this, name, now, keep, done,
                                   fail_sweep](ReadResult<std::shared_ptr<Maildrop>> opened) {
    if (!opened)
      return fail_sweep(opened.error());
    const auto& maildrop = static_cast<const MaildirMaildrop&>(**opened);
    std::vector<std::size_t> old = too_old(maildrop.index(), now, keep);
    if (old.empty())
      return done(SweepEnd::done);
    std::uint64_t bytes = 0;
    for (const std::size_t number : old)
      bytes += maildrop.index().stored_size(number);
    (*opened)->expunge(Id128::random(), std::move(old),
                       [this, name, bytes, done, fail_sweep](ReadResult<Expunged> expunged) {
                         if (!expunged)
                           return fail_sweep(expunged.error());
                         reporter_.say(StoreReport::Level::info, "retention.removed",
                                       name + ": " + std::to_string(expunged->removed) +
                                           " messages of " + std::to_string(bytes) +
                                           " octets, older than its retention");
                         done(SweepEnd::done);
                       });
  });
}

void MaildirStore::tell_rooms() {
  for (const AccountRoom& room : usage_.take_changes())
    if (options_.room_changed)
      options_.room_changed(room);
}

void MaildirStore::remake_maildrop(std::uint32_t mailbox) {
  // If that fails the next attempt tells.
  static_cast<void>(state_->ensure_maildrop(mailbox));
  say_what_was_set_aside();
}

MaildropServices MaildirStore::services() {
  return {
      files_,
      state_->root(),
      workers_,
      *completions_,
      indices_,
      mentioned_,
      host_,
      options_.limits.maildrop_messages,
      [this](AccountId account, const Id128& message) { return unsettled_.open(account, message); },
      [this](ExpungeRequest request, std::function<void(Expected<void>)> done) {
        pipeline_->expunge(std::move(request), std::move(done));
      }};
}

} // namespace

Expected<std::unique_ptr<MessageStore>>
open_maildir_store(UniqueFd root, const MaildirStoreOptions& options, FileSystem& files) {
  return MaildirStore::open(std::move(root), options, files);
}

} // namespace letterlock::queued
