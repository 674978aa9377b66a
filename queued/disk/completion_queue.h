// CompletionQueue: brings answers from the store's threads to the loop's.
#pragma once

#include "common/base/error.h"
#include "common/base/unique_fd.h"

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace letterlock::queued {

class CompletionQueue {
public:
  static Expected<std::unique_ptr<CompletionQueue>> make();

  // From any thread.
  void post(std::function<void()> completion);
  // Readable while something waits.
  int descriptor() const { return wake_read_.get(); }
  // From the loop's thread: calls what waits. What they post is left for the next call.
  void drain();

private:
  CompletionQueue() = default;

  UniqueFd wake_read_, wake_write_; // holds one byte while waiting_ is not empty
  std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
};

} // namespace letterlock::queued
