// CheckPool: checks passwords on threads, because each check takes a fifth of a second by design.
//
// Bounded and fair between origins (fair_queue.h). The pool belongs to the loop's thread: it
// submits and gets the answers in the loop.
#pragma once

#include "authd/fair_queue.h"
#include "common/base/unique_fd.h"
#include "common/conf/password_file.h"
#include "common/io/loop.h"
#include "common/ipc/messages/maildrop.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace letterlock::authd {

class CheckPool {
public:
  // May wait in all, and of one origin; at 0.2 s a check nobody waits much longer than a client's
  // patience.
  static constexpr std::size_t most_waiting = 128;
  static constexpr std::size_t most_of_origin = 16;
  static constexpr unsigned threads = 2;

  // Starts the threads, so it is made after the sandbox is entered. Throws std::system_error.
  explicit CheckPool(io::Loop& loop);
  ~CheckPool(); // lets running checks end; their answers are dropped
  CheckPool(const CheckPool&) = delete;
  CheckPool& operator=(const CheckPool&) = delete;

  // `done` gets whether it matches, from the loop. False: too much waits already.
  [[nodiscard]] bool submit(const std::string& origin, const ipc::PasswordSecret& password,
                            const conf::Verifier& verifier, std::function<void(bool)> done);

private:
  struct Check {
    ipc::PasswordSecret password;
    conf::Verifier verifier;
    std::function<void(bool)> done;
  };
  struct Answer {
    std::function<void(bool)> done;
    bool matches;
  };

  void work();
  void deliver();

  std::mutex mutex_; // guards the three below
  FairQueue<Check> waiting_{most_waiting, most_of_origin};
  std::deque<Answer> answers_;
  bool ending_ = false;
  std::condition_variable more_;
  UniqueFd answered_write_; // constructed before the read end, which makes both
  UniqueFd answered_read_;
  io::FdWatch watch_;
  std::vector<std::thread> threads_;
};

} // namespace letterlock::authd
