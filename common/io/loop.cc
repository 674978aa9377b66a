// The event loop on libevent's raw events.
#include "common/io/loop.h"

#include <event2/event.h>

#include <stdexcept>
#include <utility>

namespace letterlock::io {

namespace {

detail::EventPtr make_event(Loop& loop, int fd, short what, event_callback_fn callback,
                            void* argument) {
  detail::EventPtr e(event_new(loop.base(), fd, what, callback, argument));
  if (!e)
    throw std::bad_alloc();
  return e;
}

void set_wanted(event* e, bool& state, bool wanted) {
  if (state == wanted)
    return;
  if (wanted ? event_add(e, nullptr) == 0 : event_del(e) == 0)
    state = wanted;
}

} // namespace

void detail::EventDeleter::operator()(event* e) const {
  event_free(e);
}

Loop::Loop() : base_(event_base_new()) {
  if (base_ == nullptr)
    throw std::runtime_error("cannot make an event loop");
}

Loop::~Loop() {
  event_base_free(base_);
}

void Loop::run() {
  while (!stopped_)
    turn();
}

void Loop::turn() {
  ++turns_;
  run_deferred();
  if (stopped_)
    return;
  // 1: nothing is waited for, so nothing can ever happen any more.
  if (event_base_loop(base_, EVLOOP_ONCE) == 1)
    stopped_ = true;
  run_deferred();
}

// Work that is scheduled while this runs is done in the same round: an answer to an answer still
// leaves in this turn. Every such chain ends at a socket, so it cannot go on for ever.
void Loop::run_deferred() {
  while (first_ != nullptr) {
    Deferred* const work = first_;
    work->unlink();
    const auto callback = work->work_; // which may destroy its Deferred
    callback();
  }
}

Deferred::Deferred(Loop& loop, std::function<void()> work) : loop_(loop), work_(std::move(work)) {}

Deferred::~Deferred() {
  cancel();
}

void Deferred::cancel() {
  if (scheduled_)
    unlink();
}

void Deferred::schedule() {
  if (scheduled_)
    return;
  scheduled_ = true;
  previous_ = loop_.last_;
  next_ = nullptr;
  (previous_ != nullptr ? previous_->next_ : loop_.first_) = this;
  loop_.last_ = this;
}

void Deferred::unlink() {
  (previous_ != nullptr ? previous_->next_ : loop_.first_) = next_;
  (next_ != nullptr ? next_->previous_ : loop_.last_) = previous_;
  next_ = previous_ = nullptr;
  scheduled_ = false;
}

FdWatch::FdWatch(Loop& loop, int fd, Callback on_readable, Callback on_writable)
    : on_readable_(std::move(on_readable)), on_writable_(std::move(on_writable)),
      read_(make_event(loop, fd, EV_READ | EV_PERSIST, fired, this)),
      write_(make_event(loop, fd, EV_WRITE | EV_PERSIST, fired, this)) {}

void FdWatch::want_read(bool wanted) {
  set_wanted(read_.get(), reading_, wanted);
}

void FdWatch::want_write(bool wanted) {
  set_wanted(write_.get(), writing_, wanted);
}

// The two events are apart, so one call has one reason; the callback may destroy this object, so
// nothing is touched after it.
void FdWatch::fired(int, short what, void* self) {
  auto* const watch = static_cast<FdWatch*>(self);
  const Callback callback = (what & EV_READ) != 0 ? watch->on_readable_ : watch->on_writable_;
  callback();
}

Timer::Timer(Loop& loop, std::function<void()> callback)
    : callback_(std::move(callback)), event_(make_event(loop, -1, 0, fired, this)) {}

void Timer::start(std::chrono::milliseconds after) {
  const timeval wait = {.tv_sec = static_cast<time_t>(after.count() / 1000),
                        .tv_usec = static_cast<suseconds_t>(after.count() % 1000 * 1000)};
  event_add(event_.get(), &wait);
}

void Timer::stop() {
  event_del(event_.get());
}

bool Timer::running() const {
  return event_pending(event_.get(), EV_TIMEOUT, nullptr) != 0;
}

void Timer::fired(int, short, void* self) {
  const auto callback = static_cast<Timer*>(self)->callback_;
  callback();
}

SignalWatch::SignalWatch(Loop& loop, int signal, std::function<void()> callback)
    : callback_(std::move(callback)),
      event_(make_event(loop, signal, EV_SIGNAL | EV_PERSIST, fired, this)) {
  event_add(event_.get(), nullptr);
}

void SignalWatch::fired(int, short, void* self) {
  const auto callback = static_cast<SignalWatch*>(self)->callback_;
  callback();
}

} // namespace letterlock::io
