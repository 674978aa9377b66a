// A POP3 server for the files of one directory, on loopback: an example of
// libpop3(3).
//
//   pop3_server [-d] PORT DIRECTORY USER < file with the password in its first
//   line
//
// Each file whose name is a unique id (1 to 70 characters, none of them a
// space) and does not begin with a dot is a message; its lines end in LF. They
// are served in the order of their names. With -d a message that a client
// deletes is removed; without it removing fails. Port 0 takes a free one; the
// first line of output says which.
//
// One thread, one poll(2), no waiting but there. The library parses, remembers,
// replies and keeps the limits; what is left to a program is below: sockets,
// time, passwords and files.
#include "libpop3/session.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pop3 = letterlock::pop3;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t most_clients = 100;
constexpr std::chrono::minutes autologout{10}; // RFC 1939 §3: ten minutes at least

// A descriptor and its end.
class Descriptor {
public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  void reset(int fd = -1) {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = fd;
  }
  int get() const { return fd_; }

private:
  int fd_;
};

// What all clients share.
struct Store {
  Descriptor directory;
  std::string user, password;
  bool may_remove = false;
  bool in_use = false; // one session at a time has the maildrop (RFC 1939 §4)
};

struct Message {
  std::string name;
  std::uint64_t size = 0; // on the wire
};

bool is_unique_id(std::string_view name) {
  return name.size() <= pop3::max_uidl && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= 0x21 && c <= 0x7e; });
}

// The octets that the file has on the wire: each LF becomes CR LF, and a last
// line gets its end. None if it cannot be read, or is something else than a
// file.
std::optional<std::uint64_t> size_on_the_wire(int fd) {
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    return std::nullopt;
  std::uint64_t size = 0;
  char last = '\n';
  std::array<char, 65536> part;
  ssize_t count;
  while ((count = ::read(fd, part.data(), part.size())) > 0) {
    size += static_cast<std::uint64_t>(count);
    for (const char c : std::span(part).first(static_cast<std::size_t>(count)))
      size += std::exchange(last, c) != '\r' && c == '\n'; // gets a CR
  }
  if (count < 0)
    return std::nullopt;
  return size + (last == '\n' ? 0 : 2);
}

// One client: its connection, and the answers to what its session asks for. All
// of them are given in the call; a program whose store takes longer gives them
// later.
class Client final : private pop3::Handler {
public:
  Client(Store& store, int socket)
      : store_(store), socket_(socket),
        session_({.hostname = "localhost", .login_allowed_without_tls = true}, *this) {}
  ~Client() override { release(); }

  int fd() const { return socket_.get(); }
  bool over() const { return over_; }
  Clock::time_point deadline() const { return last_moved_ + autologout; }

  short wanted() const {
    return static_cast<short>((session_.wants_input() && !end_of_input_ ? POLLIN : 0) |
                              (session_.output().empty() ? 0 : POLLOUT));
  }

  void work(short ready) {
    if (Clock::now() >= deadline())
      session_.timed_out();
    if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0)
      receive();
    // Whatever was kept back may be wanted now that output has gone, and the
    // other way round.
    for (bool moved = true; moved && !over_;) {
      const std::size_t consumed = session_.input(input_);
      input_.erase(0, consumed);
      moved = send() || consumed > 0;
    }
    if (session_.output().empty() && (closing_ || (end_of_input_ && session_.wants_input())))
      over_ = true;
  }

private:
  void receive() {
    if (end_of_input_ || !session_.wants_input())
      return;
    std::array<char, 4096> part;
    const ssize_t count = ::recv(fd(), part.data(), part.size(), 0);
    if (count > 0) {
      input_.append(part.data(), static_cast<std::size_t>(count));
      last_moved_ = Clock::now();
    } else if (count == 0) {
      end_of_input_ = true;
    } else if (errno != EAGAIN && errno != EINTR) {
      over_ = true;
    }
  }

  bool send() {
    const std::string_view output = session_.output();
    if (output.empty())
      return false;
    const ssize_t count = ::send(fd(), output.data(), output.size(), MSG_NOSIGNAL);
    if (count < 0) {
      over_ = over_ || (errno != EAGAIN && errno != EINTR);
      return false;
    }
    last_moved_ = Clock::now();
    session_.sent(static_cast<std::size_t>(count));
    return true;
  }

  void release() {
    if (has_maildrop_)
      store_.in_use = has_maildrop_ = false;
  }

  // ---- What the session asks for

  // A real server keeps no password, and compares a hash of it.
  void authenticate(std::string_view user, std::string_view password) override {
    if (user == store_.user && password == store_.password)
      session_.authenticated();
    else
      session_.login_failed(pop3::LoginFault::refused);
  }

  void open_maildrop() override {
    if (store_.in_use)
      return session_.login_failed(pop3::LoginFault::in_use);
    // A descriptor of its own, whose position nobody else moves.
    const int fd = ::openat(store_.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(fd < 0 ? nullptr : ::fdopendir(fd),
                                                        ::closedir);
    if (!directory)
      return session_.login_failed(pop3::LoginFault::temporary);
    std::uint64_t octets = 0;
    while (const dirent* const entry = ::readdir(directory.get())) {
      if (!is_unique_id(entry->d_name))
        continue;
      const Descriptor file(open(entry->d_name));
      if (const auto size = size_on_the_wire(file.get())) {
        messages_.push_back({entry->d_name, *size});
        octets += *size;
      }
    }
    std::sort(messages_.begin(), messages_.end(),
              [](const Message& a, const Message& b) { return a.name < b.name; });
    store_.in_use = has_maildrop_ = true;
    session_.maildrop_opened(static_cast<std::uint32_t>(messages_.size()), octets);
  }

  void list(pop3::Column column, std::uint32_t first, std::uint32_t most) override {
    std::vector<std::uint64_t> sizes;
    std::vector<std::string_view> uidls;
    for (std::size_t i = first; i < std::size_t{first} + most; ++i) {
      sizes.push_back(messages_[i].size);
      uidls.push_back(messages_[i].name);
    }
    if (column == pop3::Column::size)
      session_.sizes_listed(sizes);
    else
      session_.uidls_listed(uidls);
  }

  void open_message(std::uint32_t index, const pop3::Extent&) override {
    message_.reset(open(messages_[index].name.c_str()));
    struct stat status {};
    if (message_.get() < 0 || ::fstat(message_.get(), &status) != 0)
      return session_.message_unavailable(errno == ENOENT ? pop3::ReadFault::gone
                                                          : pop3::ReadFault::temporary);
    stored_size_ = static_cast<std::uint64_t>(status.st_size);
    session_.message_opened(messages_[index].size);
  }

  void read_message(std::uint64_t offset, std::size_t most) override {
    std::array<char, pop3::content_chunk> part;
    const ssize_t count = ::pread(message_.get(), part.data(), std::min(most, part.size()),
                                  static_cast<off_t>(offset));
    if (count < 0)
      return session_.content_lost();
    const auto size = static_cast<std::size_t>(count);
    session_.content({part.data(), size}, offset + size >= stored_size_);
  }

  void close_message(bool) override { message_.reset(); }

  void remove_messages(std::span<const std::uint32_t> indices) override {
    bool all = store_.may_remove;
    if (store_.may_remove)
      for (const std::uint32_t index : indices)
        all = remove(messages_[index].name.c_str()) && all;
    // The client is told that they are gone: so it must be durable.
    session_.messages_removed(all && ::fsync(store_.directory.get()) == 0);
  }

  void start_tls() override {} // not offered

  void close(pop3::CloseReason) override {
    release();
    closing_ = true;
  }

  int open(const char* name) {
    return ::openat(store_.directory.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  }
  bool remove(const char* name) {
    return ::unlinkat(store_.directory.get(), name, 0) == 0 || errno == ENOENT;
  }

  Store& store_;
  Descriptor socket_;
  pop3::Session session_;
  std::string input_; // received and not consumed
  std::vector<Message> messages_;
  Descriptor message_; // that is open
  std::uint64_t stored_size_ = 0;
  Clock::time_point last_moved_ = Clock::now();
  bool has_maildrop_ = false;
  bool end_of_input_ = false;
  bool closing_ = false;
  bool over_ = false;
};

int die(const char* what) {
  std::fprintf(stderr, "pop3_server: %s: %s\n", what, std::strerror(errno));
  return EXIT_FAILURE;
}

// Answers clients until a signal ends the process.
int serve(Store& store, int listener) {
  std::vector<std::unique_ptr<Client>> clients;
  bool pause = false; // there was no descriptor for one more
  for (;;) {
    std::vector<pollfd> waiting;
    auto wake = pause ? Clock::now() + std::chrono::seconds(1) : Clock::time_point::max();
    for (const auto& client : clients) {
      waiting.push_back({client->fd(), client->wanted(), 0});
      wake = std::min(wake, client->deadline());
    }
    // At the limit whoever comes waits in the kernel.
    const bool open = !pause && clients.size() < most_clients;
    waiting.push_back({listener, static_cast<short>(open ? POLLIN : 0), 0});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wake - Clock::now());
    const bool endless = wake == Clock::time_point::max();
    const int timeout = endless ? -1 : std::max(0, static_cast<int>(left.count()));
    if (::poll(waiting.data(), waiting.size(), timeout) < 0 && errno != EINTR)
      return die("poll");
    for (std::size_t i = 0; i < clients.size(); ++i)
      clients[i]->work(waiting[i].revents);
    std::erase_if(clients, [](const auto& client) { return client->over(); });
    pause = false;
    if ((waiting.back().revents & POLLIN) == 0)
      continue;
    const int socket = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0)
      clients.push_back(std::make_unique<Client>(store, socket));
    else
      pause = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
  }
}

} // namespace

int main(int argc, char** argv) {
  Store store;
  store.may_remove = argc > 1 && std::string_view(argv[1]) == "-d";
  char** const arguments = argv + (store.may_remove ? 2 : 1);
  if (argc - (arguments - argv) != 3) {
    std::fprintf(stderr, "usage: pop3_server [-d] port directory user\n");
    return EXIT_FAILURE;
  }
  store.user = arguments[2];
  if (!std::getline(std::cin, store.password))
    return die("no password");
  store.directory.reset(::open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (store.directory.get() < 0)
    return die(arguments[1]);

  const Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(arguments[0])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), any, size) != 0 || ::listen(listener.get(), 64) != 0 ||
      ::getsockname(listener.get(), any, &size) != 0)
    return die("listen");
  std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return serve(store, listener.get());
}
