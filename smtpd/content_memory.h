// ContentMemory: the memory in which all sessions of the process hold message content.
//
// A common ceiling: while it is exceeded, contents go to scratch files from their first octet on
// instead of waiting in memory for their end, and each holds one read from its client at most. Used
// buffers are lent again, so that small messages cost no memory of their own.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace letterlock::smtpd {

class ContentMemory {
public:
  static constexpr std::size_t default_ceiling = 64u << 20;

  explicit ContentMemory(std::size_t ceiling = default_ceiling) : ceiling_(ceiling) {}
  ContentMemory(const ContentMemory&) = delete;
  ContentMemory& operator=(const ContentMemory&) = delete;

  bool scarce() const { return used_ >= ceiling_; }
  void count_more(std::size_t octets) { used_ += octets; }
  void count_less(std::size_t octets) { used_ -= octets; }

  // An empty buffer.
  std::string take() {
    if (idle_.empty())
      return {};
    std::string buffer = std::move(idle_.back());
    idle_.pop_back();
    return buffer;
  }
  void give_back(std::string buffer) {
    if (buffer.capacity() > most_capacity || idle_.size() == most_idle)
      return;
    buffer.clear();
    idle_.push_back(std::move(buffer));
  }

private:
  static constexpr std::size_t most_capacity = 256 * 1024;
  static constexpr std::size_t most_idle = 32;

  std::size_t ceiling_;
  std::size_t used_ = 0;
  std::vector<std::string> idle_;
};

} // namespace letterlock::smtpd
