// An SMTP responder that does nothing with what it is sent: the most that the load generator and
// the kernel can do, to hold a real server's figures against.
//
// Listens on 127.0.0.1, on a free port that it prints, until it is ended by a signal.
#include "common/base/unique_fd.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using letterlock::UniqueFd;

namespace {

constexpr std::size_t most_connections = 1000;

class Session {
public:
  explicit Session(UniqueFd socket) : socket_(std::move(socket)) { answer("220 null ESMTP\r\n"); }

  int descriptor() const { return socket_.get(); }

  // False when the connection is over.
  bool read() {
    std::array<char, 16384> buffer;
    const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0)
      return errno == EAGAIN || errno == EINTR;
    if (count == 0)
      return false;
    input_.append(buffer.data(), static_cast<std::size_t>(count));
    std::string replies;
    while (step(replies)) {
    }
    return answer(replies) && !over_;
  }

private:
  // Takes one command, or the content up to its end, from the input. False: more is needed.
  bool step(std::string& replies) {
    constexpr std::string_view end_of_data = "\r\n.\r\n";
    const std::size_t end = input_.find(in_content_ ? end_of_data : "\r\n");
    if (end == std::string::npos)
      return false;
    if (in_content_) {
      input_.erase(0, end + end_of_data.size());
      in_content_ = false;
      replies += "250 OK\r\n";
      return true;
    }
    const std::string verb = input_.substr(0, 4);
    input_.erase(0, end + 2);
    in_content_ = verb == "DATA";
    over_ = verb == "QUIT";
    if (verb == "EHLO")
      replies += "250-null\r\n250 PIPELINING\r\n";
    else
      replies += in_content_ ? "354 Go ahead\r\n" : over_ ? "221 Bye\r\n" : "250 OK\r\n";
    return true;
  }

  // A client that does not take the short replies is dropped.
  bool answer(std::string_view text) {
    return text.empty() || ::send(socket_.get(), text.data(), text.size(),
                                  MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }

  UniqueFd socket_;
  std::string input_;
  bool in_content_ = false;
  bool over_ = false;
};

UniqueFd listen_on_loopback() {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!socket || ::bind(socket.get(), generic, size) != 0 || ::listen(socket.get(), 1024) != 0 ||
      ::getsockname(socket.get(), generic, &size) != 0)
    throw std::runtime_error("cannot listen on 127.0.0.1");
  std::printf("%u\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return socket;
}

void serve() {
  const UniqueFd listener = listen_on_loopback();
  std::vector<Session> sessions;
  std::vector<pollfd> polled;
  for (;;) {
    const bool room = sessions.size() < most_connections;
    polled.assign(1, {room ? listener.get() : -1, POLLIN, 0});
    for (const Session& session : sessions)
      polled.push_back({session.descriptor(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), -1) < 0)
      continue; // a signal that is no end
    for (std::size_t i = sessions.size(); i-- > 0;)
      if (polled[i + 1].revents != 0 && !sessions[i].read())
        sessions.erase(sessions.begin() + static_cast<std::ptrdiff_t>(i));
    if (polled[0].revents != 0) {
      UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      const int on = 1;
      if (socket && ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
        sessions.emplace_back(std::move(socket));
    }
  }
}

} // namespace

int main() {
  try {
    serve();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "null_responder: %s\n", error.what());
  }
  return EXIT_FAILURE;
}
