// Moving bytes between sockets and handlers.
#include "common/io/connection.h"

#include "common/base/secret.h"
#include "common/os/hold_back.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace letterlock::io {

namespace {

// Shared by all connections of the process's one loop: no connection holds it across turns.
std::array<std::byte, 64 * 1024> read_buffer;
constexpr int tls_reads_a_turn = 4; // of at most one TLS record, 16 KiB, each

} // namespace

Connection::Connection(Loop& loop, UniqueFd socket, ConnectionHandler& handler)
    : handler_(handler), socket_(std::move(socket)), watch_(
                                                         loop, socket_.get(),
                                                         [this] {
                                                           readable_ = true;
                                                           pump();
                                                         },
                                                         [this] {
                                                           needs_write_ = false;
                                                           pump();
                                                         }),
      pump_(loop, [this] { pump(); }), again_(loop, [this] { pump(); }),
      patience_(loop, [this] { end(""); }) {
  // Replies leave as they are written: the loop has batched them already.
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Connection::start_tls(const TlsServer& server) {
  tls_wanted_ = server;
  update();
}

void Connection::finish(std::chrono::milliseconds linger) {
  if (finish_wanted_)
    return;
  finish_wanted_ = true;
  linger_ = linger;
  // The peer may also not take what is still to be sent.
  patience_.start(linger);
  update();
}

void Connection::abort(std::string_view why) {
  why_ = why;
  phase_ = Phase::closed;
  update();
}

// Hands in or reads what is wanted, then sends, until nothing moves. What is at hand goes in before
// anything is sent, so that all answers to it leave together. One read a turn: a connection that
// always has input does not keep the others waiting.
void Connection::pump() {
  if (phase_ == Phase::closed)
    return end(why_);
  bool may_read = true;
  for (bool moved = true; moved;) {
    moved = false;
    // Nothing can be said any more, and there is nothing to wait for.
    if (phase_ == Phase::handshaking && finish_wanted_)
      return end("TLS handshake: given up");
    if (phase_ == Phase::handshaking && !handshake())
      break;
    if (phase_ == Phase::open) {
      const bool took_input = takes_input();
      if (took_input) {
        if (const std::size_t before = left_.size(); before > 0) {
          std::string bytes = std::exchange(left_, {});
          if (!feed(std::as_writable_bytes(std::span(bytes))))
            return;
          moved = left_.size() < before;
          // More that is at hand may still be wanted now; its answers leave with these.
          if (moved && !left_.empty() && takes_input())
            continue;
        } else if (may_read && !input_ended_ && (readable_ || more_inside_)) {
          may_read = false;
          if (!read_input())
            return;
          moved = true;
        }
      }
      if (!write_output())
        return;
      // All that came has been taken and answered, and nothing more will come.
      if (input_ended_ && left_.empty() && takes_input() && handler_.output().empty())
        return end("");
      // What had to leave before more was wanted has left.
      moved = moved || (!took_input && takes_input());
      if (handler_.output().empty() && (tls_wanted_ || finish_wanted_)) {
        leave_open();
        moved = true;
        continue;
      }
    }
    if ((phase_ == Phase::finishing || phase_ == Phase::lingering) && !close_down())
      return;
    if (phase_ == Phase::closed)
      return end(why_);
  }
  if (phase_ != Phase::closed)
    set_interest();
}

bool Connection::takes_input() const {
  return !tls_wanted_ && !finish_wanted_ && handler_.wants_input();
}

// All is said that was to be said before.
void Connection::leave_open() {
  if (tls_wanted_) {
    forget_left();
    tls_ = std::exchange(tls_wanted_, std::nullopt)->accept(socket_.get());
    phase_ = Phase::handshaking;
  } else {
    phase_ = Phase::finishing;
  }
}

// False: the connection has ended.
bool Connection::write_output() {
  needs_write_ = false;
  if (finish_wanted_ && !held_back_ && !handler_.output().empty()) {
    os::hold_back_last_segment(socket_.get());
    held_back_ = true;
  }
  for (std::string_view output = handler_.output(); !output.empty(); output = handler_.output()) {
    std::size_t count = 0;
    if (tls_) {
      const TlsResult result = tls_->write(as_bytes(output));
      switch (note(result)) {
      case Moved::blocked:
        return true;
      case Moved::ended:
        return end(tls_->reason().view()), false;
      case Moved::some:
        count = result.bytes;
        break;
      }
    } else {
      const ssize_t sent = ::send(socket_.get(), output.data(), output.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR)
        continue;
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        needs_write_ = true;
        return true;
      }
      if (sent < 0)
        return end(Error::system("send").text), false;
      count = static_cast<std::size_t>(sent);
    }
    handler_.sent(count);
    if (phase_ == Phase::closed)
      return end(why_), false;
  }
  return true;
}

// False: the connection has ended.
bool Connection::feed(std::span<std::byte> bytes) {
  const std::size_t consumed = handler_.input(bytes);
  left_ = as_text(bytes.subspan(consumed));
  if (handler_.input_is_secret())
    wipe_memory(bytes.data(), bytes.size());
  if (phase_ == Phase::closed)
    return end(why_), false;
  return true;
}

void Connection::forget_left() {
  if (handler_.input_is_secret())
    wipe_memory(left_.data(), left_.size());
  left_.clear();
  left_.shrink_to_fit();
}

// The peer may have closed its half alone and wait for the answers to what it sent.
void Connection::note_end() {
  input_ended_ = true;
  readable_ = more_inside_ = false;
}

// False: the connection has ended.
bool Connection::read_input() {
  if (!tls_) {
    const ssize_t count = ::recv(socket_.get(), read_buffer.data(), read_buffer.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
      readable_ = false;
      return true;
    }
    if (count < 0)
      return end(Error::system("receive").text), false;
    if (count == 0)
      return note_end(), true;
    // Level-triggered: if there is more the loop says so again.
    readable_ = false;
    return feed(std::span(read_buffer).first(static_cast<std::size_t>(count)));
  }
  std::size_t size = 0;
  more_inside_ = true;
  for (int i = 0; i < tls_reads_a_turn && size < read_buffer.size(); ++i) {
    const TlsResult result = tls_->read(std::span(read_buffer).subspan(size));
    const Moved moved = note(result);
    if (moved == Moved::blocked) {
      // Only ever for the peer: OpenSSL puts off what it has to say of its own when it reads, such
      // as new keys (RFC 8446 §4.6.3), to the next write.
      more_inside_ = readable_ = false;
      break;
    }
    if (moved == Moved::ended) {
      // What came before the end is handed in first; the end is met again at the next read.
      if (size > 0)
        break;
      if (result.state == TlsState::end)
        return note_end(), true;
      return end(tls_->reason().view()), false;
    }
    size += result.bytes;
  }
  return size == 0 || feed(std::span(read_buffer).first(size));
}

// True when the connection is open, inside TLS.
bool Connection::handshake() {
  const TlsResult result = tls_->handshake();
  switch (note(result)) {
  case Moved::blocked:
    return false;
  case Moved::ended:
    why_ = "TLS handshake: " + std::string(tls_->reason().view());
    phase_ = Phase::closed;
    pump_.schedule();
    return false;
  case Moved::some:
    break;
  }
  phase_ = Phase::open;
  more_inside_ = true;
  handler_.tls_established(*tls_);
  return true;
}

// False: the connection has ended, or waits for the peer.
bool Connection::close_down() {
  if (phase_ == Phase::finishing) {
    if (tls_ && note(tls_->close()) == Moved::blocked)
      return set_interest(), false;
    // Lets go of what was held back, too.
    ::shutdown(socket_.get(), SHUT_WR);
    phase_ = Phase::lingering;
    readable_ = true; // perhaps
  }
  // Until the peer closes too, or patience_ ends.
  for (int i = 0; i < tls_reads_a_turn; ++i) {
    const ssize_t count = ::recv(socket_.get(), read_buffer.data(), read_buffer.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
      readable_ = false;
      return set_interest(), false;
    }
    if (count <= 0)
      return end(""), false;
  }
  return set_interest(), false;
}

Connection::Moved Connection::note(const TlsResult& result) {
  needs_read_ = result.state == TlsState::want_read;
  needs_write_ = needs_write_ || result.state == TlsState::want_write;
  switch (result.state) {
  case TlsState::done:
    return Moved::some;
  case TlsState::want_read:
  case TlsState::want_write:
    return Moved::blocked;
  case TlsState::end:
  case TlsState::failed:
    return Moved::ended;
  }
  return Moved::ended;
}

// Interest in reading that ends is left as it is until the socket shows something: most often the
// client waits for an answer, and the next thing is that input is wanted again.
void Connection::set_interest() {
  // What the handler has asked for meanwhile was looked at.
  pump_.cancel();
  const bool wants = phase_ == Phase::open && takes_input() && !input_ended_;
  if (wants && more_inside_)
    again_.start(std::chrono::milliseconds(0));
  if ((wants && left_.empty()) || phase_ == Phase::lingering ||
      (needs_read_ && phase_ != Phase::open))
    watch_.want_read(true);
  else if (readable_ || input_ended_)
    watch_.want_read(false);
  watch_.want_write(needs_write_);
}

void Connection::end(std::string_view why) {
  phase_ = Phase::closed;
  watch_.want_read(false);
  watch_.want_write(false);
  again_.stop();
  patience_.stop();
  forget_left();
  const std::string reason(why);
  handler_.closed(reason);
}

} // namespace letterlock::io
