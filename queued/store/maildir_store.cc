// The Maildir engine put together.
#include "queued/store/maildir_store.h"

#include "queued/maildir/maildir_maildrop.h"
#include "queued/store/commit_queue.h"
#include "queued/store/state_directory.h"

namespace letterlock::queued {

namespace {

// Accounts whose maildrop is open. Locks may end on any thread, and after the store.
struct OpenMaildrops {
  std::mutex mutex;
  std::unordered_set<AccountId> accounts;
};

} // namespace

class MaildropLock::Held {
public:
  Held(std::shared_ptr<OpenMaildrops> open, AccountId account)
      : open_(std::move(open)), account_(account) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    const std::lock_guard guard(open_->mutex);
    open_->accounts.erase(account_);
  }
  AccountId account() const { return account_; }

private:
  std::shared_ptr<OpenMaildrops> open_;
  AccountId account_;
};

namespace {

class MaildirStore final : public MessageStore {
public:
  MaildirStore(const MaildirStoreOptions& options, FileSystem& files,
               std::unique_ptr<StateDirectory> state, std::unique_ptr<CompletionQueue> completions)
      : files_(files), most_messages_(options.limits.maildrop_messages),
        completions_(std::move(completions)), state_(std::move(state)),
        ledger_(files, state_->root(), options.reserve),
        scratch_(files, state_->scratch(), ledger_, options.limits.leases),
        commits_(BatchCommitter(files, state_->root(), ledger_, options.server_name), *completions_,
                 options.limits),
        workers_(options.read_threads, options.limits.read_jobs) {}

  int completion_descriptor() const override { return completions_->descriptor(); }
  void drain_completions() override { completions_->drain(); }

  void resolve_accounts(std::vector<AccountName> names,
                        std::function<void(Expected<std::vector<AccountId>>)> done) override {
    const bool posted = workers_.post([this, names = std::move(names), done] {
      completions_->post([done, ids = state_->resolve_accounts(names)] { done(ids); });
    });
    if (!posted)
      completions_->post([done] { done(fail("accounts: too much waits for the disk")); });
  }

  void submit(Delivery delivery, std::function<void(CommitResult)> done) override {
    ScratchFile scratch;
    if (const auto* content = std::get_if<ScratchContent>(&delivery.content))
      scratch = scratch_.find(content->borrower, content->id);
    commits_.submit(std::move(delivery), std::move(scratch), std::move(done));
  }

  Expected<ScratchLease> lease_scratch(Borrower borrower, std::uint64_t bytes) override {
    return scratch_.lease(borrower, bytes);
  }
  bool grow_scratch(Borrower borrower, ScratchId id, std::uint64_t more) override {
    return scratch_.grow(borrower, id, more);
  }
  void return_scratch(Borrower borrower, ScratchId id) override {
    scratch_.give_back(borrower, id);
  }
  void forget_borrower(Borrower borrower) override { scratch_.forget(borrower); }

  std::optional<MaildropLock> lock_maildrop(AccountId account) override {
    {
      const std::lock_guard guard(open_->mutex);
      if (!open_->accounts.insert(account).second)
        return std::nullopt;
    }
    return MaildropLock(std::make_shared<const MaildropLock::Held>(open_, account));
  }

  void open_maildrop(MaildropLock lock,
                     std::function<void(ReadResult<std::shared_ptr<Maildrop>>)> done) override {
    const bool posted = workers_.post([this, lock, done]() mutable {
      const AccountId account = lock.held()->account();
      auto listed = MaildirMaildrop::list(services(), account, std::move(lock));
      completions_->post([done = std::move(done), listed = std::move(listed)]() mutable {
        if (!listed)
          return done(std::unexpected(listed.error()));
        done(std::shared_ptr<Maildrop>(std::move(*listed)));
      });
    });
    if (!posted)
      completions_->post([done] {
        done(std::unexpected(ReadError{ReadFault::busy, "too many reads wait"}));
      });
  }

private:
  MaildropServices services() {
    return {files_, state_->root(), workers_, *completions_, knowledge_, most_messages_};
  }

  // In the order of use: threads last, so that they end before what they use.
  FileSystem& files_;
  std::size_t most_messages_;
  std::shared_ptr<OpenMaildrops> open_ = std::make_shared<OpenMaildrops>();
  MaildropKnowledge knowledge_;
  std::unique_ptr<CompletionQueue> completions_;
  std::unique_ptr<StateDirectory> state_;
  SpaceLedger ledger_;
  ScratchPool scratch_;
  CommitQueue commits_;
  WorkerPool workers_;
};

} // namespace

Expected<std::unique_ptr<MessageStore>>
open_maildir_store(UniqueFd root, const MaildirStoreOptions& options, FileSystem& files) {
  auto state = StateDirectory::open(
      std::move(root), files,
      {options.now, options.group, options.lock_wait, options.limits.accounts});
  if (!state)
    return std::unexpected(state.error());
  auto completions = CompletionQueue::make();
  if (!completions)
    return std::unexpected(completions.error());
  return std::make_unique<MaildirStore>(options, files, std::move(*state), std::move(*completions));
}

} // namespace letterlock::queued
