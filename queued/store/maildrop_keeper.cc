// Counting and sweeping maildrops in the background.
#include "queued/store/maildrop_keeper.h"

#include "common/os/boot_clock.h"
#include "queued/disk/worker_pool.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace letterlock::queued {

ClockReading read_clocks() {
  return {std::time(nullptr), os::seconds_since_boot()};
}

// A sweep may end after the keeper has.
struct MaildropKeeper::Shared {
  std::mutex mutex; // guards what follows
  std::condition_variable changed;
  std::vector<Rule> rules;
  bool has_new_rules = false;
  std::optional<SweepResult> ended; // of the sweep under way
  bool stopping = false;
};

MaildropKeeper::MaildropKeeper(MaildropKeeperParts parts, const MaildropKeeperOptions& options,
                               const std::optional<ClockRecord>& before)
    : parts_(std::move(parts)), options_(options), shared_(std::make_shared<Shared>()),
      now_(options.clocks()), guard_(now_, before), thread_(start_thread([this] { run(); })) {}

void MaildropKeeper::set_rules(const std::vector<AccountRules>& rules) {
  {
    const std::lock_guard guard(shared_->mutex);
    shared_->rules.clear();
    for (const AccountRules& rule : rules)
      if (rule.retention > 0)
        shared_->rules.push_back({rule.account, rule.retention});
    shared_->has_new_rules = true;
  }
  shared_->changed.notify_all();
}

void MaildropKeeper::stop() {
  {
    const std::lock_guard guard(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->changed.notify_all();
  if (thread_.joinable())
    thread_.join();
}

// Also with new rules: all begins anew.
bool MaildropKeeper::is_wanted_elsewhere() const {
  const std::lock_guard guard(shared_->mutex);
  return shared_->stopping || shared_->has_new_rules;
}

void MaildropKeeper::run() {
  auto next_recount = Clock::now() + options_.recount_period;
  auto next_sweep = Clock::now() + options_.sweep_period;
  auto next_busy = Clock::time_point::max();
  for (;;) {
    bool has_new_rules = false;
    {
      std::unique_lock lock(shared_->mutex);
      shared_->changed.wait_until(lock, std::min({next_recount, next_sweep, next_busy}),
                                  [this] { return shared_->stopping || shared_->has_new_rules; });
      if (shared_->stopping)
        return;
      has_new_rules = std::exchange(shared_->has_new_rules, false);
      if (has_new_rules)
        rules_ = shared_->rules;
    }
    const bool doubt_changed = observe_clock();
    // One that cannot be read is tried again with the next recount, or by who needs it.
    count(parts_.usage.uncounted());
    if (Clock::now() >= next_recount) {
      count(parts_.usage.worth_counting());
      next_recount = Clock::now() + options_.recount_period;
    }
    std::vector<Rule> due;
    const bool all_are_due = has_new_rules || Clock::now() >= next_sweep;
    if (all_are_due) {
      due = rules_;
      next_sweep = Clock::now() + options_.sweep_period;
    } else if (Clock::now() >= next_busy) {
      due = std::move(again_);
    } else {
      if (doubt_changed)
        keep_clock();
      continue;
    }
    again_.clear();
    if (all_are_due || doubt_changed)
      keep_clock();
    sweep(due);
    next_busy = again_.empty() ? Clock::time_point::max() : Clock::now() + options_.busy_period;
  }
}

void MaildropKeeper::count(const std::vector<AccountId>& accounts) {
  for (const AccountId account : accounts)
    if (!is_wanted_elsewhere())
      parts_.usage.count(account);
}

// ---- The clock

// Whether it is doubted now and was not, or the other way round. Nobody is told of a clock that
// nothing depends on.
bool MaildropKeeper::observe_clock() {
  const bool was_believed = guard_.is_believed();
  now_ = options_.clocks();
  const std::string change = guard_.observe(now_);
  if (rules_.empty()) {
    told_doubt_ = false;
  } else if (guard_.is_believed()) {
    if (told_doubt_)
      parts_.reporter.say(StoreReport::Level::info, "clock.believed", change);
    told_doubt_ = false;
  } else if (!told_doubt_ || !change.empty()) {
    parts_.reporter.say(StoreReport::Level::warning, "clock.doubted", guard_.doubt());
    told_doubt_ = true;
  }
  return guard_.is_believed() != was_believed;
}

void MaildropKeeper::keep_clock() {
  const auto kept = parts_.keep_clock(guard_.record());
  if (!kept && !told_unkept_)
    parts_.reporter.say(StoreReport::Level::warning, "clock.not_kept", kept.error().text);
  told_unkept_ = !kept;
}

// ---- Retention

void MaildropKeeper::sweep(const std::vector<Rule>& due) {
  for (const Rule& rule : due) {
    if (is_wanted_elsewhere())
      return;
    // The clock may have jumped meanwhile.
    if (observe_clock())
      keep_clock();
    if (!guard_.is_believed())
      return;
    {
      const std::lock_guard guard(shared_->mutex);
      shared_->ended.reset();
    }
    parts_.sweep(rule.account, now_.wall, rule.retention, [shared = shared_](SweepResult end) {
      {
        const std::lock_guard guard(shared->mutex);
        shared->ended = std::move(end);
      }
      shared->changed.notify_all();
    });
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [this] { return shared_->ended || shared_->stopping; });
    const auto ended = std::exchange(shared_->ended, std::nullopt);
    lock.unlock();
    if (!ended)
      return;
    if (*ended == SweepEnd::done) {
      failing_.erase(rule.account);
      continue;
    }
    again_.push_back(rule);
    if (!*ended && failing_.insert(rule.account).second)
      parts_.reporter.say(StoreReport::Level::warning, "retention.failed", ended->error());
  }
}

} // namespace letterlock::queued
