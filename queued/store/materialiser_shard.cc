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
constexpr int most_looks = 3; // for files that others move while they are to be removed

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
    if (lane == lanes_.end())
      lane = lanes_.insert(lane, Lane{barrier.mailbox, {}});
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
      const auto ready = [this] { return stopping_ || !jobs_.empty() || !lanes_.empty(); };
      if (const auto retry_at = stuck_.next_retry(); settlings_.empty() && retry_at)
        changed_.wait_until(lock, *retry_at, ready);
      else if (settlings_.empty())
        changed_.wait(lock, ready);
      if (stopping_ && jobs_.empty() && lanes_.empty())
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
  // A checkpoint waits for these, whatever its maildrops do; a list without what the last one has
  // changed would be written again for ever.
  if (std::holds_alternative<ListStuck>(job) || std::holds_alternative<Moved>(job))
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

// A few, so that whoever waits for room, or comes with something urgent, has not long to wait. The
// lanes and what came for all other maildrops take turns.
std::deque<MaterialiserJob> MaterialiserShard::take() {
  const std::lock_guard guard(mutex_);
  std::deque<MaterialiserJob> taken;
  is_lanes_turn_ = !is_lanes_turn_;
  if (!is_lanes_turn_)
    take_of_others(taken);
  if (taken.empty())
    take_of_lane(taken);
  if (taken.empty())
    take_of_others(taken);
  return taken;
}

// What may have a rest is the last of them.
void MaterialiserShard::take_of_lane(std::deque<MaterialiserJob>& taken) {
  if (lanes_.empty())
    return;
  Lane lane = std::move(lanes_.front());
  lanes_.pop_front();
  for (bool is_last = false; !is_last && !lane.jobs.empty() && taken.size() < jobs_at_once;) {
    taken.push_back(std::move(lane.jobs.front()));
    lane.jobs.pop_front();
    is_last = std::holds_alternative<RemovalJob>(taken.back());
  }
  if (!lane.jobs.empty())
    lanes_.push_back(std::move(lane));
}

// Removals may take long, and have lanes of their own; what comes later for such a maildrop stays
// behind them, but for mail: no removal before it can be about that.
void MaterialiserShard::take_of_others(std::deque<MaterialiserJob>& taken) {
  while (!jobs_.empty() && taken.size() < jobs_at_once) {
    const auto maildrop = maildrop_of(jobs_.front());
    const bool may_overtake = !maildrop || std::holds_alternative<CopyJob>(jobs_.front());
    auto lane = may_overtake ? lanes_.end() : lane_of(*maildrop);
    if (lane == lanes_.end() && std::holds_alternative<RemovalJob>(jobs_.front()))
      lane = lanes_.insert(lane, Lane{*maildrop, {}});
    (lane != lanes_.end() ? lane->jobs : taken).push_back(std::move(jobs_.front()));
    jobs_.pop_front();
  }
}

// Before all that came later for its maildrop, and not in the way of what came for others.
void MaterialiserShard::put_back(RemovalJob rest) {
  backlog_->add(1, 0);
  const std::lock_guard guard(mutex_);
  auto lane = lane_of(rest.mailbox);
  if (lane == lanes_.end())
    lane = lanes_.insert(lane, Lane{rest.mailbox, {}});
  lane->jobs.emplace_front(std::move(rest));
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
      one.settling.expunge(removed);
}

// What is on its list gets a record above that of its removal, which would be forgotten first.
void MaterialiserShard::drop_what_lanes_remove() {
  if (stuck_.empty())
    return;
  const std::lock_guard guard(mutex_);
  for (const Lane& lane : lanes_)
    for (const MaterialiserJob& job : lane.jobs)
      if (const auto* removal = std::get_if<RemovalJob>(&job);
          removal != nullptr && !removal->begun && stuck_.has(lane.mailbox))
        stuck_.drop_copies(RemovedCopies(*removal, places_.host),
                           [this](const CopyJob& of) { places_.progress.end(of.sequence); });
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
    const auto is_over = remove_some(*removal);
    if (!is_over)
      return put_aside(std::move(*removal), is_over.error());
    if (!*is_over)
      return put_back(std::move(*removal));
    places_.progress.end(removal->sequence);
  } else if (auto* barrier = std::get_if<Barrier>(&job)) {
    auto unsettled = unsettled_of(barrier->mailbox);
    if (!unsettled && unsettled.error().number == ENOENT) {
      places_.remake(barrier->mailbox);
      unsettled = unsettled_of(barrier->mailbox);
    }
    barrier->then(std::move(unsettled));
  } else if (auto* rewrite = std::get_if<Rewrite>(&job)) {
    const auto done = restorer_.restore_durably(rewrite->mailbox, rewrite->jobs);
    rewrite->done(done ? done->why : Error::system("maildrop", done.error().number).text);
  } else if (auto* list = std::get_if<ListStuck>(&job)) {
    drop_what_lanes_remove();
    list->then(stuck_.up_to(list->up_to));
  } else if (auto* settle = std::get_if<Settle>(&job)) {
    settlings_.push_back({Settling(std::move(settle->settlement)), std::move(settle->tally)});
  } else if (auto* moved = std::get_if<Moved>(&job)) {
    std::optional<journal::Sequence> newer;
    if (moved->job)
      newer = sequence_of(*moved->job);
    if (const auto replaced = stuck_.replace(moved->stuck, std::move(moved->job)))
      places_.progress.end(*replaced);
    else if (newer) // it has come to its place meanwhile, and that has ended the older one
      places_.progress.end(*newer);
  }
}

// Some of the files, which the job has no more then. True: that was all. What others have moved is
// looked for when the rest is gone, all of it in one listing.
SystemResult<bool> MaterialiserShard::remove_some(RemovalJob& job) {
  if (job.looked_for || (job.files.size() <= files_removed_at_once && job.elsewhere.empty())) {
    const auto removed = remove(job);
    return removed ? SystemResult<bool>(true) : std::unexpected(removed.error());
  }
  const std::size_t count = std::min(job.files.size(), files_removed_at_once);
  if (const auto removed = writer_.remove_seen(
          job.mailbox, std::span<const SeenFile>(job.files).last(count), job.elsewhere);
      !removed)
    return std::unexpected(removed.error());
  job.files.resize(job.files.size() - count);
  if (!job.files.empty() || job.elsewhere.empty())
    return job.files.empty();
  if (job.looks++ == most_looks)
    return std::unexpected(Errno{EBUSY});
  auto located = writer_.locate(job.mailbox, job.elsewhere);
  if (!located)
    return std::unexpected(located.error());
  job.files = std::move(*located);
  job.elsewhere.clear();
  return job.files.empty();
}

SystemResult<void> MaterialiserShard::remove(const RemovalJob& job) {
  if (!job.looked_for)
    return writer_.remove(job.mailbox, job.files);
  const auto located = restorer_.locate(job);
  return located ? writer_.remove(job.mailbox, *located) : std::unexpected(located.error());
}

SystemResult<void> MaterialiserShard::place(CopyJob& job) {
  if (job.looked_for) {
    const auto found = restorer_.find(job.mailbox, std::span(&job.message, 1));
    return found ? restore(job, *found) : std::unexpected(found.error());
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

} // namespace letterlock::queued
