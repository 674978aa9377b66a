// The threads that write and remove message files.
#include "queued/store/materialiser.h"

#include "queued/disk/worker_pool.h"
#include "queued/store/large_files.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <latch>
#include <mutex>
#include <set>
#include <span>
#include <thread>

namespace letterlock::queued {

namespace {

struct Barrier {
  std::uint32_t mailbox = 0;
  std::function<void(Unsettled)> then;
};
struct Rewrite {
  std::uint32_t mailbox = 0;
  std::vector<CopyJob> jobs;
  std::function<void(std::string)> done;
};
struct ListStuck {
  journal::Sequence up_to = 0;
  std::function<void(Unsettled)> then;
};
// Tried before, without success.
struct Stuck {
  StuckJob job;
};

using Job = std::variant<CopyJob, RemovalJob, Barrier, Rewrite, ListStuck, Stuck, Moved>;

// What is done between two looks at what has become urgent.
constexpr std::size_t jobs_at_once = 64, files_removed_at_once = 1000;

std::uint64_t bytes_of(const CopyJob& job) {
  return job.content ? job.content->size() + job.head.size() : 0;
}

} // namespace

// What is waiting in all shards.
struct Materialiser::Backlog {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t jobs = 0;
  std::uint64_t bytes = 0;

  void add(std::size_t more_jobs, std::uint64_t more_bytes) {
    const std::lock_guard guard(mutex);
    jobs += more_jobs;
    bytes += more_bytes;
  }
  void remove(std::size_t fewer_jobs, std::uint64_t fewer_bytes) {
    {
      const std::lock_guard guard(mutex);
      jobs -= fewer_jobs;
      bytes -= fewer_bytes;
    }
    changed.notify_all();
  }
};

class Materialiser::Shard {
public:
  Shard(const MaterialiserPlaces& places, const MaterialiserOptions& options,
        std::shared_ptr<Backlog> backlog, StuckCounts& counts)
      : places_(places), backlog_(std::move(backlog)),
        writer_(places.files, places.root, places.host),
        restorer_(places.files, places.root, places.journal, places.large, places.host),
        stuck_(counts, options.first_retry, options.last_retry),
        thread_(start_thread([this] { run(); })) {}
  ~Shard() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void post(std::vector<Job> jobs) {
    {
      const std::lock_guard guard(mutex_);
      std::move(jobs.begin(), jobs.end(), std::back_inserter(jobs_));
    }
    changed_.notify_one();
  }
  // Somebody waits for it, and not for the jobs of other maildrops.
  void post_urgently(Barrier barrier) {
    {
      const std::lock_guard guard(mutex_);
      auto lane = lane_of(barrier.mailbox);
      if (lane == urgent_.end())
        lane = urgent_.insert(lane, Lane{barrier.mailbox, {}});
      const auto others = std::stable_partition(jobs_.begin(), jobs_.end(), [&](const Job& job) {
        return maildrop_of(job) == barrier.mailbox;
      });
      std::move(jobs_.begin(), others, std::back_inserter(lane->jobs));
      jobs_.erase(jobs_.begin(), others);
      lane->jobs.emplace_back(std::move(barrier));
    }
    changed_.notify_one();
  }

private:
  // The jobs of one maildrop up to the last that is urgent.
  struct Lane {
    std::uint32_t mailbox = 0;
    std::deque<Job> jobs;
  };

  static std::optional<std::uint32_t> maildrop_of(const Job& job); // none: of all of them
  std::deque<Lane>::iterator lane_of(std::uint32_t mailbox) {
    return std::find_if(urgent_.begin(), urgent_.end(),
                        [&](const Lane& lane) { return lane.mailbox == mailbox; });
  }
  std::deque<Job> take();
  static void take_from(std::deque<Job>& jobs, std::deque<Job>& taken);
  void put_back(RemovalJob rest);
  void run();
  void carry_out(Job& job);
  SystemResult<void> place(CopyJob& job);
  SystemResult<void> remove(const RemovalJob& job);
  SystemResult<void> remove_last(RemovalJob& job);
  void say_missing(const CopyJob& job);
  void retry_stuck();
  bool retry(StuckJob& job);
  std::vector<bool> retry_together(std::vector<CopyJob*> copies);
  void put_aside(StuckJob job, Errno error);

  const MaterialiserPlaces places_;
  const std::shared_ptr<Backlog> backlog_;

  // The thread's.
  MaildirWriter writer_;
  Restorer restorer_;
  StuckJobs stuck_;
  std::set<std::uint32_t> failing_; // maildrops of which the log says that they fail
  std::string record_;

  std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::deque<Lane> urgent_; // in turns, before those
  bool stopping_ = false;

  std::thread thread_; // last: it uses all of the above
};

void Materialiser::Shard::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return stopping_ || !jobs_.empty() || !urgent_.empty(); };
      if (const auto retry_at = stuck_.next_retry())
        changed_.wait_until(lock, *retry_at, ready);
      else
        changed_.wait(lock, ready);
      if (stopping_ && jobs_.empty() && urgent_.empty())
        return;
    }
    std::deque<Job> batch = take();
    std::uint64_t bytes = 0;
    for (Job& job : batch) {
      if (const auto* copy = std::get_if<CopyJob>(&job))
        bytes += bytes_of(*copy);
      carry_out(job);
    }
    backlog_->remove(batch.size(), bytes);
    retry_stuck();
  }
}

std::optional<std::uint32_t> Materialiser::Shard::maildrop_of(const Job& job) {
  if (std::holds_alternative<ListStuck>(job))
    return std::nullopt;
  if (const auto* stuck = std::get_if<Stuck>(&job))
    return mailbox_of(stuck->job);
  return std::visit(
      [](const auto& one) -> std::optional<std::uint32_t> {
        if constexpr (requires { one.mailbox; })
          return one.mailbox;
        return std::nullopt;
      },
      job);
}

// A few, so that whoever waits for room, or comes with something urgent, has not long to wait. A
// removal is the last of them: there may be a rest.
std::deque<Job> Materialiser::Shard::take() {
  const std::lock_guard guard(mutex_);
  std::deque<Job> taken;
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

void Materialiser::Shard::take_from(std::deque<Job>& jobs, std::deque<Job>& taken) {
  while (!jobs.empty() && taken.size() < jobs_at_once) {
    taken.push_back(std::move(jobs.front()));
    jobs.pop_front();
    if (std::holds_alternative<RemovalJob>(taken.back()))
      return;
  }
}

// Before all that came later for its maildrop.
void Materialiser::Shard::put_back(RemovalJob rest) {
  backlog_->add(1, 0);
  const std::lock_guard guard(mutex_);
  const auto lane = lane_of(rest.mailbox);
  (lane != urgent_.end() ? lane->jobs : jobs_).emplace_front(std::move(rest));
}

void Materialiser::Shard::carry_out(Job& job) {
  if (auto* copy = std::get_if<CopyJob>(&job)) {
    if (const auto placed = place(*copy); !placed)
      return put_aside(std::move(*copy), placed.error());
    copy->booking.reset();
    copy->claim.reset();
    places_.progress.end(copy->sequence);
  } else if (auto* removal = std::get_if<RemovalJob>(&job)) {
    // What is expunged need not come into its maildrop any more.
    stuck_.drop_copies(*removal, [this](const CopyJob& of) { places_.progress.end(of.sequence); });
    const bool in_steps = !removal->looked_for && removal->files.size() > files_removed_at_once;
    const auto removed = in_steps ? remove_last(*removal) : remove(*removal);
    if (!removed)
      return put_aside(std::move(*removal), removed.error());
    if (in_steps)
      return put_back(std::move(*removal));
    places_.progress.end(removal->sequence);
  } else if (auto* barrier = std::get_if<Barrier>(&job)) {
    barrier->then(stuck_.of_mailbox(barrier->mailbox));
  } else if (auto* rewrite = std::get_if<Rewrite>(&job)) {
    RestoreOptions how;
    how.trust = Trust::nothing;
    how.write_absent = false;
    const auto done = restorer_.restore(rewrite->mailbox, rewrite->jobs, how);
    rewrite->done(done ? done->why : Error::system("maildrop", done.error().number).text);
  } else if (auto* list = std::get_if<ListStuck>(&job)) {
    list->then(stuck_.up_to(list->up_to));
  } else if (auto* stuck = std::get_if<Stuck>(&job)) {
    failing_.insert(mailbox_of(stuck->job)); // recovery has said so
    stuck_.put(std::move(stuck->job), true);
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
SystemResult<void> Materialiser::Shard::remove_last(RemovalJob& job) {
  const auto last = std::span<const SeenFile>(job.files).last(files_removed_at_once);
  if (auto removed = writer_.remove(job.mailbox, last); !removed)
    return removed;
  job.files.erase(job.files.end() - static_cast<std::ptrdiff_t>(files_removed_at_once),
                  job.files.end());
  return {};
}

SystemResult<void> Materialiser::Shard::remove(const RemovalJob& job) {
  if (!job.looked_for)
    return writer_.remove(job.mailbox, job.files);
  std::vector<std::string> bases;
  for (const SeenFile& file : job.files)
    bases.push_back(file.base);
  return restorer_.remove(job.mailbox, job.messages, bases);
}

SystemResult<void> Materialiser::Shard::place(CopyJob& job) {
  if (job.looked_for) {
    const auto restored = restorer_.restore(job.mailbox, std::span(&job, 1), RestoreOptions());
    if (!restored)
      return std::unexpected(restored.error());
    if (restored->missing > 0 || !restored->lost.empty())
      say_missing(job);
    return restored->failed.empty() ? SystemResult<void>() : std::unexpected(Errno{EIO});
  }
  if (job.large) {
    const auto linked = writer_.link(job.mailbox, job.name, places_.large,
                                     LargeFiles::name_of(job.message, job.mailbox));
    if (!linked)
      return std::unexpected(linked.error());
    // To try again would help nobody, and hold up the journal.
    if (*linked != LinkResult::linked)
      say_missing(job);
    return {};
  }
  if (job.content)
    return writer_.write(job.mailbox, job.name, as_bytes(job.head), as_bytes(*job.content));
  const auto bytes = read_copy(places_.journal, job, record_);
  if (!bytes)
    return std::unexpected(bytes.error());
  return writer_.write(job.mailbox, job.name, bytes->head, bytes->content);
}

void Materialiser::Shard::say_missing(const CopyJob& job) {
  places_.reporter.say(StoreReport::Level::error, "maildrop.missing",
                       "maildrop " + std::to_string(job.mailbox) + ": the file of " +
                           job.message.hex() + " in large is not there");
}

void Materialiser::Shard::put_aside(StuckJob job, Errno error) {
  if (failing_.insert(mailbox_of(job)).second)
    places_.reporter.say(StoreReport::Level::error, "maildrop.failing",
                         "maildrop " + std::to_string(mailbox_of(job)) + ": " +
                             Error::system("writing", error.number).text);
  stuck_.put(std::move(job));
  places_.progress.wake();
}

void Materialiser::Shard::retry_stuck() {
  if (stuck_.empty())
    return;
  stuck_.retry([this](StuckJob& job) { return retry(job); },
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
std::vector<bool> Materialiser::Shard::retry_together(std::vector<CopyJob*> copies) {
  std::vector<CopyJob> jobs;
  for (const CopyJob* copy : copies)
    jobs.push_back(*copy);
  const auto restored = restorer_.restore(jobs.front().mailbox, jobs, RestoreOptions());
  if (!restored)
    return std::vector<bool>(copies.size(), false);
  std::set<std::uint64_t> failed;
  for (const CopyJob& copy : restored->failed)
    failed.insert(copy.stuck);
  if (restored->missing > 0)
    places_.reporter.say(StoreReport::Level::error, "maildrop.missing",
                         "maildrop " + std::to_string(jobs.front().mailbox) + ": the files of " +
                             std::to_string(restored->missing) + " messages in large are gone");
  std::vector<bool> succeeded;
  for (const CopyJob& copy : jobs) {
    succeeded.push_back(!failed.contains(copy.stuck));
    if (succeeded.back())
      places_.progress.end(copy.sequence);
  }
  return succeeded;
}

// True: done with it.
bool Materialiser::Shard::retry(StuckJob& job) {
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

// ---- The whole

Materialiser::Materialiser(const MaterialiserPlaces& places, const MaterialiserOptions& options)
    : backlog_(std::make_shared<Backlog>()), options_(options) {
  for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i)
    shards_.push_back(std::make_unique<Shard>(places, options, backlog_, counts_));
}

Materialiser::~Materialiser() = default;

template <class Of> void Materialiser::post_one(std::uint32_t mailbox, Of job) {
  std::vector<Job> one;
  one.emplace_back(std::move(job));
  backlog_->add(1, 0);
  shards_[mailbox % shards_.size()]->post(std::move(one));
}

void Materialiser::add(std::vector<CopyJob> jobs) {
  std::vector<std::vector<Job>> by_shard(shards_.size());
  std::uint64_t bytes = 0;
  const std::size_t count = jobs.size();
  for (CopyJob& job : jobs) {
    bytes += bytes_of(job);
    by_shard[job.mailbox % shards_.size()].emplace_back(std::move(job));
  }
  backlog_->add(count, bytes);
  for (std::size_t i = 0; i < shards_.size(); ++i)
    if (!by_shard[i].empty())
      shards_[i]->post(std::move(by_shard[i]));
}

void Materialiser::add(RemovalJob job) {
  post_one(job.mailbox, std::move(job));
}

void Materialiser::add_stuck(Unsettled unsettled) {
  for (RemovalJob& job : unsettled.removals) {
    const std::uint32_t mailbox = job.mailbox;
    post_one(mailbox, Stuck{std::move(job)});
  }
  for (CopyJob& job : unsettled.copies) {
    const std::uint32_t mailbox = job.mailbox;
    post_one(mailbox, Stuck{std::move(job)});
  }
}

Unsettled Materialiser::stuck_up_to(journal::Sequence up_to) {
  Unsettled all;
  std::mutex mutex; // guards all
  std::latch listed(static_cast<std::ptrdiff_t>(shards_.size()));
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard)
    post_one(shard, ListStuck{up_to, [&](Unsettled part) {
                                {
                                  const std::lock_guard guard(mutex);
                                  std::move(part.copies.begin(), part.copies.end(),
                                            std::back_inserter(all.copies));
                                  std::move(part.removals.begin(), part.removals.end(),
                                            std::back_inserter(all.removals));
                                }
                                listed.count_down();
                              }});
  listed.wait();
  return all;
}

void Materialiser::moved(Moved one) {
  const std::uint32_t mailbox = one.mailbox;
  post_one(mailbox, std::move(one));
}

void Materialiser::after_all(std::uint32_t mailbox, std::function<void(Unsettled)> then) {
  backlog_->add(1, 0);
  shards_[mailbox % shards_.size()]->post_urgently({mailbox, std::move(then)});
}

void Materialiser::rewrite(std::uint32_t mailbox, std::vector<CopyJob> jobs,
                           std::function<void(std::string why)> done) {
  post_one(mailbox, Rewrite{mailbox, std::move(jobs), std::move(done)});
}

void Materialiser::wait_for_room() {
  std::unique_lock lock(backlog_->mutex);
  backlog_->changed.wait(lock, [this] {
    return backlog_->jobs < options_.backlog_jobs && backlog_->bytes < options_.backlog_bytes;
  });
}

} // namespace letterlock::queued
