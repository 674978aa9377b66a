// Checkpoints, and what to do when one fails.
#include "queued/store/checkpointer.h"

#include "queued/disk/worker_pool.h"
#include "queued/store/journal_table.h"
#include "queued/store/state_directory.h"

#include <algorithm>
#include <cerrno>
#include <latch>

namespace letterlock::queued {

Checkpointer::Checkpointer(const CheckpointerParts& parts, const CheckpointerOptions& options,
                           journal::Sequence retired, const StoreLimits& limits)
    : parts_(parts), options_(options), segments_(limits.segments),
      stuck_({parts.files, parts.state.journal(), parts.pipeline, parts.materialiser, parts.large,
              parts.reporter, most_record_bytes(limits),
              [this](bool asking) { set_asking(asking); }, [this] { return sync_everything(); }}),
      retired_(retired), thread_(start_thread([this] { run(); })) {}

void Checkpointer::stop() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  parts_.progress.wake();
  if (thread_.joinable())
    thread_.join();
}

bool Checkpointer::stopping() const {
  const std::lock_guard guard(mutex_);
  return stopping_;
}

bool Checkpointer::pace() {
  const auto use = parts_.journal.use();
  if (!use.segment_full)
    return true;
  std::unique_lock lock(mutex_);
  if (!wanted_) {
    wanted_ = true;
    changed_.notify_all();
    parts_.progress.wake();
  }
  const std::size_t usable = segments_ - journal::slots_to_keep(segments_);
  if (use.slots * 5 <= usable * 4)
    return true;
  const std::uint64_t before = finished_;
  changed_.wait_for(lock, use.slots < usable ? options_.pace : options_.last_pace,
                    [&] { return finished_ != before || asking_ || stopping_; });
  return !asking_;
}

// While the journal is nearly full, what WRITE writes goes before everything else.
template <class Write> auto Checkpointer::asking(Write write) {
  set_asking(true);
  const auto written = write();
  set_asking(false);
  return written;
}

void Checkpointer::set_asking(bool asking) {
  {
    const std::lock_guard guard(mutex_);
    asking_ = asking;
  }
  changed_.notify_all();
}

void Checkpointer::run() {
  for (bool at_once = options_.found_up_to > retired_;; at_once = false) {
    // The next segment is made before it is needed; if that fails, the writer will say so.
    static_cast<void>(parts_.journal.prepare_slot(journal::slots_to_keep(segments_) + 1));
    {
      const bool soon = distrusting_ || options_.found_up_to > retired_;
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock,
                        soon ? std::min(options_.interval, options_.again) : options_.interval,
                        [&] { return at_once || wanted_ || stopping_; });
      if (stopping_)
        return;
      wanted_ = false;
    }
    checkpoint();
    {
      const std::lock_guard guard(mutex_);
      ++finished_;
    }
    changed_.notify_all();
  }
}

journal::Sequence Checkpointer::to_free(const journal::JournalWriter::Use& use) const {
  return use.segment_full                  ? use.full_up_to
         : options_.found_up_to > retired_ ? options_.found_up_to
                                           : 0;
}

void Checkpointer::checkpoint() {
  // A segment that is full is what must be freed; else all that there is.
  const auto use = parts_.journal.use();
  const journal::Sequence must_go = to_free(use);
  const journal::Sequence wanted =
      std::max(concerned_, must_go != 0 ? must_go : parts_.pipeline.last_with_work());
  if (wanted <= retired_ && !use.segment_full)
    return;
  const StuckCounts& stuck = parts_.materialiser.stuck();
  const auto deadline = std::chrono::steady_clock::now() + options_.interval;
  for (bool again = true; again;) {
    stuck.watch(must_go);
    const std::uint64_t before = stuck.became_stuck();
    // What is stuck may be so for ever, and must not hold the segment.
    if (must_go != 0 && stuck.all() > 0)
      write_stuck_again(must_go);
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const auto more_is_stuck = [&] { return must_go != 0 && stuck.became_stuck() != before; };
    const bool done = parts_.progress.wait_for(wanted, left, [&] {
      return stopping() || more_is_stuck() || (must_go == 0 && parts_.journal.use().segment_full);
    });
    again = !done && !stopping() && more_is_stuck() && left.count() > 0;
  }
  const journal::Sequence up_to = parts_.progress.done_up_to();
  if (up_to <= retired_ || stopping())
    return;
  const auto kept = parts_.queue.keep(up_to);
  for (const std::string& message : kept.lost)
    parts_.reporter.say(StoreReport::Level::error, "queue.lost",
                        message + ": its record or its content is damaged");
  if (!kept.why.empty())
    return parts_.reporter.say(StoreReport::Level::error, "checkpoint.failed", kept.why);
  if (!sync(up_to))
    return;
  parts_.large.retire(up_to);
  // In a journal that is broken nothing can be written: the segment that mends it says so.
  const journal::Record retire = journal::Retire{up_to, parts_.now()};
  if (!asking([&] { return parts_.pipeline.write_and_wait(retire); }) &&
      !parts_.journal.use().broken)
    return;
  retired_ = up_to;
  parts_.journal.retire(up_to);
}

void Checkpointer::write_stuck_again(journal::Sequence up_to) {
  if (const auto written = stuck_.write_again(up_to); !written)
    parts_.reporter.say(StoreReport::Level::error, "checkpoint.stuck", written.error().text);
}

SystemResult<void> Checkpointer::sync_everything() {
  auto synced = parts_.files.sync_everything(parts_.state.root());
  if (!synced && synced.error().number != ENOSYS) {
    // Nobody knows what was lost, and no later sync would tell. A start that comes before all of it
    // is written again trusts no file either.
    distrusting_ = true;
    concerned_ = std::max(parts_.pipeline.last_with_work(), options_.found_up_to);
  }
  return synced;
}

bool Checkpointer::sync(journal::Sequence up_to) {
  if (!distrusting_) {
    const auto synced = sync_everything();
    if (synced)
      return true;
    if (distrusting_)
      parts_.reporter.say(StoreReport::Level::error, "checkpoint.failed",
                          Error::system("syncing the maildrops", synced.error().number).text);
  }
  // What came after UP_TO was perhaps written by the sync that failed.
  if (distrusting_ && up_to < concerned_)
    return false;
  if (!rewrite_all(up_to))
    return false;
  if (distrusting_) {
    parts_.reporter.say(StoreReport::Level::info, "checkpoint.mended",
                        "every message since the last good one was written again");
    distrusting_ = false;
    concerned_ = 0;
  }
  return true;
}

// Every copy since the last good checkpoint that is still in its maildrop, synced by itself.
bool Checkpointer::rewrite_all(journal::Sequence up_to) {
  JournalTable table;
  if (!table.read(parts_.state.journal()))
    return false;
  bool good = true;
  for (auto& [mailbox, of] : table.mailboxes()) {
    std::erase_if(of.copies, [&](const CopyJob& copy) {
      return copy.sequence > up_to || of.is_expunged(copy, parts_.host);
    });
    for (CopyJob& copy : of.copies)
      copy.was_there = true;
    // Where something was expunged its directories are synced all the same.
    if (of.copies.empty() && of.last_expunge == 0)
      continue;
    std::string why;
    std::latch done(1);
    parts_.materialiser.rewrite(mailbox, std::move(of.copies), [&](std::string failed) {
      why = std::move(failed);
      done.count_down();
    });
    done.wait();
    if (!why.empty())
      parts_.reporter.say(StoreReport::Level::error, "checkpoint.failed",
                          "maildrop " + std::to_string(mailbox) + ": " + why);
    good = good && why.empty();
  }
  return good;
}

} // namespace letterlock::queued
