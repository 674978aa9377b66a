// Link<Self, Peer>: the typed end, in process Self, of the link to process Peer.
//
// What may be sent and what must be handled are read from routes.h: send() of a message that Self
// may not send to Peer does not compile, and neither does a link to a handler that lacks an on()
// for a message that Peer may send. Frames queued during a turn of the loop leave in one write at
// its end.
//
// A breach by the peer, or its end, closes the link and nothing else: the owner is told once, from
// the loop, and may then destroy it.
#pragma once

#include "common/io/loop.h"
#include "common/ipc/channel.h"
#include "common/ipc/routes.h"

#include <array>
#include <functional>
#include <string>
#include <utility>

namespace letterlock::ipc {

// A handler takes a message as on(const M&), or on(const M&, UniqueFd) if it carries a descriptor.
template <class Handler, class M>
concept Handles =
    (M::carries == Carries::nothing &&
     requires(Handler& handler, const M& message) { handler.on(message); }) ||
    (M::carries != Carries::nothing && requires(Handler& handler, const M& message, UniqueFd fd) {
      handler.on(message, std::move(fd));
    });

template <class Handler, class List> inline constexpr bool handles_all = false;
template <class Handler, class... Ms>
inline constexpr bool handles_all<Handler, TypeList<Ms...>> = (Handles<Handler, Ms> && ...);

// Decodes a frame into the message of its type, if FROM may send it to TO, and calls the handler.
// False refuses the frame.
template <Role From, Role To, class Handler> bool dispatch(Handler& handler, Frame frame) {
  static_assert(handles_all<Handler, route<From, To>>,
                "the handler lacks an on() for a message that the peer may send");
  using Call = bool (*)(Handler&, Frame&);
  static constexpr auto calls = [] {
    std::array<Call, Messages::size> table{};
    for_each_type(route<From, To>{}, [&](auto m) {
      using M = typename decltype(m)::type;
      table[type_number<M>] = [](Handler& h, Frame& f) {
        const auto message = read_payload<M>(f.payload);
        if (!message)
          return false;
        if constexpr (M::carries == Carries::nothing)
          h.on(*message);
        else
          h.on(*message, std::move(f.descriptor));
        return true;
      };
    });
    return table;
  }();
  const Call call = calls[frame.type];
  return call != nullptr && call(handler, frame);
}

template <Role Self, Role Peer> class Link {
  static_assert(are_linked(Self, Peer), "the two have no route");

public:
  // `handler` must outlive the link. `on_closed` gets the reason, empty when the peer just ended.
  template <class Handler>
  Link(io::Loop& loop, UniqueFd socket, Handler& handler,
       std::function<void(const std::string& why)> on_closed)
      : channel_(std::move(socket)), dispatch_([this, &handler](Frame frame) {
          return dispatch<Peer, Self>(handler, std::move(frame)) && !closed_;
        }),
        on_closed_(std::move(on_closed)),
        watch_(
            loop, channel_.fd(), [this] { readable(); }, [this] { flush(); }),
        flush_(loop, [this] { flush(); }), ending_(loop, [this] { end(); }),
        closing_(loop, [this] { tell_closed(); }) {
    watch_.want_read(true);
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // False when the link is closed or the peer takes nothing any more; the message is not sent.
  template <Message M>
    requires(Routed<Self, Peer, M> && M::carries == Carries::nothing)
  bool send(const M& message) {
    return enqueue(message, UniqueFd());
  }
  template <Message M>
    requires(Routed<Self, Peer, M> && M::carries != Carries::nothing)
  bool send(const M& message, UniqueFd descriptor) {
    return descriptor && enqueue(message, std::move(descriptor));
  }

  // Whoever starts new work for this link waits while it is full.
  bool full() const { return channel_.pending() > Channel::high_water; }
  // Descriptors that wait to be sent; who answers requests with descriptors refuses some then.
  std::size_t descriptors_waiting() const { return channel_.descriptors_pending(); }
  // Called from the loop each time that everything queued has left.
  void when_drained(std::function<void()> callback) { on_drained_ = std::move(callback); }

  bool closed() const { return closed_; }
  // The peer broke a rule that only the owner can see; nothing more is read from it.
  void refuse(std::string why) { close(std::move(why)); }
  // Takes what has arrived, before the link is given up: as much as fits into any socket, and not
  // what a peer that is still there goes on sending.
  void drain() {
    constexpr int turns = 8;
    for (int turn = 0; turn < turns && !closed_ && readable(); ++turn) {
    }
  }
  // Sends what is queued as far as the peer takes it at once.
  void flush() {
    if (closed_)
      return;
    switch (channel_.flush()) {
    case Channel::Flushed::all:
      watch_.want_write(false);
      if (on_drained_)
        on_drained_();
      return;
    case Channel::Flushed::blocked:
      watch_.want_write(true);
      return;
    case Channel::Flushed::closed:
      watch_.want_write(false);
      ending_.schedule();
      return;
    }
  }

private:
  template <Message M> bool enqueue(const M& message, UniqueFd descriptor) {
    if (closed_)
      return false;
    if (!channel_.queue(message, std::move(descriptor))) {
      close("the peer does not read");
      return false;
    }
    flush_.schedule();
    return true;
  }

  // Whether there is more; the loop is level-triggered, and asks again by itself.
  bool readable() {
    switch (channel_.receive(dispatch_)) {
    case Channel::Received::all:
      return false;
    case Channel::Received::more:
      return true;
    case Channel::Received::closed:
      close("");
      return false;
    case Channel::Received::broken:
      close(channel_.why());
      return false;
    }
    return false; // not reached: the switch is complete
  }

  // The peer takes nothing any more. What it said before counts.
  void end() {
    drain();
    close("");
  }

  void close(std::string why) {
    if (closed_)
      return;
    closed_ = true;
    why_ = std::move(why);
    watch_.want_read(false);
    watch_.want_write(false);
    closing_.schedule();
  }

  // The owner may destroy the link in the call.
  void tell_closed() {
    const auto callback = on_closed_;
    const std::string why = why_;
    callback(why);
  }

  Channel channel_;
  std::function<bool(Frame)> dispatch_;
  std::function<void(const std::string&)> on_closed_;
  std::function<void()> on_drained_;
  io::FdWatch watch_;
  io::Deferred flush_;
  io::Deferred ending_;
  io::Deferred closing_;
  bool closed_ = false;
  std::string why_;
};

} // namespace letterlock::ipc
