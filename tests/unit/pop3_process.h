// A pop3d in the test's own process: the real service with real links and sockets, and the test in
// the place of its parent, authd, queued and clients. All share one loop, so nothing happens but
// while the test waits for something, which it does with a deadline.
#pragma once

#include "common/ipc/packed_texts.h"
#include "pop3d/pop3_service.h"
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace letterlock::test {

inline std::pair<UniqueFd, UniqueFd> make_socketpair(int type = SOCK_STREAM) {
  int ends[2] = {-1, -1};
  assert_int_equal(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A file of that content, opened for reading only, without a name.
inline UniqueFd make_file(std::string_view content) {
  char path[] = "/tmp/letterlock-test-XXXXXX";
  const UniqueFd writing(::mkstemp(path));
  UniqueFd reading(::open(path, O_RDONLY | O_CLOEXEC));
  ::unlink(path);
  assert_int_equal(::write(writing.get(), content.data(), content.size()), content.size());
  return reading;
}

inline int count_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd)
    count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

// Turns the loop until the condition holds; the test fails when it does not within ten seconds.
template <class Condition> void wait_until(io::Loop& loop, Condition holds) {
  constexpr std::chrono::seconds patience{10};
  const auto until = std::chrono::steady_clock::now() + patience;
  io::Timer wake(loop, [] {});
  wake.start(patience);
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= until)
      fail_msg("waited in vain");
    loop.turn();
  }
}

// The other end of a link of pop3d, in the place of process R: keeps what arrives.
template <Role R> class PeerEnd {
public:
  PeerEnd(io::Loop& loop, UniqueFd socket)
      : loop_(loop), link(loop, std::move(socket), *this, [this](const std::string& reason) {
          closed = true;
          why = reason;
        }) {}

  template <class M> void on(const M& message) {
    if constexpr (std::is_same_v<M, ipc::ListMessages>)
      if (answer_listing)
        return answer_listing(message);
    kept<M>().push_back(message);
  }
  template <class M> void on(const M& message, UniqueFd) { kept<M>().push_back(message); }

  // The next message of the type.
  template <class M> M take() {
    wait_until(loop_, [&] { return !kept<M>().empty(); });
    M message = kept<M>().front();
    kept<M>().pop_front();
    return message;
  }
  template <class M> std::size_t waiting() { return kept<M>().size(); }

private:
  template <class List> struct Queues;
  template <class... Ms> struct Queues<TypeList<Ms...>> {
    std::tuple<std::deque<Ms>...> queues;
  };
  template <class M> std::deque<M>& kept() { return std::get<std::deque<M>>(queues_.queues); }

  io::Loop& loop_;
  Queues<ipc::route<Role::pop3d, R>> queues_;

public:
  bool closed = false;
  std::string why;
  // If set, the listings that queued is asked for are answered by it.
  std::function<void(const ipc::ListMessages&)> answer_listing;
  ipc::Link<R, Role::pop3d> link;
};

// A TCP client on the same loop.
class TcpClient {
public:
  TcpClient(io::Loop& loop, std::uint16_t port)
      : loop_(loop), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        watch_(loop, socket_.get(), [this] { read(); }) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // The backlog takes it, whether it is accepted yet or not.
    assert_int_equal(
        ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
    watch_.want_read(true);
  }

  int fd() const { return socket_.get(); }
  void send(std::string_view text) {
    assert_int_equal(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL), text.size());
  }
  // What comes next is exactly this.
  void expect(std::string_view text) {
    wait_until(loop_, [&] { return received.size() >= text.size() || ended; });
    assert_text_equal(std::string_view(received).substr(0, text.size()), text);
    received.erase(0, text.size());
  }
  void ask(std::string_view command, std::string_view reply) {
    send(command);
    expect(reply);
  }
  void expect_end() {
    wait_until(loop_, [&] { return ended; });
    assert_text_equal(received, "");
  }
  void pause_reading(bool paused) { watch_.want_read(!paused); }
  void hang_up() {
    watch_.want_read(false);
    ::shutdown(socket_.get(), SHUT_RDWR);
  }

  std::string received;
  bool ended = false;

private:
  void read() {
    char buffer[65536];
    const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count > 0) {
      received.append(buffer, static_cast<std::size_t>(count));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      ended = true;
      watch_.want_read(false);
    }
  }

  io::Loop& loop_;
  UniqueFd socket_;
  io::FdWatch watch_;
};

struct Wish {
  std::uint32_t connections = 10;
  std::uint32_t connections_per_address = 10;
  bool insecure_auth = true;
  ipc::ListenerKind kind = ipc::ListenerKind::pop3;
  std::vector<std::string> certificates = {}; // PEM
};

class Pop3Process {
public:
  using Authd = PeerEnd<Role::authd>;
  using Queued = PeerEnd<Role::queued>;
  struct Message {
    std::uint64_t size;
    std::string uidl;
  };

  struct Unconfigured {};
  explicit Pop3Process(Unconfigured) : Pop3Process(make_socketpair()) {}
  Pop3Process() : Pop3Process(Wish()) {}
  explicit Pop3Process(const Wish& wish) : Pop3Process(Unconfigured()) {
    assert_text_equal(configure(wish), "");
    connect_authd();
    connect_queued();
  }

  // A new generation, on a listener of its own; what was wrong with it.
  std::string configure(const Wish& wish) {
    service.begin_generation(++generation_);
    service.on(ipc::Pop3Settings{"pop.example", wish.connections, wish.connections_per_address,
                                 wish.insecure_auth});
    std::uint16_t index = 0;
    for (const std::string& pem : wish.certificates)
      service.on(ipc::Certificate{index++, "/etc/letterlock/chain.pem"}, make_file(pem));
    service.on(ipc::Listener{wish.kind, "127.0.0.1:110"}, listen());
    service.prepare();
    if (!refusal_.empty())
      service.discard_generation();
    else
      service.switch_generation();
    return refusal_;
  }

  void connect_authd() {
    auto [ours, theirs] = make_socketpair();
    authd = std::make_unique<Authd>(loop, std::move(ours));
    service.connect(ipc::Peer{Role::authd, 0, ++serial_}, std::move(theirs));
  }
  void connect_queued() {
    auto [ours, theirs] = make_socketpair();
    queued = std::make_unique<Queued>(loop, std::move(ours));
    queued->answer_listing = [this](const ipc::ListMessages& list) { answer(list); };
    service.connect(ipc::Peer{Role::queued, 0, ++serial_}, std::move(theirs));
  }
  // A message in a file, as queued sends a long one.
  void send_file(std::uint64_t session, std::uint32_t index, std::string_view stored,
                 std::uint64_t wire_size) {
    queued->link.send(ipc::MessageOpened{session, index, wire_size, stored.size()},
                      make_file(stored));
  }
  void send_content(std::uint64_t session, std::uint32_t index, std::string_view stored,
                    std::uint64_t wire_size) {
    queued->link.send(
        ipc::MessageContent{session, index, wire_size,
                            *ipc::Blob<ipc::MessageContent::content_max>::of(as_bytes(stored))});
  }
  // The process ends; the parent makes a new link when it hears of that.
  void lose_queued() {
    queued.reset();
    assert_int_equal(parent_.take<ipc::LinkLost>().role, Role::queued);
  }

  std::unique_ptr<TcpClient> dial() { return std::make_unique<TcpClient>(loop, port_); }

  // authd's and queued's part of a login; the session that it is about.
  std::uint64_t grant(Id128& id) {
    const auto login = authd->take<ipc::Login>();
    id = Id128::random();
    authd->link.send(ipc::LoginAnswer{login.session, ipc::LoginOutcome::granted, id});
    return login.session;
  }
  std::uint64_t open_maildrop(const std::vector<Message>& messages) {
    Id128 id;
    const std::uint64_t session = grant(id);
    const auto open = queued->take<ipc::OpenMaildrop>();
    assert_int_equal(open.session, session);
    assert_true(open.grant == id);
    maildrops_[session] = messages;
    ipc::MaildropOpened opened{session, ipc::MaildropOutcome::open,
                               static_cast<std::uint32_t>(messages.size()), 0};
    for (const Message& message : messages)
      opened.octets += message.size;
    queued->link.send(opened);
    return session;
  }
  void answer(const ipc::ListMessages& list) {
    const auto& messages = maildrops_.at(list.session);
    const std::size_t end = std::min<std::size_t>(messages.size(), list.first + list.most);
    ipc::MessageSizes sizes{list.session, list.first, {}};
    ipc::TextPacker<ipc::MessageUidls::packed_max> uidls;
    for (std::size_t i = list.first; i < end; ++i) {
      if (!sizes.sizes.push(messages[i].size) || !uidls.push(messages[i].uidl))
        break;
    }
    if (list.column == ipc::MaildropColumn::sizes)
      queued->link.send(sizes);
    else
      queued->link.send(ipc::MessageUidls{list.session, list.first, uidls.blob()});
  }
  // A client that is in TRANSACTION.
  std::unique_ptr<TcpClient> log_in(const std::vector<Message>& messages, std::uint64_t& session) {
    auto client = dial();
    client->expect("+OK POP3 server ready on pop.example\r\n");
    client->ask("USER joe\r\n", "+OK send the password\r\n");
    client->send("PASS open sesame\r\n");
    session = open_maildrop(messages);
    client->expect("+OK maildrop has ");
    wait_until(loop, [&] { return client->received.ends_with("\r\n"); });
    client->received.clear();
    return client;
  }

  ipc::LinkLost take_link_lost() { return parent_.take<ipc::LinkLost>(); }
  // Until the service says that it has finished.
  void run_to_its_end() {
    bool late = false;
    io::Timer deadline(loop, [&] {
      late = true;
      loop.stop();
    });
    deadline.start(std::chrono::seconds(10));
    loop.run();
    assert_false(late);
  }
  // The next line of the log about that event.
  std::string take_log(std::string_view event) {
    char record[4096];
    for (;;) {
      const ssize_t size = ::recv(log_reader_.get(), record, sizeof record, MSG_DONTWAIT);
      if (size < static_cast<ssize_t>(ipc::frame_header_size))
        fail_msg("no such line in the log: %.*s", static_cast<int>(event.size()), event.data());
      const auto line = ipc::read_payload<ipc::LogLine>(
          as_bytes({record, static_cast<std::size_t>(size)}).subspan(ipc::frame_header_size));
      assert_true(line.has_value());
      if (line->text.view().starts_with(event))
        return std::string(line->text.view());
    }
  }

private:
  explicit Pop3Process(std::pair<UniqueFd, UniqueFd> to_parent)
      : loop(context.loop), service(context), parent_(loop, std::move(to_parent.first)),
        to_parent_(loop, std::move(to_parent.second), *this, [](const std::string&) {}) {
    context.parent = &to_parent_;
    context.prepared = [this](Expected<void> result) {
      refusal_ = result ? "" : result.error().text;
    };
    auto [kept, given] = make_socketpair(SOCK_SEQPACKET);
    log_reader_ = std::move(kept);
    context.log.set_channel(std::move(given), ipc::Severity::debug);
  }

  UniqueFd listen() {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    assert_int_equal(::bind(socket.get(), any, size), 0);
    assert_int_equal(::listen(socket.get(), 16), 0);
    assert_int_equal(::getsockname(socket.get(), any, &size), 0);
    port_ = ntohs(address.sin_port);
    return socket;
  }

  UniqueFd log_reader_;
  std::map<std::uint64_t, std::vector<Message>> maildrops_; // by session
  std::string refusal_;
  std::uint32_t generation_ = 0;
  std::uint32_t serial_ = 0;
  std::uint16_t port_ = 0;

public:
  // For to_parent_: the test calls the service itself.
  template <class M> void on(const M&) {}
  template <class M> void on(const M&, UniqueFd) {}

  pop3d::Context context;
  io::Loop& loop;
  pop3d::Pop3Service service;
  std::unique_ptr<Authd> authd;
  std::unique_ptr<Queued> queued;

private:
  PeerEnd<Role::letterlockd> parent_;
  ipc::Link<Role::pop3d, Role::letterlockd> to_parent_;
};

} // namespace letterlock::test
