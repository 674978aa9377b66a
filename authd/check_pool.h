// CheckPool: checks passwords on threads, because each check takes a fifth of a second by design.
//
// Bounded and fair between networks and addresses (fair_queue.h). The pool belongs to the loop's
// thread: it submits and gets the answers in the loop.
#pragma once

#include "authd/fair_queue.h"
#include "common/base/unique_fd.h"
#include "common/conf/password_file.h"
#include "common/io/loop.h"
#include "common/ipc/messages/maildrop.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace letterlock::authd {

// Who waits for an answer: a session of one pop3d, over one link to it.
struct Asker {
  std::uint16_t instance;
  std::uint32_t serial;
  std::uint64_t session;
};

enum class Verdict : std::uint8_t {
  matches,
  differs,
  no_place, // it was not checked: too much waits already
};

class CheckPool {
public:
  // May wait in all, of one network and of one address; at 0.2 s a check nobody waits much longer
  // than a client's patience.
  static constexpr std::size_t most_waiting = 128;
  static constexpr std::size_t most_of_network = 64;
  static constexpr std::size_t most_of_address = 16;
  static constexpr unsigned threads = 2;

  // Starts the threads, so it is made after the sandbox is entered. Throws std::system_error.
  explicit CheckPool(io::Loop& loop);
  ~CheckPool(); // lets running checks end; their answers are dropped
  CheckPool(const CheckPool&) = delete;
  CheckPool& operator=(const CheckPool&) = delete;

  // `done` gets the verdict, once, from the loop or from inside a call to submit().
  void submit(const Origin& origin, const Asker& asker, const ipc::PasswordSecret& password,
              const conf::Verifier& verifier, std::function<void(Verdict)> done);
  // Those who asked have gone: what of theirs is not under way is not checked, and `done` of it not
  // called.
  void forget(const std::function<bool(const Asker&)>& gone);

private:
  struct Check {
    Asker asker;
    ipc::PasswordSecret password;
    conf::Verifier verifier;
    std::function<void(Verdict)> done;
  };
  struct Answer {
    std::function<void(Verdict)> done;
    bool matches;
  };

  void work();
  void deliver();

  std::mutex mutex_; // guards the three below
  FairQueue<Check> waiting_{{most_waiting, most_of_network, most_of_address}};
  std::deque<Answer> answers_;
  bool ending_ = false;
  std::condition_variable more_;
  UniqueFd answered_write_; // constructed before the read end, which makes both
  UniqueFd answered_read_;
  io::FdWatch watch_;
  std::vector<std::thread> threads_;
};

} // namespace letterlock::authd
