// What asks for a commit, until it waits for a batch, and its answer.
#include "queued/store/commit_pipeline.h"

#include "queued/disk/worker_pool.h"
#include "queued/store/relay_envelope.h"

#include <sys/stat.h>

#include <future>
#include <iterator>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_remembered = 16384;
constexpr std::size_t most_repeats = 16; // that wait for one commit
constexpr std::uint64_t overhead = 8192; // of a file: its inode, its name, a block begun

} // namespace

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
  if (auto work = admit(std::move(delivery), std::move(scratch), std::move(done), false))
    begin(std::move(*work));
}

void CommitPipeline::record_outcome(QueueOutcome outcome, ScratchFile scratch, Done done) {
  const Id128 id = outcome.dsn ? outcome.dsn->transaction : Id128();
  std::optional<DeliveryWork> dsn;
  if (outcome.dsn) {
    std::unique_lock lock(mutex_);
    const bool known = under_way_.contains(id) || seen_.contains(id);
    lock.unlock();
    if (known) {
      dsn = admit(std::move(*outcome.dsn), std::move(scratch), std::move(done), true);
      if (!dsn) // answered there
        return;
      // The first attempt has failed in this moment: this one is tried.
      outcome.dsn.reset();
      done = nullptr;
    }
  }
  auto claim = parts_.queue.claim(outcome);
  if (!claim) {
    if (dsn)
      return finish({{id, CommitStatus::refused, claim.error().text}}, dsn->backlog);
    return answer(std::move(done), {id, CommitStatus::refused, claim.error().text});
  }
  OutcomeWork work{std::move(outcome), std::move(*claim), std::move(dsn), nullptr};
  for (QueueOutcome::Part& part : work.outcome.recipients)
    part.now.status = printable_status(part.now.status);
  if (work.outcome.dsn) {
    work.dsn = admit(std::move(*work.outcome.dsn), std::move(scratch), std::move(done), true);
    if (!work.dsn)
      return;
    work.outcome.dsn.reset();
  } else {
    work.done = std::move(done);
  }
  begin(std::move(work));
}

// The first attempt of a repeat may be what cannot be made void now: then nobody may be told that
// it was not kept.
CommitStatus CommitPipeline::honest(CommitStatus status, bool again) const {
  const bool denies = status == CommitStatus::full || status == CommitStatus::failed ||
                      status == CommitStatus::over_quota;
  return again && denies && parts_.journal.use().broken ? CommitStatus::in_doubt : status;
}

// Checks it, and takes down who waits for it. None: it was answered, or joined one under way.
std::optional<CommitPipeline::DeliveryWork>
CommitPipeline::admit(Delivery delivery, ScratchFile scratch, Done done, bool is_dsn) {
  const Id128 id = delivery.transaction;
  const bool repeat = delivery.again;
  const auto refuse = [&](CommitStatus status, std::string text) {
    answer(std::move(done), {id, honest(status, repeat), std::move(text)});
    return std::nullopt;
  };
  const std::lock_guard guard(mutex_);
  if (const auto same = under_way_.find(id); same != under_way_.end()) {
    if (!delivery.again)
      return refuse(CommitStatus::refused, "its id is being committed");
    if (same->second.size() >= most_repeats)
      return refuse(CommitStatus::in_doubt, "it was repeated too often");
    same->second.push_back(std::move(done));
    return std::nullopt;
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
  // A DSN goes on: without it an outcome that tells of others, too, would be lost.
  const StuckCounts& stuck = parts_.materialiser.stuck();
  for (const Copy& copy : delivery.copies)
    if (const std::size_t copies = stuck.copies_of(number_of(copy.account));
        !is_dsn && (copies >= limits_.stuck_copies ||
                    (copies > 0 && stuck.bytes() >= limits_.segment_bytes / 2)))
      return refuse(CommitStatus::failed, "maildrop " + std::to_string(number_of(copy.account)) +
                                              " cannot be written, and too much waits for it");
  const std::uint64_t in_record = delivery_bytes(delivery);
  const std::uint64_t bytes = in_record + (delivery.relay ? envelope_bytes(*delivery.relay) : 0);
  // One that is larger than the whole backlog may go when it is alone.
  if (under_way_.size() >= limits_.backlog_deliveries ||
      (bytes_ > 0 && bytes_ + bytes > limits_.backlog_bytes))
    return refuse(CommitStatus::busy, "too many deliveries wait");

  QueueKeeper::Hold queue_room;
  if (delivery.relay) {
    queue_room = parts_.queue.book(delivery.relay->recipients.size(), is_dsn);
    if (!queue_room)
      return refuse(CommitStatus::full, "the queue is full");
  }
  DeliveryWork work{std::move(delivery),
                    std::move(scratch),
                    parts_.ids.next(),
                    in_record > limits_.record_bytes,
                    bytes,
                    nullptr,
                    std::move(queue_room)};
  if (work.large) {
    auto booked = book(work);
    if (!booked)
      return refuse(booked.error().status, booked.error().text);
    work.booking = std::move(*booked);
  }
  bytes_ += bytes;
  under_way_[id].push_back(std::move(done));
  return work;
}

CommitPipeline::DeliveryWork* CommitPipeline::delivery_of(Work& work) {
  if (auto* delivery = std::get_if<DeliveryWork>(&work))
    return delivery;
  auto* outcome = std::get_if<OutcomeWork>(&work);
  return outcome != nullptr && outcome->dsn ? &*outcome->dsn : nullptr;
}

// Large content is copied before it waits for its batch.
void CommitPipeline::begin(Work work) {
  const DeliveryWork* delivery = delivery_of(work);
  if (delivery == nullptr || !delivery->large)
    return enqueue(std::move(work));
  {
    const std::lock_guard guard(mutex_);
    ++copying_;
  }
  // It is over for it: what it holds goes before the answer.
  const auto give_up = [this](Work& of, const Refusal& why) {
    const Id128 id = delivery_of(of)->delivery.transaction;
    const bool repeat = delivery_of(of)->delivery.again;
    const std::uint64_t backlog = delivery_of(of)->backlog;
    of = RecordWork{nullptr, nullptr};
    finish({{id, honest(why.status, repeat), why.text}}, backlog);
  };
  auto shared = std::make_shared<Work>(std::move(work));
  const bool posted = parts_.copiers.post([this, shared, give_up] {
    const DeliveryWork& of = *delivery_of(*shared);
    auto written = parts_.large.write(of.delivery, of.message, of.scratch);
    if (!written)
      give_up(*shared, written.error());
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
    give_up(*shared, {CommitStatus::busy, "too many large messages wait"});
  }
}

void CommitPipeline::expunge(ExpungeRequest request, std::function<void(Expected<void>)> done) {
  auto failure = std::make_shared<std::string>();
  std::vector<Work> works;
  for (std::size_t next = 0; works.empty() || next < request.files.size();) {
    ExpungeWork part{{{}, request.mailbox, {}}, failure, nullptr};
    for (std::size_t bytes = 0; next < request.files.size() && bytes < most_record_bytes(limits_);
         ++next) {
      bytes += request.files[next].base.size() + sizeof(Id128);
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

std::vector<CommitPipeline::Written>
CommitPipeline::write_again(const std::vector<journal::Record>& records) {
  if (records.empty())
    return {};
  std::promise<std::vector<Written>> promise;
  auto written = promise.get_future();
  enqueue(AgainWork{&records,
                    [&promise](std::vector<Written> all) { promise.set_value(std::move(all)); }});
  return written.get();
}

CommitPipeline::NoExpunges::NoExpunges(CommitPipeline& pipeline) : pipeline_(pipeline) {
  {
    const std::lock_guard guard(pipeline_.mutex_);
    pipeline_.no_expunges_ = true;
  }
  std::promise<void> promise;
  auto reached = promise.get_future();
  pipeline_.enqueue(RecordWork{nullptr, [&promise](bool) { promise.set_value(); }});
  reached.wait();
}

CommitPipeline::NoExpunges::~NoExpunges() {
  {
    const std::lock_guard guard(pipeline_.mutex_);
    pipeline_.no_expunges_ = false;
    std::vector<Work> works = std::move(pipeline_.expunges_);
    pipeline_.expunges_.clear();
    std::move(pipeline_.waiting_.begin(), pipeline_.waiting_.end(), std::back_inserter(works));
    pipeline_.waiting_ = std::move(works);
  }
  pipeline_.changed_.notify_one();
}

void CommitPipeline::before_batch(std::function<bool()> pace) {
  const std::lock_guard guard(mutex_);
  pace_ = std::move(pace);
}

journal::Sequence CommitPipeline::last_with_work() const {
  return last_with_work_.load(std::memory_order_acquire);
}

// Room for all of its files.
std::expected<std::shared_ptr<const SpaceLedger::Booking>, Refusal>
CommitPipeline::book(const DeliveryWork& work) {
  // No overflow: check_delivery bounds each of them.
  std::uint64_t needed = 0;
  for (const Copy& copy : work.delivery.copies)
    needed += overhead + copy.head.size() + work.delivery.stored_size;
  std::uint64_t files = work.delivery.copies.size();
  if (work.delivery.relay) {
    // Its message, its state, and its content if that is a file.
    files += work.large ? 3 : 2;
    needed += 3 * overhead + 2 * envelope_bytes(*work.delivery.relay) + work.delivery.stored_size;
  }
  auto booking = parts_.ledger.book(needed, files);
  if (!booking)
    return std::unexpected(Refusal::system("booking", booking.error()));
  return std::make_shared<const SpaceLedger::Booking>(std::move(*booking));
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
