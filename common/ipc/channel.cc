// Frames and descriptors over a stream socketpair.
#include "common/ipc/channel.h"

#include "common/ipc/received_descriptor.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace letterlock::ipc {

namespace {

constexpr std::size_t input_size = 64 * 1024; // several of the longest frames
static_assert(input_size >= 2 * (frame_header_size + payload_max));
constexpr int reads_a_turn = 8;               // fairness between the links of a process
constexpr std::size_t descriptors_a_read = 8; // more at once is a breach
// Above this a drained buffer gives its memory back.
constexpr std::size_t keep_capacity = 256 * 1024;

} // namespace

Channel::Channel(UniqueFd socket) : socket_(std::move(socket)), in_(input_size) {
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
}

bool Channel::broken(std::string why) {
  why_ = std::move(why);
  return false;
}

Channel::Received Channel::receive(const std::function<bool(Frame)>& handler) {
  for (int i = 0; i < reads_a_turn; ++i) {
    bool end = false;
    const std::size_t before = in_size_;
    if (!read_once(end))
      return Received::broken;
    if (end)
      return Received::closed;
    if (in_size_ == before)
      return Received::all;
    const bool filled = in_size_ == in_.size();
    if (!hand_over(handler))
      return Received::broken;
    // A short read emptied the socket, or stopped at a descriptor; the loop is level-triggered
    // and asks again for the latter.
    if (!filled)
      return Received::all;
  }
  return Received::more;
}

// Sets END when the peer is gone; false on a breach.
bool Channel::read_once(bool& end) {
  iovec part = {.iov_base = in_.data() + in_size_, .iov_len = in_.size() - in_size_};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int) * descriptors_a_read)];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t count = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  if (count < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
      end = true; // a reset link is a peer that is gone
    return true;
  }
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
      continue;
    const std::size_t descriptors = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < descriptors; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      descriptors_in_.emplace_back(fd);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0)
    return broken("more descriptors at once than any frame carries, or none to be had");
  if (count == 0)
    end = true;
  in_size_ += static_cast<std::size_t>(count);
  return true;
}

bool Channel::hand_over(const std::function<bool(Frame)>& handler) {
  Bytes rest = Bytes(in_).first(in_size_);
  bool next_carries = false;
  while (rest.size() >= frame_header_size) {
    ByteReader reader(rest);
    const FrameHeader header = *FieldCodec<FrameHeader>::read(reader);
    if (header.type >= Messages::size)
      return broken("unknown message type " + std::to_string(header.type));
    if (header.length > payload_max)
      return broken("frame of " + std::to_string(header.length) + " bytes");
    if (header.sequence != sequence_in_)
      return broken("frame out of sequence");
    const Carries carries = carries_of_type(header.type);
    if (header.flags != (carries == Carries::nothing ? 0 : flag_descriptor))
      return broken("wrong flags");
    next_carries = carries != Carries::nothing;
    const auto payload = reader.take(header.length);
    if (!payload)
      break;
    Frame frame{header.type, *payload, UniqueFd()};
    if (next_carries) {
      if (descriptors_in_.empty())
        return broken("missing descriptor");
      frame.descriptor = std::move(descriptors_in_.front());
      descriptors_in_.pop_front();
      if (!is_what_it_should_be(carries, frame.descriptor.get()))
        return broken("wrong kind of descriptor");
    }
    ++sequence_in_;
    next_carries = false;
    if (!handler(std::move(frame)))
      return broken("message " + std::string(name_of_type(header.type)) + " refused");
    rest = rest.subspan(frame_header_size + header.length);
  }
  // A descriptor comes with the first byte of its frame, so at most the partial frame's own can
  // be waiting; before the header is whole nobody can tell.
  const bool header_seen = rest.size() >= frame_header_size;
  const std::size_t allowed = rest.empty() ? 0 : header_seen ? std::size_t{next_carries} : 1;
  if (descriptors_in_.size() > allowed)
    return broken("surplus descriptor");
  std::memmove(in_.data(), rest.data(), rest.size());
  in_size_ = rest.size();
  return true;
}

Channel::Flushed Channel::flush() {
  while (pending() > 0) {
    // A descriptor's frame begins a write of its own, so that the receiver's kernel delivers the
    // descriptor with the frame's first byte and not before.
    std::size_t end = out_.size();
    int descriptor = -1;
    if (!descriptors_out_.empty()) {
      if (descriptors_out_.front().position == sent_) {
        descriptor = descriptors_out_.front().descriptor.get();
        if (descriptors_out_.size() > 1)
          end = descriptors_out_[1].position;
      } else {
        end = descriptors_out_.front().position;
      }
    }
    iovec part = {.iov_base = out_.data() + sent_, .iov_len = end - sent_};
    alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))]{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* const c = CMSG_FIRSTHDR(&message);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
    }
    const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR)
        continue;
      // ENOBUFS (OpenBSD) and ETOOMANYREFS (too many descriptors in flight) pass, like EAGAIN.
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ETOOMANYREFS) {
        forget_sent();
        return Flushed::blocked;
      }
      return Flushed::closed;
    }
    if (descriptor >= 0)
      descriptors_out_.pop_front();
    sent_ += static_cast<std::size_t>(count);
  }
  if (std::exchange(secret_out_, false))
    wipe_memory(out_.data(), out_.size());
  out_.clear();
  sent_ = 0;
  if (out_.capacity() > keep_capacity)
    out_.shrink_to_fit();
  return Flushed::all;
}

// Moves what waits to the front once that is the smaller part, so that a slow peer does not make
// the buffer grow by what it has taken already.
void Channel::forget_sent() {
  if (sent_ < out_.size() / 2)
    return;
  out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
  for (Outgoing& outgoing : descriptors_out_)
    outgoing.position -= sent_;
  sent_ = 0;
}

} // namespace letterlock::ipc
