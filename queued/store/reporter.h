// Reporter: what the store has to say to the administrator, from any of its threads to the loop's.
#pragma once

#include "queued/disk/completion_queue.h"
#include "queued/message_store.h"

namespace letterlock::queued {

class Reporter {
public:
  // COMPLETIONS outlives it; HANDLER is called on the loop's thread.
  Reporter(CompletionQueue& completions, std::function<void(const StoreReport&)> handler)
      : completions_(completions), handler_(std::move(handler)) {}

  void say(StoreReport::Level level, std::string event, std::string text) {
    if (handler_)
      completions_.post(
          [handler = handler_, report = StoreReport{level, std::move(event), std::move(text)}] {
            handler(report);
          });
  }

private:
  CompletionQueue& completions_;
  const std::function<void(const StoreReport&)> handler_;
};

} // namespace letterlock::queued
