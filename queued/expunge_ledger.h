// ExpungeLedger: what has become of removals, by the random id of each, so that one whose answer
// was lost with a link can be asked for again.
//
// Remembers those under way and the last `most` that are done, in memory only: after a restart of
// queued an unknown id is answered "not durable", and the client finds out at its next session.
#pragma once

#include "common/base/id128.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace letterlock::queued {

class ExpungeLedger {
public:
  using Answer = std::function<void(bool durable)>;
  static constexpr std::size_t most = 4096;
  // Who may wait for one removal: it is asked for again once a link, so there are few.
  static constexpr std::size_t most_waiting = 16;

  bool knows(const Id128& transaction) const { return entries_.contains(transaction); }
  void begin(const Id128& transaction);
  void finish(const Id128& transaction, bool durable);
  // Answers now, or when it is finished; an unknown one was not durable.
  void ask(const Id128& transaction, Answer answer);

private:
  struct Entry {
    std::optional<bool> durable; // none: under way
    std::vector<Answer> waiting;
  };
  std::unordered_map<Id128, Entry, Id128Hash> entries_;
  std::deque<Id128> finished_; // oldest first
};

} // namespace letterlock::queued
