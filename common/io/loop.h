// The event loop of a process, and the things that wait in it: descriptors, timers, signals, and
// work put off to the end of the turn.
//
// One loop a process, used by its main thread alone. The waiting objects are owned by whoever
// created them and stop waiting when they go; they may be destroyed from inside any callback,
// their own included. With tls_server, this is the only place that names libevent's functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

struct event;
struct event_base;

namespace letterlock::io {

class Deferred;

class Loop {
public:
  // Throws std::runtime_error if the system has no descriptor for it. To be made before the
  // sandbox is entered.
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(), or until there is nothing left to wait for. Deferred work runs at the end of
  // every turn.
  void run();
  void stop() { stopped_ = true; }
  // One turn: waits for an event if there is no deferred work.
  void turn();
  // How many turns there have been, the present one included.
  std::uint64_t turns() const { return turns_; }

  event_base* base() const { return base_; }

private:
  friend class Deferred;
  void run_deferred();

  event_base* base_;
  Deferred* first_ = nullptr; // what is scheduled, in order
  Deferred* last_ = nullptr;
  std::uint64_t turns_ = 0;
  bool stopped_ = false;
};

// Work for the end of the turn, however often it is scheduled in it: so that many answers leave in
// one write.
class Deferred {
public:
  Deferred(Loop& loop, std::function<void()> work);
  ~Deferred();
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  void schedule();
  // It is done already.
  void cancel();

private:
  friend class Loop;
  void unlink();

  Loop& loop_;
  std::function<void()> work_;
  Deferred* next_ = nullptr;
  Deferred* previous_ = nullptr;
  bool scheduled_ = false;
};

namespace detail {
struct EventDeleter {
  void operator()(event* e) const;
};
using EventPtr = std::unique_ptr<event, EventDeleter>;
} // namespace detail

// Waits for a descriptor, which it does not own, to become readable or writable (level-triggered).
class FdWatch {
public:
  using Callback = std::function<void()>;
  FdWatch(Loop& loop, int fd, Callback on_readable, Callback on_writable = {});
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  // Cheap when nothing changes.
  void want_read(bool wanted);
  void want_write(bool wanted);

private:
  static void fired(int fd, short what, void* self);
  Callback on_readable_;
  Callback on_writable_;
  detail::EventPtr read_;
  detail::EventPtr write_;
  bool reading_ = false;
  bool writing_ = false;
};

// Calls back once after a while; starting again moves the time.
class Timer {
public:
  Timer(Loop& loop, std::function<void()> callback);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start(std::chrono::milliseconds after);
  void stop();
  bool running() const;

private:
  static void fired(int fd, short what, void* self);
  std::function<void()> callback_;
  detail::EventPtr event_;
};

// Calls back, in the loop, after a signal to this process.
class SignalWatch {
public:
  SignalWatch(Loop& loop, int signal, std::function<void()> callback);
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

private:
  static void fired(int fd, short what, void* self);
  std::function<void()> callback_;
  detail::EventPtr event_;
};

} // namespace letterlock::io
