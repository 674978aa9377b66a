// Rollout: brings all children to a new generation, or none.
//
//   idle -> store: queued prepares, and says the ids of the accounts
//        -> rest: the others prepare
//        -> switching: everybody switches; there is no way back
//        -> idle
//
// A refusal, a death or a silence before `switching` ends it: those that prepared discard, and the
// generation in use goes on serving.
#pragma once

#include "letterlockd/child.h"

#include <functional>
#include <memory>
#include <set>
#include <vector>

namespace letterlock::letterlockd {

class Rollout {
public:
  using Children = std::vector<std::unique_ptr<Child>>;
  // Success: every child that lives has switched. An error says who refused and why.
  using Done = std::function<void(Expected<void>)>;

  Rollout(io::Loop& loop, const Children& children, unsigned workers)
      : children_(children), workers_(workers), silence_(loop, [this] { silent(); }) {}

  bool running() const { return phase_ != Phase::idle; }
  // All children must be up. `generation` must live until `done`; its account ids are filled in.
  // queued may take STORE_PATIENCE to open its store; each later step has a patience of its own.
  void begin(Generation& generation, std::chrono::milliseconds store_patience, Done done);

  // True if the message was an answer to this rollout.
  bool prepared(Child& child, const ipc::Prepared& message);
  bool switched(Child& child, const ipc::Switched& message);
  void account_id(const ipc::AccountId& message);
  // The child has died.
  void gone(Child& child);
  // The service stops: nobody is waited for any more, and `done` is not called.
  void abandon();

private:
  enum class Phase : std::uint8_t { idle, store, rest, switching };

  // False: it is over.
  bool give(Child& child);
  void prepare_rest();
  void switch_all();
  void refuse(const std::string& why);
  void finish(Expected<void> result);
  void silent();

  const Children& children_;
  const unsigned workers_;
  Phase phase_ = Phase::idle;
  Generation* generation_ = nullptr;
  Done done_;
  std::set<Child*> begun_;   // have been given the generation
  std::set<Child*> awaited_; // whose answer is missing in this phase
  io::Timer silence_;
};

} // namespace letterlock::letterlockd
