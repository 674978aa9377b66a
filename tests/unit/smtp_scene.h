// The scene of a play in which smtpd's service is real: loopback clients, and a queued and a parent
// at the other ends of real links. All in one loop; nothing waits longer than the scene's deadline.
#pragma once

#include "common/base/crc32c.h"
#include "common/ipc/link.h"
#include "smtpd/smtp_service.h"
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace letterlock::test {

// Lines of 64 octets; SIZE is a multiple of that. No line begins with a dot.
inline std::string body_of(std::size_t size, const char* line_end = "\r\n") {
  std::string body = "Subject: long\r\n\r\n";
  if (std::string_view(line_end) == "\n")
    body = "Subject: long\n\n";
  for (std::size_t i = 0; i < size / 64; ++i) {
    const auto number = std::to_string(i);
    body += number + std::string(62 - number.size(), static_cast<char>('a' + i % 26)) + line_end;
  }
  return body;
}

struct SocketPair {
  UniqueFd a, b;
  SocketPair() {
    int fds[2] = {-1, -1};
    assert_int_equal(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    a = UniqueFd(fds[0]);
    b = UniqueFd(fds[1]);
  }
};

inline UniqueFd listen_on_loopback() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  assert_int_equal(::listen(fd.get(), 16), 0);
  return fd;
}

// FROM is an address of this host's in 127.0.0.0/8.
inline UniqueFd connect_to(int listener, const char* from = "127.0.0.1") {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  address.sin_family = AF_INET;
  assert_int_equal(::inet_pton(AF_INET, from, &address.sin_addr), 1);
  assert_int_equal(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  assert_int_equal(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return fd;
}

// A client that writes what it is told as the socket takes it, from the greeting on, and keeps what
// it reads.
class SmtpClient {
public:
  SmtpClient(io::Loop& loop, UniqueFd socket)
      : socket_(std::move(socket)),
        watch_(
            loop, socket_.get(), [this] { receive(); }, [this] { flush(); }) {
    watch_.want_read(true);
  }
  void send(std::string_view text) {
    out_ += text;
    if (greeted || early)
      flush();
  }
  int fd() const { return socket_.get(); }
  bool all_sent() const { return out_.empty(); }
  io::FdWatch& watch() { return watch_; }

  std::string wire; // all that was read
  bool closed = false;
  bool greeted = false;
  bool early = false; // does not wait for the greeting

private:
  void receive() {
    char buffer[4096];
    const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count > 0)
      wire.append(buffer, static_cast<std::size_t>(count));
    if (count > 0 && !std::exchange(greeted, true))
      flush();
    closed = closed || count == 0 || (count < 0 && errno != EAGAIN);
    watch_.want_read(!closed);
  }
  void flush() {
    if (out_.empty())
      return;
    const ssize_t count = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count > 0)
      out_.erase(0, static_cast<std::size_t>(count));
    watch_.want_write(!out_.empty() && (count > 0 || errno == EAGAIN));
  }

  UniqueFd socket_;
  io::FdWatch watch_;
  std::string out_;
};

// queued, as far as smtpd sees it; it keeps what it is told.
class FakeQueued {
public:
  struct Message {
    Id128 transaction;
    bool again = false;
    std::uint64_t received = 0;
    std::string reverse_path;
    std::vector<std::string> recipients; // "7 a@example.com"
    std::string content;
    std::string trace;
    std::uint32_t scratch = 0;
    std::uint64_t size = 0, wire_size = 0, header_size = 0;
    bool crc_is_right = false;
  };

  std::optional<ipc::CommitOutcome> answer = ipc::CommitOutcome::durable; // none: none
  std::optional<ipc::CommitOutcome> scratch_refusal;                      // after this many leases
  bool answers_scratch = true;
  std::vector<Message> messages;
  std::vector<ipc::ScratchRequest> requests;
  std::vector<std::uint32_t> returned;

  void use(io::Loop& loop, UniqueFd socket) {
    link_.reset();
    files_.clear();
    link_ = std::make_unique<Link>(loop, std::move(socket), *this,
                                   [this](const std::string& why) { breach = why; });
    link_->send(ipc::Serving{});
  }
  void go_away() { link_.reset(); }
  void tell(const ipc::AccountRoom& room) { link_->send(room); }
  void commit_outcome(const Id128& transaction, ipc::CommitOutcome outcome) {
    link_->send(ipc::Committed{transaction, outcome});
  }
  void answer_scratch(const ipc::ScratchRequest& request) {
    if (scratch_refusal) {
      link_->send(ipc::ScratchRefused{request.session, *scratch_refusal});
    } else if (request.scratch != 0) {
      assert_true(files_.contains(request.scratch));
      link_->send(ipc::ScratchExtended{request.session, request.scratch, request.bytes});
    } else {
      char name[] = "/tmp/smtp_scene.XXXXXX";
      UniqueFd file(::mkostemp(name, O_CLOEXEC));
      ::unlink(name);
      const auto number = ++last_scratch_;
      UniqueFd copy(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
      files_.emplace(number, std::move(copy));
      link_->send(ipc::ScratchLeased{request.session, number, request.bytes}, std::move(file));
    }
  }
  std::size_t leases() const { return files_.size(); }

  void on(const ipc::Begin& m) {
    assert_false(building_.has_value());
    building_ = Message{};
    building_->transaction = m.transaction;
    building_->again = m.again;
    building_->received = m.received;
    building_->reverse_path = m.reverse_path.view();
  }
  void on(const ipc::Recipient& m) {
    assert_true(building_.has_value());
    building_->recipients.push_back(std::to_string(m.account) + ' ' +
                                    std::string(m.address.view()));
  }
  void on(const ipc::Content& m) {
    assert_true(building_.has_value());
    building_->content += as_text(m.part.bytes());
  }
  void on(const ipc::Commit& m) {
    assert_true(building_.has_value());
    Message message = *std::exchange(building_, std::nullopt);
    assert_true(message.transaction == m.transaction);
    message.trace = as_text(m.trace.bytes());
    message.scratch = m.scratch;
    message.size = m.size;
    message.wire_size = m.wire_size;
    message.header_size = m.header_size;
    if (m.scratch != 0) {
      assert_true(files_.contains(m.scratch));
      message.content.resize(m.size);
      assert_int_equal(::pread(files_.at(m.scratch).get(), message.content.data(), m.size, 0),
                       m.size);
      files_.erase(m.scratch);
    }
    message.crc_is_right = crc32c(0, as_bytes(message.content)) == m.crc;
    messages.push_back(std::move(message));
    if (answer)
      commit_outcome(m.transaction, *answer);
  }
  void on(const ipc::ScratchRequest& m) {
    assert_false(building_.has_value());
    requests.push_back(m);
    if (answers_scratch)
      answer_scratch(m);
  }
  void on(const ipc::ScratchReturned& m) {
    assert_int_equal(files_.erase(m.scratch), 1);
    returned.push_back(m.scratch);
  }

  std::string breach;

private:
  using Link = ipc::Link<Role::queued, Role::smtpd>;
  std::unique_ptr<Link> link_;
  std::optional<Message> building_;
  std::map<std::uint32_t, UniqueFd> files_; // leased
  std::uint32_t last_scratch_ = 0;
};

// resolvd, as far as smtpd sees it; it keeps what it is asked, for the test to answer.
class FakeResolvd {
public:
  using Link = ipc::Link<Role::resolvd, Role::smtpd>;

  void use(io::Loop& loop, UniqueFd socket) {
    link_ = std::make_unique<Link>(loop, std::move(socket), *this,
                                   [this](const std::string&) { closed = true; });
    closed = false;
  }
  void go_away() { link_.reset(); }
  void on(const ipc::LookUpNames& question) { names.push_back(question); }
  void on(const ipc::LookUpAddresses& question) { addresses.push_back(question); }

  // NAME empty: it has none.
  void answer_names(std::uint64_t request, std::string_view name) {
    ipc::NamesFound answer;
    answer.request = request;
    answer.outcome = name.empty() ? ipc::LookupOutcome::none : ipc::LookupOutcome::found;
    if (!name.empty())
      assert_true(answer.names.push(*ipc::HostName::from(name)));
    link_->send(answer);
  }
  void answer_addresses(std::uint64_t request, std::string_view address) {
    ipc::AddressesFound answer;
    answer.request = request;
    answer.outcome = ipc::LookupOutcome::found;
    assert_true(answer.addresses.push(*ipc::PeerText::from(address)));
    link_->send(answer);
  }

  std::vector<ipc::LookUpNames> names;
  std::vector<ipc::LookUpAddresses> addresses;
  bool closed = false;

private:
  std::unique_ptr<Link> link_;
};

struct SmtpScene {
  // What the child says to its parent.
  struct Parent {
    int lost_links = 0;
    void on(const ipc::LinkLost&) { ++lost_links; }
    template <class M> void on(const M&) {}
  };
  // ChildProcess's part is played by the tests, which call the service.
  struct Child {
    template <class M> void on(const M&) {}
    template <class M> void on(const M&, UniqueFd) {}
  };

  explicit SmtpScene(const smtpd::Timeouts& timeouts = {}) : service(context, timeouts) {
    context.parent = &to_parent;
    context.prepared = [this](Expected<void> result) { prepared = std::move(result); };
    configure();
    connect_queued();
  }

  void configure(std::uint32_t connections = 10, const std::string& certificate = {}) {
    begin(connections);
    if (!certificate.empty()) {
      char name[] = "/tmp/smtp_scene.XXXXXX";
      UniqueFd file(::mkostemp(name, O_CLOEXEC));
      assert_int_equal(::write(file.get(), certificate.data(), certificate.size()),
                       certificate.size());
      UniqueFd readable(::open(name, O_RDONLY | O_CLOEXEC));
      ::unlink(name);
      service.on(ipc::Certificate{0, "test.pem"}, std::move(readable));
    }
    service.prepare();
    assert_true(prepared.has_value());
    service.switch_generation();
  }
  void begin(std::uint32_t connections) {
    service.begin_generation(1);
    settings.connections = connections;
    service.on(settings);
    for (const std::string_view network : allowed)
      service.on(ipc::AllowedNetwork{Text<64>::cut(network)});
    for (const std::string_view name : allowed_names)
      service.on(ipc::AllowedName{Text<254>::cut(name)});
    service.on(ipc::AddressRoute{"second@example.com", 8});
    service.on(ipc::BlockedAddress{"spam@example.com"});
    service.on(ipc::LocalDomain{"example.com", true, 7});
    service.on(ipc::Listener{kind, "127.0.0.1:25"},
               UniqueFd(::fcntl(listener.get(), F_DUPFD_CLOEXEC, 0)));
  }
  void connect_queued() {
    SocketPair pair;
    queued.use(context.loop, std::move(pair.a));
    service.connect(ipc::Peer{Role::queued, 0, ++serial}, std::move(pair.b));
  }
  void connect_resolvd() {
    SocketPair pair;
    resolvd.use(context.loop, std::move(pair.a));
    service.connect(ipc::Peer{Role::resolvd, 0, ++serial}, std::move(pair.b));
  }
  // queued is gone and smtpd has noticed.
  void lose_queued() {
    const int before = parent.lost_links;
    queued.go_away();
    until([&] { return parent.lost_links == before + 1; });
  }
  std::unique_ptr<SmtpClient> connect(const char* from = "127.0.0.1") {
    return std::make_unique<SmtpClient>(context.loop, connect_to(listener.get(), from));
  }

  void until(const std::function<bool()>& condition) {
    bool late = false;
    io::Timer deadline(context.loop, [&] { late = true; });
    deadline.start(std::chrono::seconds(20));
    while (!condition()) {
      if (late)
        fail_msg("the deadline has passed");
      context.loop.turn();
    }
  }
  // Until the client has read this, in what it has not passed by before.
  void expect(SmtpClient& client, std::string_view text) {
    std::size_t at = std::string::npos;
    until([&] {
      at = client.wire.find(text);
      if (at == std::string::npos && client.closed)
        fail_msg("closed without \"%.*s\", after \"%s\"", static_cast<int>(text.size()),
                 text.data(), client.wire.c_str());
      return at != std::string::npos;
    });
    client.wire.erase(0, at + text.size());
  }
  void expect_end(SmtpClient& client) {
    until([&] { return client.closed; });
  }
  std::unique_ptr<SmtpClient> client_in_data(const std::string& parameters = {}) {
    auto client = connect();
    client->send("EHLO client.example.net\r\nMAIL FROM:<from@example.net>" + parameters +
                 "\r\nRCPT TO:<to@example.com>\r\nDATA\r\n");
    return client;
  }

  smtpd::Context context;
  Parent parent;
  Child child;
  SocketPair parent_pair;
  ipc::Link<Role::letterlockd, Role::smtpd> at_parent{context.loop, std::move(parent_pair.a),
                                                      parent, [](const std::string&) {}};
  ipc::Link<Role::smtpd, Role::letterlockd> to_parent{context.loop, std::move(parent_pair.b), child,
                                                      [](const std::string&) {}};
  UniqueFd listener = listen_on_loopback();
  ipc::ListenerKind kind = ipc::ListenerKind::smtp;
  ipc::SmtpSettings settings{.hostname = "mx.example.com",
                             .max_message_size = 50u << 20,
                             .recipients = 100,
                             .connections = 10,
                             .connections_per_address = 100,
                             .connection_rate = {},
                             .message_rate = {},
                             .lockout_ms = 600'000,
                             .greeting_delay_ms = 0};
  std::vector<std::string_view> allowed, allowed_names;
  std::uint32_t serial = 0;
  Expected<void> prepared;
  FakeQueued queued;
  FakeResolvd resolvd;
  smtpd::SmtpService service;
};

} // namespace letterlock::test
