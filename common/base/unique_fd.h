// UniqueFd: the one owner of a file descriptor.
//
// A descriptor lives in exactly one UniqueFd and is closed with it. Everything else in the tree
// borrows the number through get() and never closes it.
#pragma once

#include <unistd.h>

#include <utility>

namespace letterlock {

class UniqueFd {
public:
  UniqueFd() = default;
  // Takes ownership; -1 stands for "none".
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // Hands the number, and the duty to close it, to the caller.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  // close(2) is not repeated after EINTR: the descriptor is gone on every system we run on.
  void reset() {
    if (fd_ >= 0)
      ::close(std::exchange(fd_, -1));
  }

private:
  int fd_ = -1;
};

} // namespace letterlock
