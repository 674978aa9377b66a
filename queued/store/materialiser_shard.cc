// What a thread of the materialiser does with its jobs.
#include "queued/store/materialiser_shard.h"

#include "queued/disk/worker_pool.h"
#include "queued/store/large_files.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <span>
#include <utility>

namespace letterlock::queued {

namespace {

// What is done between two looks at what has become urgent.
constexpr std::size_t jobs_at_once = 64, files_removed_at_once = 1000;

std::uint64_t bytes_of(const CopyJob& job) {
  return job.content ? job.content->size() + job.head.size() : 0;
}

} // namespace

MaterialiserShard::MaterialiserShard(const MaterialiserPlaces& places,
                                     const MaterialiserOptions& options,
                                     std::shared_ptr<MaterialiserBacklog> backlog,
                                     StuckCounts& counts)
    : places_(places), backlog_(std::move(backlog)), writer_(places.files, places.root),
      restorer_(places.files, places.root, places.journal, places.large, places.host),
      stuck_(counts, options.first_retry, options.last_retry),
      thread_(start_thread([this] { run(); })) {}
MaterialiserShard::~MaterialiserShard() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void MaterialiserShard::post(std::vector<MaterialiserJob> jobs) {
  {
    const std::lock_guard guard(mutex_);
    std::move(jobs.begin(), jobs.end(), std::back_inserter(jobs_));
  }
  changed_.notify_one();
}
void MaterialiserShard::post_urgently(Barrier barrier) {
  {
    const std::lock_guard guard(mutex_);
    auto lane = lane_of(barrier.mailbox);
    if (lane == urgent_.end())
      lane = urgent_.insert(lane, Lane{barrier.mailbox, {}});
    const auto others =
        std::stable_partition(jobs_.begin(), jobs_.end(), [&](const MaterialiserJob& job) {
          return maildrop_of(job) == barrier.mailbox;
        });
    std::move(jobs_.begin(), others, std::back_inserter(lane->jobs));
    jobs_.erase(jobs_.begin(), others);
    lane->jobs.emplace_back(std::move(barrier));
  }
  changed_.notify_one();
}

void MaterialiserShard::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return stopping_ || !jobs_.empty() || !urgent_.empty(); };
      if (const auto retry_at = stuck_.next_retry(); settlings_.empty() && retry_at)
        changed_.wait_until(lock, *retry_at, ready);
      else if (settlings_.empty())
        changed_.wait(lock, ready);
      if (stopping_ && jobs_.empty() && urgent_.empty())
        return;
    }
    std::deque<MaterialiserJob> batch = take();
    std::uint64_t bytes = 0;
    for (MaterialiserJob& job : batch) {
      if (const auto* copy = std::get_if<CopyJob>(&job))
        bytes += bytes_of(*copy);
      carry_out(job);
    }
    backlog_->remove(batch.size(), bytes);
    settle_some();
    retry_stuck();
  }
}

std::optional<std::uint32_t> MaterialiserShard::maildrop_of(const MaterialiserJob& job) {
  if (std::holds_alternative<ListStuck>(job))
    return std::nullopt;
  if (const auto* settle = std::get_if<Settle>(&job))
    return settle->settlement.mailbox;
  return std::visit(
      [](const auto& one) -> std::optional<std::uint32_t> {
        if constexpr (requires { one.mailbox; })
          return one.mailbox;
        return std::nullopt;
      },
      job);
}

// A few, so that whoever waits for room, or comes with something urgent, has not long to wait. What
// may have a rest is the last of them.
std::deque<MaterialiserJob> MaterialiserShard::take() {
  const std::lock_guard guard(mutex_);
  std::deque<MaterialiserJob> taken;
  if (urgent_.empty()) {
    take_from(jobs_, taken);
    return taken;
  }
  Lane lane = std::move(urgent_.front());
  urgent_.pop_front();
  take_from(lane.jobs, taken);
  if (!lane.jobs.empty())
    urgent_.push_back(std::move(lane));
  return taken;
}

void MaterialiserShard::take_from(std::deque<MaterialiserJob>& jobs,
                                  std::deque<MaterialiserJob>& taken) {
  while (!jobs.empty() && taken.size() < jobs_at_once) {
    taken.push_back(std::move(jobs.front()));
    jobs.pop_front();
    if (std::holds_alternative<RemovalJob>(taken.back()) ||
        std::holds_alternative<Barrier>(taken.back()))
      return;
  }
}

// Before all that came later for its maildrop.
void MaterialiserShard::put_back(RemovalJob rest) {
  backlog_->add(1, 0);
  const std::lock_guard guard(mutex_);
  const auto lane = lane_of(rest.mailbox);
  (lane != urgent_.end() ? lane->jobs : jobs_).emplace_front(std::move(rest));
}

// The others have their turn before it.
void MaterialiserShard::put_back(Barrier barrier) {
  backlog_->add(1, 0);
  const std::lock_guard guard(mutex_);
  auto lane = lane_of(barrier.mailbox);
  if (lane == urgent_.end())
    lane = urgent_.insert(lane, Lane{barrier.mailbox, {}});
  lane->jobs.emplace_front(std::move(barrier));
}

// What is expunged need not come into its maildrop any more.
void MaterialiserShard::begin(RemovalJob& removal) {
  const auto is_its = [&](const UnderWay& one) {
    return one.settling.mailbox() == removal.mailbox;
  };
  if (std::exchange(removal.begun, true) ||
      (stuck_.empty() && std::none_of(settlings_.begin(), settlings_.end(), is_its)))
    return;
  const auto end = [this](const CopyJob& of) { places_.progress.end(of.sequence); };
  const RemovedCopies removed(removal, places_.host);
  stuck_.drop_copies(removed, end);
  for (UnderWay& one : settlings_)
    if (is_its(one))
      one.settling.drop_copies(removed, end);
}

void MaterialiserShard::carry_out(MaterialiserJob& job) {
  if (auto* copy = std::get_if<CopyJob>(&job)) {
    if (const auto placed = place(*copy); !placed)
      return put_aside(std::move(*copy), placed.error());
    copy->booking.reset();
    copy->claim.reset();
    places_.progress.end(copy->sequence);
  } else if (auto* removal = std::get_if<RemovalJob>(&job)) {
    begin(*removal);
    const bool in_steps = !removal->looked_for && removal->files.size() > files_removed_at_once;
    const auto removed = in_steps ? remove_last(*removal) : remove(*removal);
    if (!removed)
      return put_aside(std::move(*removal), removed.error());
    if (in_steps)
      return put_back(std::move(*removal));
    places_.progress.end(removal->sequence);
  } else if (auto* barrier = std::get_if<Barrier>(&job)) {
    auto unsettled = unsettled_of(barrier->mailbox);
    if (!unsettled && unsettled.error().number == ENOENT) {
      places_.remake(barrier->mailbox);
      unsettled = unsettled_of(barrier->mailbox);
    }
    if (unsettled && !*unsettled)
      return put_back(std::move(*barrier));
    barrier->then(unsettled ? SystemResult<Unsettled>(std::move(**unsettled))
                            : std::unexpected(unsettled.error()));
  } else if (auto* rewrite = std::get_if<Rewrite>(&job)) {
    const auto done = restorer_.restore_durably(rewrite->mailbox, rewrite->jobs);
    rewrite->done(done ? done->why : Error::system("maildrop", done.error().number).text);
  } else if (auto* list = std::get_if<ListStuck>(&job)) {
    list->then(stuck_.up_to(list->up_to));
  } else if (auto* settle = std::get_if<Settle>(&job)) {
    settlings_.push_back({Settling(std::move(settle->settlement)), std::move(settle->tally)});
  } else if (auto* moved = std::get_if<Moved>(&job)) {
    std::optional<journal::Sequence> newer;
    if (moved->job)
      newer = sequence_of(*moved->job);
    if (stuck_.replace(moved->stuck, std::move(moved->job)))
      places_.progress.end(moved->from);
    else if (newer) // it has come to its place meanwhile, and that has ended the older one
      places_.progress.end(*newer);
  }
}

// Some of the files, which the job has no more then.
SystemResult<void> MaterialiserShard::remove_last(RemovalJob& job) {
  const auto last = std::span<const SeenFile>(job.files).last(files_removed_at_once);
  if (auto removed = writer_.remove(job.mailbox, last); !removed)
    return removed;
  job.files.erase(job.files.end() - static_cast<std::ptrdiff_t>(files_removed_at_once),
                  job.files.end());
  return {};
}

SystemResult<void> MaterialiserShard::remove(const RemovalJob& job) {
  if (!job.looked_for)
    return writer_.remove(job.mailbox, job.files);
  std::vector<std::string> bases;
  for (const SeenFile& file : job.files)
    bases.push_back(file.base);
  return restorer_.remove(job.mailbox, job.messages, bases);
}

SystemResult<void> MaterialiserShard::place(CopyJob& job) {
  if (job.looked_for) {
    const auto found = restorer_.find(job.mailbox, std::span(&job, 1));
    if (!found)
      return std::unexpected(found.error());
    const auto restored = restorer_.restore(job, *found);
    if (!restored)
      return std::unexpected(restored.error());
    if (*restored == Restored::missing || *restored == Restored::lost)
      say_missing(job);
    return {};
  }
  if (job.large) {
    const auto linked = writer_.link(job.mailbox, job.name(places_.host), places_.large,
                                     LargeFiles::name_of(job.message, job.mailbox));
    if (!linked)
      return std::unexpected(linked.error());
    // To try again would help nobody, and hold up the journal.
    if (*linked != LinkResult::linked)
      say_missing(job);
    return {};
  }
  if (job.content)
    return writer_.write(job.mailbox, job.name(places_.host), as_bytes(job.head),
                         as_bytes(*job.content));
  const auto bytes = read_copy(places_.journal, job, record_);
  if (!bytes)
    return std::unexpected(bytes.error());
  return writer_.write(job.mailbox, job.name(places_.host), bytes->head, bytes->content);
}

void MaterialiserShard::say_missing(const CopyJob& job) {
  places_.reporter.say(StoreReport::Level::error, "maildrop.missing",
                       "maildrop " + std::to_string(job.mailbox) + ": the file of " +
                           job.message.hex() + " in large is not there");
}

void MaterialiserShard::put_aside(StuckJob job, Errno error) {
  if (failing_.insert(mailbox_of(job)).second)
    places_.reporter.say(StoreReport::Level::error, "maildrop.failing",
                         "maildrop " + std::to_string(mailbox_of(job)) + ": " +
                             Error::system("writing", error.number).text);
  stuck_.put(std::move(job));
  places_.progress.wake();
}

// None: there is more to do before.
SystemResult<std::optional<Unsettled>> MaterialiserShard::unsettled_of(std::uint32_t mailbox) {
  Unsettled unsettled;
  for (UnderWay& one : settlings_) {
    if (one.settling.mailbox() != mailbox)
      continue;
    const auto ready = one.settling.prepare_session(restorer_, events_of(one), unsettled);
    if (!ready)
      return std::unexpected(ready.error());
    if (!*ready)
      return std::nullopt;
  }
  auto stuck = stuck_of(mailbox);
  if (!stuck)
    return std::unexpected(stuck.error());
  std::move(stuck->copies.begin(), stuck->copies.end(), std::back_inserter(unsettled.copies));
  std::move(stuck->removals.begin(), stuck->removals.end(), std::back_inserter(unsettled.removals));
  return unsettled;
}

// What a settlement did not bring into its place may be there all the same, wherever, and not
// whole.
SystemResult<Unsettled> MaterialiserShard::stuck_of(std::uint32_t mailbox) {
  Unsettled stuck = stuck_.of_mailbox(mailbox);
  std::vector<CopyJob> looked_for;
  std::copy_if(stuck.copies.begin(), stuck.copies.end(), std::back_inserter(looked_for),
               [](const CopyJob& copy) { return copy.looked_for; });
  if (looked_for.empty())
    return stuck;
  const auto found = restorer_.find(mailbox, looked_for);
  if (!found)
    return std::unexpected(found.error());
  stuck_.each_copy_of(mailbox, [&](CopyJob& copy) { note_found(copy, *found); });
  std::erase_if(stuck.copies, [](const CopyJob& copy) { return copy.looked_for; });
  for (CopyJob& copy : looked_for)
    switch (view_of(copy, *found)) {
    case SessionView::hidden:
      break;
    case SessionView::pending:
      stuck.copies.push_back(std::move(copy));
      break;
    case SessionView::settled_first:
      if (const auto restored = restorer_.restore(copy, *found); !restored)
        return std::unexpected(restored.error());
      if (stuck_.replace(copy.stuck, std::nullopt))
        places_.progress.end(copy.sequence);
    }
  return stuck;
}

SettlementEvents MaterialiserShard::events_of(UnderWay& one) {
  SettlementEvents events;
  events.restored = [this, &one](CopyJob& copy, Restored how) {
    one.tally->written += how == Restored::written;
    one.tally->rewritten += how == Restored::rewritten;
    one.missing += how == Restored::missing;
    if (how == Restored::lost)
      say_missing(copy);
    copy.claim.reset();
    places_.progress.end(copy.sequence);
  };
  events.removed = [this](const RemovalJob& removal) { places_.progress.end(removal.sequence); };
  events.failed = [this](StuckJob job, Errno error) {
    if (auto* copy = std::get_if<CopyJob>(&job); copy != nullptr && copy->claim)
      copy->claim->keep();
    put_aside(std::move(job), error);
  };
  return events;
}

// Of one maildrop; the next time it is another one's turn.
void MaterialiserShard::settle_some() {
  if (settlings_.empty())
    return;
  UnderWay one = std::move(settlings_.front());
  settlings_.pop_front();
  if (one.settling.step(restorer_, events_of(one)))
    return settlings_.push_back(std::move(one));
  if (one.missing > 0)
    places_.reporter.say(StoreReport::Level::warning, "recovery.missing",
                         "maildrop " + std::to_string(one.settling.mailbox()) + ": " +
                             std::to_string(one.missing) +
                             " large messages are not there: another program removed them, or they "
                             "are lost");
  if (--one.tally->unfinished == 0)
    places_.reporter.say(StoreReport::Level::info, "recovery.done",
                         std::to_string(one.tally->written) + " messages written, " +
                             std::to_string(one.tally->rewritten) + " written again");
}

void MaterialiserShard::retry_stuck() {
  if (!stuck_.empty())
    stuck_.retry(
        [this](StuckJob& job) { return retry(job); },
        [this](std::vector<CopyJob*> copies) { return retry_together(std::move(copies)); });
  std::erase_if(failing_, [this](std::uint32_t mailbox) {
    if (stuck_.has(mailbox))
      return false;
    places_.reporter.say(StoreReport::Level::info, "maildrop.mended",
                         "maildrop " + std::to_string(mailbox) +
                             ": everything is in its place again");
    return true;
  });
}

// One listing of the maildrop for all of them.
std::vector<bool> MaterialiserShard::retry_together(std::vector<CopyJob*> copies) {
  std::vector<bool> succeeded(copies.size(), false);
  std::vector<CopyJob> jobs;
  for (const CopyJob* copy : copies)
    jobs.push_back(*copy);
  const auto found = restorer_.find(jobs.front().mailbox, jobs);
  for (std::size_t i = 0; found && i < jobs.size(); ++i) {
    note_found(*copies[i], *found);
    const auto restored = restorer_.restore(jobs[i], *found);
    if (!restored)
      continue;
    succeeded[i] = true;
    if (*restored == Restored::missing || *restored == Restored::lost)
      say_missing(jobs[i]);
    places_.progress.end(jobs[i].sequence);
  }
  return succeeded;
}

// True: done with it.
bool MaterialiserShard::retry(StuckJob& job) {
  const auto attempt = [&] {
    auto* copy = std::get_if<CopyJob>(&job);
    return copy != nullptr ? place(*copy) : remove(std::get<RemovalJob>(job));
  };
  auto done = attempt();
  if (!done && (done.error().number == ENOENT || done.error().number == ENOTDIR ||
                done.error().number == ELOOP)) {
    places_.remake(mailbox_of(job));
    done = attempt();
  }
  if (done)
    places_.progress.end(sequence_of(job));
  return done.has_value();
}

} // namespace letterlock::queued
