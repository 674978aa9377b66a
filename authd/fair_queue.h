// FairQueue<T>: waiting work by origin, served round-robin between the origins, bounded.
//
// A network that floods us with logins waits behind its own, and everybody else behind at most one
// of each. Not for several threads at once.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace letterlock::authd {

template <class T> class FairQueue {
public:
  FairQueue(std::size_t most, std::size_t most_of_origin)
      : most_(most), most_of_origin_(most_of_origin) {}

  // False, and nothing is added, when the queue or the origin's part of it is full.
  [[nodiscard]] bool push(const std::string& origin, T work) {
    if (size_ == most_)
      return false;
    const auto [place, is_new] = by_origin_.try_emplace(origin);
    if (place->second.size() == most_of_origin_)
      return false;
    if (is_new)
      turns_.push_back(origin);
    place->second.push_back(std::move(work));
    ++size_;
    return true;
  }

  // The oldest work of the origin whose turn it is.
  std::optional<T> pop() {
    if (turns_.empty())
      return std::nullopt;
    const auto place = by_origin_.find(turns_.front());
    T work = std::move(place->second.front());
    place->second.pop_front();
    --size_;
    if (place->second.empty()) {
      by_origin_.erase(place);
      turns_.pop_front();
    } else {
      turns_.splice(turns_.end(), turns_, turns_.begin());
    }
    return work;
  }

  std::size_t size() const { return size_; }

private:
  const std::size_t most_;
  const std::size_t most_of_origin_;
  std::size_t size_ = 0;
  std::map<std::string, std::deque<T>> by_origin_; // no entry is empty
  std::list<std::string> turns_;                   // its keys, whose turn is next first
};

} // namespace letterlock::authd
