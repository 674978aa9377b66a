// Batches on their way through the journal.
#include "queued/store/commit_pipeline.h"

#include "common/mail/wire_size.h"
#include "queued/disk/worker_pool.h"
#include "queued/maildir/own_name.h"

#include <sys/stat.h>

#include <algorithm>
#include <future>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_remembered = 16384;
constexpr std::size_t most_repeats = 16; // that wait for one commit
constexpr std::size_t most_batch_bytes = 6u << 20;
constexpr std::size_t most_expunge_bytes = 1u << 20; // names of files in one record
constexpr std::uint64_t overhead = 8192; // of a file: its inode, its name, a block begun
// A Materialised record that no batch took along, and a broken journal, wait for this.
constexpr std::chrono::seconds idle_period{1};

std::uint32_t number_of(AccountId account) {
  return static_cast<std::uint32_t>(account);
}

CommitStatus status_of(journal::BatchFault fault) {
  switch (fault) {
  case journal::BatchFault::full:
    return CommitStatus::full;
  case journal::BatchFault::in_doubt:
    return CommitStatus::in_doubt;
  case journal::BatchFault::failed:
  case journal::BatchFault::broken:
    break;
  }
  return CommitStatus::failed;
}

} // namespace

// What one write is made of, in the order of its records.
struct CommitPipeline::Batch {
  struct Accepted {
    DeliveryWork work;
    std::shared_ptr<const std::string> content; // none if large
    std::shared_ptr<const SpaceLedger::Booking> booking;
  };
  using Item = std::variant<Accepted, ExpungeWork, RecordWork>;
  struct Entry {
    journal::Sequence sequence;
    Item item;
  };
  std::vector<Entry> entries;
  std::vector<CommitResult> refused;
  journal::Sequence last = 0; // of its records
  std::uint64_t backlog = 0;  // bytes that are waited for no longer
  bool has_large = false;
};

CommitPipeline::CommitPipeline(const PipelineParts& parts, const StoreLimits& limits,
                               PipelineStart start)
    : parts_(parts), limits_(limits), life_(start.life), noted_(start.last),
      seen_order_(start.seen.begin(), start.seen.end()),
      seen_(start.seen.begin(), start.seen.end()) {
  for (const journal::Position& position : start.positions)
    next_sequence_[position.mailbox] = position.next_sequence;
  thread_ = start_thread([this] { run(); });
}

CommitPipeline::~CommitPipeline() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// ---- From the loop

void CommitPipeline::answer(Done done, CommitResult result) {
  parts_.completions.post([done = std::move(done), result = std::move(result)] { done(result); });
}

void CommitPipeline::submit(Delivery delivery, ScratchFile scratch, Done done) {
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
  if (seen_.contains(id))
    return delivery.again ? refuse(CommitStatus::committed, {})
                          : refuse(CommitStatus::refused, "its id was used before");
  if (auto wrong = check_delivery(delivery, limits_); !wrong.empty())
    return refuse(CommitStatus::refused, std::move(wrong));
  if (auto* content = std::get_if<FileContent>(&delivery.content)) {
    struct stat about = {};
    // Anything else may hold the thread for ever.
    if (::fstat(content->file.get(), &about) != 0 || !S_ISREG(about.st_mode))
      return refuse(CommitStatus::refused, "its content is no regular file");
    scratch = std::make_shared<const UniqueFd>(std::move(content->file));
  }
  if (std::holds_alternative<ScratchContent>(delivery.content) && !scratch)
    return refuse(delivery.again ? CommitStatus::failed : CommitStatus::refused,
                  "its scratch file is not lent to its sender");
  const std::uint64_t bytes = delivery_bytes(delivery);
  // One that is larger than the whole backlog may go when it is alone.
  if (under_way_.size() >= limits_.backlog_deliveries ||
      (bytes_ > 0 && bytes_ + bytes > limits_.backlog_bytes))
    return refuse(CommitStatus::busy, "too many deliveries wait");

  DeliveryWork work{std::move(delivery),
                    std::move(scratch),
                    parts_.ids.next(),
                    bytes > limits_.record_bytes,
                    bytes,
                    nullptr};
  if (work.large) {
    auto booked = book(work);
    if (!booked)
      return refuse(booked.error().status, booked.error().text);
    work.booking = std::move(*booked);
  }
  bytes_ += bytes;
  under_way_[id].push_back(std::move(done));
  if (!work.large) {
    waiting_.emplace_back(std::move(work));
    lock.unlock();
    changed_.notify_one();
    return;
  }
  ++copying_;
  lock.unlock();
  auto shared = std::make_shared<DeliveryWork>(std::move(work));
  const bool posted = parts_.copiers.post([this, shared] {
    auto written = parts_.large.write(shared->delivery, shared->message, shared->scratch);
    if (!written)
      finish({{shared->delivery.transaction, written.error().status, written.error().text}},
             shared->backlog);
    // The last that is done here: once nothing is being copied the pipeline may go.
    const std::lock_guard guard(mutex_);
    --copying_;
    if (written)
      waiting_.emplace_back(std::move(*shared));
    changed_.notify_one();
  });
  if (!posted) {
    {
      const std::lock_guard guard(mutex_);
      --copying_;
    }
    finish({{id, CommitStatus::busy, "too many large messages wait"}}, bytes);
  }
}

void CommitPipeline::expunge(ExpungeRequest request, std::function<void(Expected<void>)> done) {
  auto failure = std::make_shared<std::string>();
  std::vector<Work> works;
  for (std::size_t next = 0; works.empty() || next < request.files.size();) {
    ExpungeWork part{{{}, request.mailbox, {}}, failure, nullptr};
    for (std::size_t bytes = 0; next < request.files.size() && bytes < most_expunge_bytes; ++next) {
      bytes += request.files[next].base.size();
      part.request.files.push_back(std::move(request.files[next]));
    }
    works.emplace_back(std::move(part));
  }
  auto& last = std::get<ExpungeWork>(works.back());
  last.request.transaction = request.transaction;
  last.done = std::move(done);
  {
    const std::lock_guard guard(mutex_);
    std::move(works.begin(), works.end(), std::back_inserter(waiting_));
  }
  changed_.notify_one();
}

bool CommitPipeline::knows(const Id128& transaction) const {
  const std::lock_guard guard(mutex_);
  return seen_.contains(transaction);
}

bool CommitPipeline::write_and_wait(const journal::Record& record) {
  std::promise<bool> promise;
  auto written = promise.get_future();
  enqueue(RecordWork{&record, [&promise](bool durable) { promise.set_value(durable); }});
  return written.get();
}

void CommitPipeline::enqueue(Work work) {
  {
    const std::lock_guard guard(mutex_);
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
}

bool CommitPipeline::trust_nothing(bool yes) {
  distrusting_ = yes;
  return !yes || write_and_wait(journal::Materialised{});
}

void CommitPipeline::before_batch(std::function<void()> pace) {
  const std::lock_guard guard(mutex_);
  pace_ = std::move(pace);
}

journal::Sequence CommitPipeline::last_with_work() const {
  return last_with_work_.load(std::memory_order_acquire);
}

// ---- The thread

void CommitPipeline::run() {
  for (;;) {
    std::vector<Work> works;
    std::function<void()> pace;
    {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return !waiting_.empty() || (stopping_ && copying_ == 0); };
      if (!changed_.wait_for(lock, idle_period, ready)) {
        lock.unlock();
        mend_if_broken();
        note_progress();
        continue;
      }
      if (waiting_.empty())
        break;
      pace = pace_;
    }
    // More gather meanwhile.
    parts_.materialiser.wait_for_room();
    if (pace)
      pace();
    {
      const std::lock_guard guard(mutex_);
      works.swap(waiting_);
    }
    run_batch(std::move(works));
  }
  note_progress();
}

void CommitPipeline::run_batch(std::vector<Work> works) {
  mend_if_broken();
  Batch batch;
  // By themselves: there is always room for the records that free slots, and for nothing else.
  for (Work& work : works)
    if (auto* record = std::get_if<RecordWork>(&work)) {
      const auto sequence = parts_.journal.add(*record->record);
      batch.entries.push_back({sequence, std::move(*record)});
    }
  commit(batch);
  batch = {};
  bool part_ends = true;
  for (Work& work : works) {
    if (auto* delivery = std::get_if<DeliveryWork>(&work))
      add_delivery(batch, std::move(*delivery));
    else if (auto* expunge = std::get_if<ExpungeWork>(&work)) {
      part_ends = expunge->done != nullptr;
      add_expunge(batch, std::move(*expunge));
    }
    // Not within a request of several records: it is durable as a whole or not at all.
    const auto* part = std::get_if<ExpungeWork>(&work);
    if (parts_.journal.batch_bytes() >= most_batch_bytes && (part == nullptr || part_ends)) {
      commit(batch);
      batch = {};
      parts_.materialiser.wait_for_room();
    }
  }
  commit(batch);
}

std::expected<std::shared_ptr<const SpaceLedger::Booking>, Refusal>
CommitPipeline::book(const DeliveryWork& work) {
  // No overflow: check_delivery bounds each of them.
  std::uint64_t needed = 0;
  for (const Copy& copy : work.delivery.copies)
    needed += overhead + copy.head.size() + work.delivery.stored_size;
  auto booking = parts_.ledger.book(needed, work.delivery.copies.size());
  if (!booking)
    return std::unexpected(Refusal::system("booking", booking.error()));
  return std::make_shared<const SpaceLedger::Booking>(std::move(*booking));
}

void CommitPipeline::add_delivery(Batch& batch, DeliveryWork work) {
  batch.backlog += work.backlog;
  const Id128 transaction = work.delivery.transaction;
  const auto refuse = [&](Refusal refusal) {
    if (work.large) {
      std::vector<std::uint32_t> mailboxes;
      for (const Copy& copy : work.delivery.copies)
        mailboxes.push_back(number_of(copy.account));
      parts_.large.remove(work.message, mailboxes);
    }
    batch.refused.push_back({transaction, refusal.status, std::move(refusal.text)});
  };
  Batch::Accepted accepted;
  accepted.booking = work.booking;
  if (!accepted.booking) {
    auto booked = book(work);
    if (!booked)
      return refuse(std::move(booked.error()));
    accepted.booking = std::move(*booked);
  }
  if (!work.large) {
    std::string content;
    if (auto* held = std::get_if<InlineContent>(&work.delivery.content)) {
      const auto nothing = [](Bytes) -> SystemResult<void> { return {}; };
      if (auto checked = copy_content(work.delivery, work.scratch, nothing); !checked)
        return refuse(std::move(checked.error()));
      content = std::move(held->bytes);
    } else {
      content.reserve(static_cast<std::size_t>(work.delivery.stored_size));
      const auto keep = [&](Bytes piece) -> SystemResult<void> {
        content += as_text(piece);
        return {};
      };
      if (auto checked = copy_content(work.delivery, work.scratch, keep); !checked)
        return refuse(std::move(checked.error()));
    }
    accepted.content = std::make_shared<const std::string>(std::move(content));
  }

  journal::Accept accept;
  accept.transaction = transaction;
  accept.message = work.message;
  accept.received = work.delivery.received;
  accept.stored_size = work.delivery.stored_size;
  accept.wire_size = work.delivery.wire_size;
  accept.header_size = work.delivery.header_size;
  accept.crc = work.delivery.crc;
  accept.large = work.large;
  if (accepted.content)
    accept.content = *accepted.content;
  for (const Copy& copy : work.delivery.copies) {
    std::uint64_t& next = next_sequence_.try_emplace(number_of(copy.account), 1).first->second;
    accept.copies.push_back({number_of(copy.account), next++, copy.head});
  }
  batch.has_large = batch.has_large || work.large;
  accepted.work = std::move(work);
  const auto sequence = parts_.journal.add(std::move(accept));
  batch.entries.push_back({sequence, std::move(accepted)});
}

void CommitPipeline::add_expunge(Batch& batch, ExpungeWork work) {
  if (!work.failure->empty())
    return fail_expunge(work, *work.failure);
  journal::Expunge record;
  record.transaction = work.request.transaction;
  record.mailbox = work.request.mailbox;
  for (const SeenFile& file : work.request.files) {
    if (const auto id = own_message_id(file.base))
      record.names.push_back({*id});
    else
      record.names.push_back({std::string_view(file.base)});
  }
  const auto sequence = parts_.journal.add(std::move(record));
  batch.entries.push_back({sequence, std::move(work)});
}

void CommitPipeline::fail_expunge(ExpungeWork& work, const std::string& why) {
  *work.failure = why.empty() ? "failed" : why;
  if (work.done)
    parts_.completions.post(
        [done = std::move(work.done), text = *work.failure] { done(fail(text)); });
}

void CommitPipeline::commit(Batch& batch) {
  if (!batch.entries.empty()) {
    const auto names = batch.has_large ? parts_.large.sync_names() : SystemResult<void>();
    if (!names) {
      parts_.journal.discard();
      not_committed(
          batch, {journal::BatchFault::failed, Error::system("large", names.error().number).text});
    } else {
      if (life_ && !distrusting_ && parts_.progress.done_up_to() > noted_) {
        noted_ = parts_.progress.done_up_to();
        batch.last = parts_.journal.add(journal::Materialised{*life_, noted_});
      } else {
        batch.last = batch.entries.back().sequence;
      }
      const auto places = parts_.journal.commit();
      places ? committed(batch, *places) : not_committed(batch, places.error());
    }
  }
  finish(std::move(batch.refused), batch.backlog);
}

void CommitPipeline::committed(Batch& batch, const std::vector<journal::Place>& places) {
  std::vector<CommitResult> results;
  std::vector<CopyJob> copies;
  std::vector<RemovalJob> removals;
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const journal::Sequence sequence = batch.entries[i].sequence;
    auto& item = batch.entries[i].item;
    if (auto* accepted = std::get_if<Batch::Accepted>(&item)) {
      DeliveryWork& work = accepted->work;
      results.push_back({work.delivery.transaction, CommitStatus::committed, {}});
      parts_.progress.begin(sequence, static_cast<std::uint32_t>(work.delivery.copies.size()));
      last_with_work_.store(sequence, std::memory_order_release);
      for (Copy& copy : work.delivery.copies) {
        CopyJob job;
        job.sequence = sequence;
        job.place = places[i];
        job.mailbox = number_of(copy.account);
        job.message = work.message;
        job.name = format_maildir_name(work.delivery.received, work.message, parts_.host,
                                       copy.head.size() + work.delivery.stored_size,
                                       mail::wire_size(copy.head) + work.delivery.wire_size);
        job.large = work.large;
        if (work.large)
          parts_.large.recorded(sequence, work.message, job.mailbox);
        else
          job.head = std::move(copy.head);
        job.content = accepted->content;
        job.booking = accepted->booking;
        copies.push_back(std::move(job));
      }
    } else if (auto* expunge = std::get_if<ExpungeWork>(&item)) {
      parts_.progress.begin(sequence, 1);
      last_with_work_.store(sequence, std::memory_order_release);
      RemovalJob job{sequence, expunge->request.mailbox, std::move(expunge->request.files), {}};
      for (const SeenFile& file : job.files)
        if (const auto id = own_message_id(file.base))
          job.messages.push_back(*id);
      removals.push_back(std::move(job));
    }
  }
  parts_.progress.begin(batch.last, 0);
  // Before the answers: who asks for the maildrop after a 250 waits for what is added here. In the
  // order of the records: a removal may be of a copy that is added with it.
  if (removals.empty()) {
    parts_.materialiser.add(std::move(copies));
  } else {
    std::sort(removals.begin(), removals.end(),
              [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
    parts_.materialiser.add(std::move(copies));
    for (RemovalJob& job : removals)
      parts_.materialiser.add(std::move(job));
  }
  std::vector<Id128> durable;
  for (auto& entry : batch.entries) {
    if (auto* expunge = std::get_if<ExpungeWork>(&entry.item); expunge && expunge->done) {
      durable.push_back(expunge->request.transaction);
      parts_.completions.post([done = std::move(expunge->done)] { done({}); });
    } else if (auto* record = std::get_if<RecordWork>(&entry.item)) {
      record->done(true);
    }
  }
  std::move(results.begin(), results.end(), std::back_inserter(batch.refused));
  const std::lock_guard guard(mutex_);
  for (const Id128& transaction : durable)
    remember(transaction);
}

void CommitPipeline::not_committed(Batch& batch, const journal::BatchError& error) {
  if (error.fault == journal::BatchFault::in_doubt || error.fault == journal::BatchFault::broken) {
    if (!broken_)
      parts_.reporter.say(StoreReport::Level::error, "journal.broken", error.text);
    broken_ = true;
  } else if (error.fault == journal::BatchFault::failed) {
    parts_.reporter.say(StoreReport::Level::error, "journal.poisoned", error.text);
  }
  const CommitStatus status = status_of(error.fault);
  for (auto& entry : batch.entries) {
    if (auto* accepted = std::get_if<Batch::Accepted>(&entry.item)) {
      const DeliveryWork& work = accepted->work;
      if (work.large && status != CommitStatus::in_doubt) {
        std::vector<std::uint32_t> mailboxes;
        for (const Copy& copy : work.delivery.copies)
          mailboxes.push_back(number_of(copy.account));
        parts_.large.remove(work.message, mailboxes);
      }
      // The first attempt of a repeat may be what cannot be made void.
      const bool doubt = work.delivery.again && error.fault == journal::BatchFault::broken;
      batch.refused.push_back(
          {work.delivery.transaction, doubt ? CommitStatus::in_doubt : status, error.text});
    } else if (auto* expunge = std::get_if<ExpungeWork>(&entry.item)) {
      fail_expunge(*expunge, error.text);
    } else {
      std::get<RecordWork>(entry.item).done(false);
    }
  }
}

void CommitPipeline::note_progress() {
  if (!life_ || broken_ || distrusting_ || parts_.progress.done_up_to() <= noted_ ||
      last_with_work() <= noted_)
    return;
  noted_ = parts_.progress.done_up_to();
  parts_.journal.add(journal::Materialised{*life_, noted_});
  // If it is lost, recovery looks at a few more files.
  static_cast<void>(parts_.journal.write_lazily());
}

void CommitPipeline::mend_if_broken() {
  const auto now = std::chrono::steady_clock::now();
  if (!parts_.journal.use().broken || now < next_mending_)
    return;
  next_mending_ = now + idle_period;
  if (parts_.journal.mend())
    parts_.reporter.say(StoreReport::Level::info, "journal.mended", "messages are taken again");
  broken_ = parts_.journal.use().broken;
}

void CommitPipeline::remember(const Id128& transaction) {
  if (seen_.insert(transaction).second)
    seen_order_.push_back(transaction);
  if (seen_order_.size() > most_remembered) {
    seen_.erase(seen_order_.front());
    seen_order_.pop_front();
  }
}

void CommitPipeline::finish(std::vector<CommitResult> results, std::uint64_t backlog_bytes) {
  if (results.empty() && backlog_bytes == 0)
    return;
  std::vector<std::pair<Done, CommitResult>> answers;
  {
    const std::lock_guard guard(mutex_);
    bytes_ -= backlog_bytes;
    for (CommitResult& result : results) {
      if (result.status == CommitStatus::committed)
        remember(result.transaction);
      auto waiters = under_way_.extract(result.transaction);
      if (waiters)
        for (Done& done : waiters.mapped())
          answers.emplace_back(std::move(done), result);
    }
  }
  if (answers.empty())
    return;
  parts_.completions.post([answers = std::move(answers)] {
    for (const auto& [done, result] : answers)
      done(result);
  });
}

} // namespace letterlock::queued
