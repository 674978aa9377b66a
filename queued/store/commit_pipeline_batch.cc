// The pipeline's thread: batches on their way through the journal.
#include "queued/store/commit_pipeline.h"

#include "common/mail/wire_size.h"
#include "queued/maildir/own_name.h"
#include "queued/store/relay_envelope.h"

#include <algorithm>
#include <iterator>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_batch_bytes = 6u << 20;
constexpr std::size_t batches_a_segment = 4; // at least
// A Materialised record that no batch took along, and a broken journal, wait for this.
constexpr std::chrono::seconds idle_period{1};
// For what a checkpoint is about to write.
constexpr std::chrono::milliseconds soon{20};

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

struct CommitPipeline::Accepted {
  DeliveryWork work;
  std::shared_ptr<const std::string> content; // none if large
  std::shared_ptr<const SpaceLedger::Booking> booking;
  AccountUsage::Claims claims; // of the copies, in their order
};

// What one write is made of, in the order of its records.
struct CommitPipeline::Batch {
  struct Recorded {
    OutcomeWork work;
    std::optional<Accepted> dsn;
  };
  struct Again {
    std::shared_ptr<AgainWork> of;
    std::shared_ptr<std::vector<Written>> written;
    bool last = false;
  };
  using Item = std::variant<Accepted, Recorded, ExpungeWork, RecordWork, Again>;
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

void CommitPipeline::run() {
  for (;;) {
    std::vector<Work> works;
    std::function<bool()> pace;
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
    works = take_waiting(!pace || pace());
    run_batch(std::move(works));
  }
  note_progress();
}

std::vector<CommitPipeline::Work> CommitPipeline::take_waiting(bool all) {
  const auto first = [](const Work& work) {
    return std::holds_alternative<RecordWork>(work) || std::holds_alternative<AgainWork>(work);
  };
  std::unique_lock lock(mutex_);
  if (!all && !changed_.wait_for(
                  lock, soon, [&] { return std::any_of(waiting_.begin(), waiting_.end(), first); }))
    return {};
  std::vector<Work> works = std::exchange(waiting_, {});
  const auto leave = [&](auto goes, std::vector<Work>& to) {
    const auto rest = std::stable_partition(works.begin(), works.end(), goes);
    std::move(rest, works.end(), std::back_inserter(to));
    works.erase(rest, works.end());
  };
  if (!all)
    leave(first, waiting_);
  else if (no_expunges_)
    leave([](const Work& work) { return !std::holds_alternative<ExpungeWork>(work); }, expunges_);
  return works;
}

void CommitPipeline::run_batch(std::vector<Work> works) {
  mend_if_broken();
  Batch batch;
  // By themselves: there is always room for the records that free slots, and for nothing else.
  for (Work& work : works)
    if (auto* record = std::get_if<RecordWork>(&work)) {
      if (record->record == nullptr) {
        record->done(true);
        continue;
      }
      const auto sequence = parts_.journal.add(*record->record);
      batch.entries.push_back({sequence, std::move(*record)});
    }
  using Room = journal::JournalWriter::Room;
  commit(batch, Room::all);
  batch = {};
  for (Work& work : works)
    if (auto* again = std::get_if<AgainWork>(&work)) {
      add_again(batch, std::move(*again));
      commit(batch, Room::all);
      batch = {};
    }
  const auto is_removal = [](const Work& work) {
    return std::holds_alternative<ExpungeWork>(work);
  };
  // Where slots are short, removals have some that others have not.
  if (parts_.journal.is_short_of_slots()) {
    const auto others = std::stable_partition(works.begin(), works.end(), is_removal);
    write_batches(std::span(works.begin(), others), Room::removals);
    write_batches(std::span(others, works.end()), Room::keep_slots);
  } else {
    write_batches(works, Room::keep_slots);
  }
}

void CommitPipeline::write_batches(std::span<Work> works, journal::JournalWriter::Room room) {
  Batch batch;
  const std::size_t most = std::min(most_batch_bytes, limits_.segment_bytes / batches_a_segment);
  bool part_ends = true;
  for (Work& work : works) {
    if (auto* delivery = std::get_if<DeliveryWork>(&work))
      add_delivery(batch, std::move(*delivery));
    else if (auto* outcome = std::get_if<OutcomeWork>(&work))
      add_outcome(batch, std::move(*outcome));
    else if (auto* expunge = std::get_if<ExpungeWork>(&work)) {
      part_ends = expunge->done != nullptr;
      add_expunge(batch, std::move(*expunge));
    }
    // Not within a request of several records: it is durable as a whole or not at all.
    const auto* part = std::get_if<ExpungeWork>(&work);
    if (parts_.journal.batch_bytes() >= most && (part == nullptr || part_ends)) {
      commit(batch, room);
      batch = {};
      parts_.materialiser.wait_for_room();
    }
  }
  commit(batch, room);
}

std::expected<AccountUsage::Claims, Refusal> CommitPipeline::claim_quotas(const Delivery& delivery,
                                                                          bool is_dsn) {
  std::vector<AccountUsage::Demand> demands;
  for (const Copy& copy : delivery.copies)
    demands.push_back({copy.account, copy.head.size() + delivery.stored_size});
  if (is_dsn)
    return parts_.usage.claim_anyway(demands);
  for (const Copy& copy : delivery.copies)
    parts_.usage.ensure_counted(copy.account);
  auto claims = parts_.usage.claim(demands);
  if (!claims)
    return std::unexpected(
        Refusal{CommitStatus::over_quota, "account " + std::to_string(number_of(claims.error())) +
                                              " has no room for it in its quota"});
  return std::move(*claims);
}

// Books its room and takes over its content.
std::expected<CommitPipeline::Accepted, Refusal> CommitPipeline::accept(DeliveryWork work,
                                                                        bool is_dsn) {
  const auto refuse = [&](Refusal refusal) {
    if (work.large)
      parts_.large.remove(work.message, LargeFiles::mailboxes_of(work.delivery));
    return std::unexpected(std::move(refusal));
  };
  auto claims = claim_quotas(work.delivery, is_dsn);
  if (!claims)
    return refuse(std::move(claims.error()));
  Accepted accepted;
  accepted.claims = std::move(*claims);
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
      if (auto checked = copy_content(work.delivery, work.scratch, {}, nothing); !checked)
        return refuse(std::move(checked.error()));
      content = std::move(held->bytes);
    } else {
      content.reserve(static_cast<std::size_t>(work.delivery.stored_size));
      const auto keep = [&](Bytes piece) -> SystemResult<void> {
        content += as_text(piece);
        return {};
      };
      if (auto checked = copy_content(work.delivery, work.scratch, {}, keep); !checked)
        return refuse(std::move(checked.error()));
    }
    accepted.content = std::make_shared<const std::string>(std::move(content));
  }
  accepted.work = std::move(work);
  return accepted;
}

// Its views point into ACCEPTED. Takes the numbers of its copies in their mailboxes.
journal::Accept CommitPipeline::record_of(const Accepted& accepted) {
  const DeliveryWork& work = accepted.work;
  journal::Accept accept;
  accept.transaction = work.delivery.transaction;
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
  if (work.delivery.relay)
    accept.relay = to_record(*work.delivery.relay);
  return accept;
}

void CommitPipeline::add_delivery(Batch& batch, DeliveryWork work) {
  batch.backlog += work.backlog;
  const Id128 transaction = work.delivery.transaction;
  const bool repeat = work.delivery.again;
  auto accepted = accept(std::move(work), false);
  if (!accepted) {
    batch.refused.push_back(
        {transaction, honest(accepted.error().status, repeat), std::move(accepted.error().text)});
    return;
  }
  batch.has_large = batch.has_large || accepted->work.large;
  const auto sequence = parts_.journal.add(record_of(*accepted));
  batch.entries.push_back({sequence, std::move(*accepted)});
}

void CommitPipeline::add_outcome(Batch& batch, OutcomeWork work) {
  Batch::Recorded recorded;
  std::string dsn;
  if (work.dsn) {
    batch.backlog += work.dsn->backlog;
    const Id128 transaction = work.dsn->delivery.transaction;
    const bool repeat = work.dsn->delivery.again;
    auto accepted = accept(std::move(*work.dsn), true);
    if (!accepted) {
      batch.refused.push_back(
          {transaction, honest(accepted.error().status, repeat), std::move(accepted.error().text)});
      return;
    }
    batch.has_large = batch.has_large || accepted->work.large;
    journal::encode_body(record_of(*accepted), dsn);
    recorded.dsn = std::move(*accepted);
  }
  journal::Outcome record = to_record(work.outcome);
  record.dsn = dsn;
  const auto sequence = parts_.journal.add(std::move(record));
  recorded.work = std::move(work);
  batch.entries.push_back({sequence, std::move(recorded)});
}

void CommitPipeline::add_expunge(Batch& batch, ExpungeWork work) {
  if (!work.failure->empty())
    return fail_expunge(work, *work.failure);
  journal::Expunge record;
  record.transaction = work.request.transaction;
  record.mailbox = work.request.mailbox;
  for (const SeenFile& file : work.request.files) {
    const auto id = removed_message(file);
    if (id)
      record.names.push_back({*id});
    if (!id || !own_message_id(file.base))
      record.names.push_back({std::string_view(file.base)});
  }
  const auto sequence = parts_.journal.add(std::move(record));
  batch.entries.push_back({sequence, std::move(work)});
}

void CommitPipeline::add_again(Batch& batch, AgainWork work) {
  const auto of = std::make_shared<AgainWork>(std::move(work));
  const auto written = std::make_shared<std::vector<Written>>();
  for (const journal::Record& record : *of->records) {
    const auto sequence = parts_.journal.add(record);
    batch.entries.push_back({sequence, Batch::Again{of, written, &record == &of->records->back()}});
  }
}

void CommitPipeline::fail_expunge(ExpungeWork& work, const std::string& why) {
  *work.failure = why.empty() ? "failed" : why;
  if (work.done)
    parts_.completions.post(
        [done = std::move(work.done), text = *work.failure] { done(fail(text)); });
}

void CommitPipeline::commit(Batch& batch, journal::JournalWriter::Room room) {
  if (!batch.entries.empty()) {
    const auto names = batch.has_large ? parts_.large.sync_names() : SystemResult<void>();
    if (!names) {
      parts_.journal.discard();
      not_committed(
          batch, {journal::BatchFault::failed, Error::system("large", names.error().number).text});
    } else {
      if (life_ && parts_.progress.done_up_to() > noted_) {
        noted_ = parts_.progress.done_up_to();
        batch.last = parts_.journal.add(journal::Materialised{*life_, noted_});
      } else {
        batch.last = batch.entries.back().sequence;
      }
      const auto places = parts_.journal.commit(room);
      places ? committed(batch, *places) : not_committed(batch, places.error());
    }
  }
  finish(std::move(batch.refused), batch.backlog);
}

CommitResult CommitPipeline::result_of(const Accepted& accepted) {
  return {accepted.work.delivery.transaction, CommitStatus::committed, {}, accepted.work.message};
}

void CommitPipeline::committed(Batch& batch, const std::vector<journal::Place>& places) {
  std::vector<CommitResult> results;
  std::vector<CopyJob> copies;
  std::vector<RemovalJob> removals;
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const journal::Sequence sequence = batch.entries[i].sequence;
    auto& item = batch.entries[i].item;
    if (auto* accepted = std::get_if<Accepted>(&item)) {
      was_accepted(*accepted, sequence, places[i], copies);
      results.push_back(result_of(*accepted));
    } else if (auto* recorded = std::get_if<Batch::Recorded>(&item)) {
      // Before anything can be told of it, so that a checkpoint keeps the whole.
      parts_.queue.apply(to_record(recorded->work.outcome), sequence);
      recorded->work.claim.reset();
      if (recorded->dsn) {
        was_accepted(*recorded->dsn, sequence, places[i], copies);
        results.push_back(result_of(*recorded->dsn));
      } else {
        last_with_work_.store(sequence, std::memory_order_release);
        answer(std::move(recorded->work.done), {{}, CommitStatus::committed, {}});
      }
    } else if (auto* expunge = std::get_if<ExpungeWork>(&item)) {
      parts_.progress.begin(sequence, 1);
      last_with_work_.store(sequence, std::memory_order_release);
      RemovalJob job;
      job.sequence = sequence;
      job.mailbox = expunge->request.mailbox;
      job.files = std::move(expunge->request.files);
      std::uint64_t bytes = 0;
      for (const SeenFile& file : job.files) {
        bytes += file.stored_size;
        if (const auto id = removed_message(file))
          job.messages.push_back(*id);
      }
      parts_.usage.remove(AccountId{job.mailbox}, bytes);
      removals.push_back(std::move(job));
    } else if (auto* again = std::get_if<Batch::Again>(&item)) {
      parts_.progress.begin(sequence, 1);
      last_with_work_.store(sequence, std::memory_order_release);
      again->written->push_back({sequence, places[i]});
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
    } else if (auto* again = std::get_if<Batch::Again>(&entry.item); again && again->last) {
      again->of->done(std::move(*again->written));
    }
  }
  std::move(results.begin(), results.end(), std::back_inserter(batch.refused));
  const std::lock_guard guard(mutex_);
  for (const Id128& transaction : durable)
    remember(transaction);
}

void CommitPipeline::was_accepted(Accepted& accepted, journal::Sequence sequence,
                                  const journal::Place& place, std::vector<CopyJob>& copies) {
  DeliveryWork& work = accepted.work;
  if (work.delivery.relay) {
    // Before progress goes past it: the checkpoint that retires it must know of it.
    parts_.queue.add(work.delivery, work.message, work.large, sequence, place, accepted.booking);
    work.queue_room.reset();
    if (work.large)
      parts_.large.recorded(sequence, work.message, LargeFiles::of_queue);
  }
  parts_.progress.begin(sequence, static_cast<std::uint32_t>(work.delivery.copies.size()));
  last_with_work_.store(sequence, std::memory_order_release);
  auto claim = accepted.claims.begin();
  for (Copy& copy : work.delivery.copies) {
    CopyJob job;
    job.sequence = sequence;
    job.place = place;
    job.mailbox = number_of(copy.account);
    job.message = work.message;
    job.received = work.delivery.received;
    job.stored_size = copy.head.size() + work.delivery.stored_size;
    job.wire_size = mail::wire_size(copy.head) + work.delivery.wire_size;
    job.large = work.large;
    if (work.large)
      parts_.large.recorded(sequence, work.message, job.mailbox);
    else
      job.head = std::move(copy.head);
    job.content = accepted.content;
    job.booking = accepted.booking;
    job.claim = std::move(*claim++);
    job.claim->keep();
    copies.push_back(std::move(job));
  }
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
  const auto not_accepted = [&](Accepted& accepted) {
    DeliveryWork& work = accepted.work;
    if (work.large && status != CommitStatus::in_doubt)
      parts_.large.remove(work.message, LargeFiles::mailboxes_of(work.delivery));
    work.queue_room.reset();
    batch.refused.push_back(
        {work.delivery.transaction, honest(status, work.delivery.again), error.text});
  };
  for (auto& entry : batch.entries) {
    if (auto* accepted = std::get_if<Accepted>(&entry.item)) {
      not_accepted(*accepted);
    } else if (auto* recorded = std::get_if<Batch::Recorded>(&entry.item)) {
      recorded->work.claim.reset();
      if (recorded->dsn)
        not_accepted(*recorded->dsn);
      else
        answer(std::move(recorded->work.done), {{}, status, error.text});
    } else if (auto* expunge = std::get_if<ExpungeWork>(&entry.item)) {
      fail_expunge(*expunge, error.text);
    } else if (auto* again = std::get_if<Batch::Again>(&entry.item)) {
      if (again->last)
        again->of->done({});
    } else {
      std::get<RecordWork>(entry.item).done(false);
    }
  }
}

void CommitPipeline::note_progress() {
  if (!life_ || broken_ || parts_.progress.done_up_to() <= noted_ || last_with_work() <= noted_)
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

} // namespace letterlock::queued
