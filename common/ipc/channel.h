// Channel: frames and descriptors over one stream socketpair, without knowledge of what they mean.
//
// A passive object: its owner calls receive() when the socket is readable and flush() when there
// is something to send and the socket may take it. Any breach of the framing (unknown type, length
// over the bound, a gap in the sequence, a missing, surplus or wrong descriptor) makes receive()
// answer `broken`, and the owner closes the link: never the process.
#pragma once

#include "common/base/unique_fd.h"
#include "common/ipc/frame.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

namespace letterlock::ipc {

struct Frame {
  std::uint16_t type{};
  Bytes payload;       // valid until the handler returns
  UniqueFd descriptor; // already checked to be what the type carries
};

class Channel {
public:
  // The socket is switched to non-blocking.
  explicit Channel(UniqueFd socket);

  int fd() const { return socket_.get(); }

  enum class Received : std::uint8_t {
    all,    // nothing more to read now
    more,   // the fairness bound was reached; call again in the next turn
    closed, // the peer is gone
    broken, // the peer broke the framing; why() says how
  };
  // Reads what is there and hands over each whole frame. The handler answers false to refuse a
  // frame (a type that is not routed, a payload that does not decode): that is `broken`.
  Received receive(const std::function<bool(Frame)>& handler);

  // Queues a message. With a descriptor exactly if its type carries one; that is checked where
  // the type is known (Link). False, and nothing queued, when hard_limit bytes wait already.
  template <Message M>
  [[nodiscard]] bool queue(const M& message, UniqueFd descriptor = UniqueFd()) {
    if (pending() > hard_limit)
      return false;
    if (descriptor)
      descriptors_out_.push_back({out_.size(), std::move(descriptor)});
    write_frame(out_, message, sequence_out_++);
    secret_out_ = secret_out_ || holds_secret<M>;
    return true;
  }

  enum class Flushed : std::uint8_t { all, blocked, closed };
  Flushed flush();

  std::size_t pending() const { return out_.size() - sent_; }
  // Descriptors that are queued and not sent.
  std::size_t descriptors_pending() const { return descriptors_out_.size(); }
  // Senders stop starting new work while more than this waits, in bytes.
  static constexpr std::size_t high_water = 1u << 20;
  // What a sender that does not stop is refused at.
  static constexpr std::size_t hard_limit = 8u << 20;

  const std::string& why() const { return why_; }

private:
  bool read_once(bool& end);
  bool hand_over(const std::function<bool(Frame)>& handler);
  bool broken(std::string why);
  void forget_sent();

  struct Outgoing {
    std::size_t position; // of the first byte of its frame in out_
    UniqueFd descriptor;
  };

  UniqueFd socket_;
  Buffer in_;                           // at most one partial frame between calls
  std::size_t in_size_ = 0;             // bytes of in_ that are filled
  std::deque<UniqueFd> descriptors_in_; // at most those of the frames in in_
  std::uint64_t sequence_in_ = 0;
  Buffer out_;
  std::size_t sent_ = 0;
  bool secret_out_ = false; // something in out_ is to be wiped once it is sent
  std::deque<Outgoing> descriptors_out_;
  std::uint64_t sequence_out_ = 0;
  std::string why_;
};

} // namespace letterlock::ipc
