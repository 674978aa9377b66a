// LoadClient: one SMTP connection of the load generator, which sends messages one after the other.
//
// It speaks as a good client does: MAIL, RCPT and DATA in one packet (PIPELINING, RFC 2920), the
// content once 354 is there. Passive: the owner polls the socket and calls in.
#pragma once

#include "common/base/unique_fd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace letterlock::bench {

// What all clients of a run share.
struct Work {
  std::uint16_t port;
  std::string envelope; // MAIL, RCPT and DATA
  std::string content;  // with the dot at its end
  unsigned unclaimed;   // messages that no client has taken on yet
  unsigned accepted = 0;
};

class LoadClient {
public:
  // Connects to 127.0.0.1. Everything that goes wrong throws std::runtime_error: a benchmark with
  // errors measures nothing.
  explicit LoadClient(Work& work) : work_(work) { connect(); }

  bool done() const { return !socket_; }
  pollfd interest() const {
    const bool writing = sent_ < output_.size();
    return {socket_.get(), static_cast<short>(writing ? POLLIN | POLLOUT : POLLIN), 0};
  }

  void ready() {
    receive();
    if (!done())
      flush();
  }

private:
  // A server may bound the messages of a connection; the next one then needs a new connection.
  static constexpr unsigned messages_a_connection = 100;
  enum class Stage : std::uint8_t { greeting, hello, envelope, content, bye };

  void connect() {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(work_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
      throw std::runtime_error("cannot connect to port " + std::to_string(work_.port));
    socket_ = std::move(socket);
    stage_ = Stage::greeting;
    input_.clear();
    messages_ = 0;
  }

  void receive() {
    std::array<char, 4096> buffer;
    const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (count <= 0)
      throw std::runtime_error("the server closed the connection");
    input_.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end; !done() && (end = input_.find("\r\n")) != std::string::npos;) {
      const std::string line = input_.substr(0, end);
      input_.erase(0, end + 2);
      // "250-..." is continued; "250 ..." ends the reply (RFC 5321 §4.2.1).
      if (line.size() == 3 || (line.size() > 3 && line[3] == ' '))
        reply(line);
    }
  }

  void reply(const std::string& line) {
    const auto expect = [&line](std::string_view code) {
      if (!line.starts_with(code))
        throw std::runtime_error("the server answered: " + line);
    };
    switch (stage_) {
    case Stage::greeting:
      expect("220");
      say("EHLO bench.example\r\n", Stage::hello);
      return;
    case Stage::hello:
      expect("250");
      return next_message();
    case Stage::envelope:
      if (++replies_ < 3)
        return expect("250");
      expect("354");
      say(work_.content, Stage::content);
      return;
    case Stage::content:
      expect("250");
      ++work_.accepted;
      return next_message();
    case Stage::bye:
      expect("221");
      socket_.reset();
      if (work_.unclaimed > 0)
        connect();
      return;
    }
  }

  void next_message() {
    if (work_.unclaimed == 0 || messages_ == messages_a_connection)
      return say("QUIT\r\n", Stage::bye);
    --work_.unclaimed;
    ++messages_;
    replies_ = 0;
    say(work_.envelope, Stage::envelope);
  }

  void say(std::string_view text, Stage next) {
    output_.assign(text);
    sent_ = 0;
    stage_ = next;
    flush();
  }

  void flush() {
    if (sent_ == output_.size())
      return;
    const ssize_t count = ::send(socket_.get(), output_.data() + sent_, output_.size() - sent_,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0)
      sent_ += static_cast<std::size_t>(count);
    else if (errno != EAGAIN && errno != EINTR)
      throw std::runtime_error("the connection broke");
  }

  Work& work_;
  UniqueFd socket_;
  Stage stage_ = Stage::greeting;
  unsigned messages_ = 0; // on this connection
  unsigned replies_ = 0;  // to the envelope
  std::string input_;
  std::string output_;
  std::size_t sent_ = 0;
};

} // namespace letterlock::bench
