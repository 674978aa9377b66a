// Answers on their way to the loop.
#include "queued/disk/completion_queue.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace letterlock::queued {

Expected<std::unique_ptr<CompletionQueue>> CompletionQueue::make() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    return fail_errno("pipe");
  std::unique_ptr<CompletionQueue> queue(new CompletionQueue);
  queue->wake_read_ = UniqueFd(ends[0]);
  queue->wake_write_ = UniqueFd(ends[1]);
  return queue;
}

void CompletionQueue::post(std::function<void()> completion) {
  const std::lock_guard guard(mutex_);
  waiting_.push_back(std::move(completion));
  // Under the lock, so that byte and list agree. One byte at most is in the pipe: it has room.
  if (waiting_.size() == 1)
    while (::write(wake_write_.get(), "", 1) < 0 && errno == EINTR) {
    }
}

void CompletionQueue::drain() {
  std::vector<std::function<void()>> due;
  {
    const std::lock_guard guard(mutex_);
    if (waiting_.empty())
      return;
    due.swap(waiting_);
    char byte = 0;
    while (::read(wake_read_.get(), &byte, 1) < 0 && errno == EINTR) {
    }
  }
  for (auto& completion : due)
    completion();
}

} // namespace letterlock::queued
