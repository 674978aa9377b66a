// Counting jobs by record.
#include "queued/store/progress.h"

namespace letterlock::queued {

void Progress::begin(journal::Sequence sequence, std::uint32_t jobs) {
  const std::lock_guard guard(mutex_);
  if (sequence <= begun_)
    return;
  open_.resize(open_.size() + static_cast<std::size_t>(sequence - begun_), 0);
  open_.back() = jobs;
  begun_ = sequence;
  advance();
}

void Progress::end(journal::Sequence sequence) {
  const std::lock_guard guard(mutex_);
  if (sequence <= done_ || sequence > begun_)
    return;
  std::uint32_t& left = open_[static_cast<std::size_t>(sequence - done_ - 1)];
  if (left > 0)
    --left;
  advance();
}

void Progress::advance() {
  bool moved = false;
  for (; !open_.empty() && open_.front() == 0; open_.pop_front()) {
    ++done_;
    moved = true;
  }
  if (moved)
    changed_.notify_all();
}

journal::Sequence Progress::done_up_to() const {
  const std::lock_guard guard(mutex_);
  return done_;
}

bool Progress::wait_for(journal::Sequence sequence, std::chrono::milliseconds timeout,
                        const std::function<bool()>& stop) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    std::uint64_t wakes = 0;
    {
      const std::lock_guard guard(mutex_);
      if (done_ >= sequence)
        return true;
      wakes = wakes_;
    }
    if (stop())
      return done_up_to() >= sequence;
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, deadline, [&] { return done_ >= sequence || wakes_ != wakes; }))
      return false;
  }
}

void Progress::wake() {
  {
    const std::lock_guard guard(mutex_);
    ++wakes_;
  }
  changed_.notify_all();
}

} // namespace letterlock::queued
