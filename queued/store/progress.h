// Progress: up to which record of the journal everything is carried out, though jobs end in another
// order than they began.
#pragma once

#include "queued/journal/record.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace letterlock::queued {

// Callable from any thread; begin() in the order of the sequences.
class Progress {
public:
  // Everything up to DONE is carried out already.
  explicit Progress(journal::Sequence done) : done_(done), begun_(done) {}

  // Records up to SEQUENCE were written, and the one with that number has JOBS to be carried out;
  // those before it that were not begun have none.
  void begin(journal::Sequence sequence, std::uint32_t jobs);
  // One job of it is done.
  void end(journal::Sequence sequence);

  journal::Sequence done_up_to() const;
  // Waits until done_up_to() is at least SEQUENCE, or STOP says true, which is asked at first and
  // after each wake(), or TIMEOUT. No lock is held while it is asked: it may need one under which
  // others call wake().
  bool wait_for(journal::Sequence sequence, std::chrono::milliseconds timeout,
                const std::function<bool()>& stop);
  void wake();

private:
  void advance();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  journal::Sequence done_, begun_;
  std::uint64_t wakes_ = 0;
  std::deque<std::uint32_t> open_; // jobs left of done_ + 1, done_ + 2, … begun_
};

} // namespace letterlock::queued
