// A real program of the system, with the test in the place of its parent and of all its peers.
//
// The program is one of $LETTERLOCK_BIN (out/test/bin). It is started, confined, configured and
// tied to its peers as letterlockd does it; the test holds the other end of every link. Nothing
// happens here but while the test waits for something, which it does with a deadline.
#pragma once

#include "common/conf/configuration_file.h"
#include "common/os/executable.h"
#include "letterlock/bcrypt.h"
#include "letterlockd/programs.h"
#include "letterlockd/settings.h"
#include "tests/unit/certificate_maker.h"
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace letterlock::test {

inline constexpr std::chrono::seconds patience{
    30}; // of a program with sanitizers on a busy machine
inline constexpr std::string_view account = "main", password = "correct horse";
inline constexpr std::string_view tls_host = "mx.example.com";

inline std::pair<UniqueFd, UniqueFd> make_socketpair(int type) {
  int ends[2] = {-1, -1};
  assert_int_equal(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A configuration and all that it names, in a directory that goes with it.
class Installation {
public:
  Installation() {
    assert_non_null(::mkdtemp(directory_.data()));
    const auto key = make_ec_key(NID_X9_62_prime256v1);
    const auto pem = private_pem(key.get());
    write("cert", make_certificate(key.get(), {.host = std::string(tls_host)}));
    write("key", as_text(pem));
    const auto verifier =
        command::make_verifier(*conf::Password::from(password), conf::least_bcrypt_cost);
    write("passwd", std::string(account) + ":" + std::string(verifier->reveal()) + "\n");
    const std::string text =
        "[server]\nhostname = mx.example.com\ninsecure_auth = yes\n"
        "workers = 1\nstate_dir = " +
        path("state") + "\nresolvers = " + free_address() + "\nlog_dir = " + path("log") +
        "\npasswords = " + path("passwd") + "\nsmtp_listen = " + free_address() +
        "\npop3_listen = " + free_address() + "\npop3s_listen = " + free_address() +
        "\n[tls]\ncertificate = " + path("cert") + "\nkey = " + path("key") +
        "\n[account main]\n[domain example.com]\ncatchall = main\n"
        "[access]\nallow = 127.0.0.1, mail.example.net\n"
        "[limits]\nreserve = 0\n";
    auto configuration = conf::parse(text, "test", {});
    if (!configuration)
      fail_msg("%s", configuration.error().text.c_str());
    assert_true(letterlockd::make_directories(configuration->server).has_value());
    auto opened = letterlockd::open_generation(std::move(*configuration), 1, nullptr);
    if (!opened)
      fail_msg("%s", opened.error().text.c_str());
    generation = std::move(*opened);
    generation->account_ids.emplace(account, 1);
  }
  ~Installation() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;

  std::string path(std::string_view name) const { return directory_ + "/" + std::string(name); }
  std::uint16_t port(ipc::ListenerKind kind) const {
    for (const letterlockd::OpenListener& listener : generation->listeners)
      if (listener.kind == kind)
        return listener.address.port;
    return 0;
  }

  std::unique_ptr<letterlockd::Generation> generation;

private:
  void write(std::string_view name, std::string_view content) const {
    std::ofstream(path(name)) << content;
    std::filesystem::permissions(path(name), std::filesystem::perms::owner_read);
  }

  std::string free_address() {
    const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    assert_int_equal(::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    assert_int_equal(::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }

  std::string directory_ = "/tmp/letterlock-process-XXXXXX";
};

// A client of the program's on loopback.
class Client {
public:
  // FROM is an address of 127.0.0.0/8.
  explicit Client(std::uint16_t port, const char* from = "127.0.0.1")
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    assert_int_equal(::inet_pton(AF_INET, from, &own.sin_addr), 1);
    assert_int_equal(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(
        ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  void send(std::string_view text) {
    assert_int_equal(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL), text.size());
  }
  // Reads up to and with a text.
  void expect(std::string_view text) {
    while (received_.find(text) == std::string::npos) {
      char buffer[4096];
      const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (count <= 0)
        fail_msg("no \"%s\" in \"%s\"", std::string(text).c_str(), received_.c_str());
      received_.append(buffer, static_cast<std::size_t>(count));
    }
    received_.clear();
  }

private:
  UniqueFd socket_;
  std::string received_;
};

template <Role R> class ProcessScene {
public:
  ProcessScene() {
    const char* const configured = std::getenv("LETTERLOCK_BIN");
    const auto directory = std::filesystem::absolute(configured ? configured : "out/test/bin");
    const auto program = os::Executable::open(directory / std::string(role_name(R)));
    if (!program)
      fail_msg("%s", program.error().text.c_str());
    auto [ours, theirs] = make_socketpair(SOCK_STREAM);
    pid_ = *program->start(theirs.get(), false);
    parent_ = std::make_unique<letterlockd::ChildLink<R>>(
        loop_, std::move(ours), *this, [this](const std::string& why) { end_ = "its end " + why; });
    parent_->send(*letterlockd::start_message(R, 0, installation.generation->configuration));
    wait_until([this] { return started_; });
    auto [to_logd, log] = make_socketpair(SOCK_SEQPACKET);
    log_ = std::move(to_logd); // drops what it cannot hold
    if constexpr (R != Role::logd)
      parent_->send(ipc::LogChannel{ipc::Severity::debug}, std::move(log));
    for_each_peer([this]<Role P>() { this->template tie<P>(); });
    parent_->send(ipc::BeginGeneration{1});
    assert_true(letterlockd::send_settings(*parent_, *installation.generation, 1).has_value());
    parent_->send(ipc::Prepare{1});
    wait_until([this] { return prepared_; });
    parent_->send(ipc::Switch{1});
    wait_until([this] { return switched_; });
  }

  ~ProcessScene() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  // Ends the program as the parent does; it must end well.
  void stop() {
    stopping_ = true;
    links_.clear();
    parent_->send(ipc::Stop{1000});
    int status = 0;
    wait_until([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    pid_ = -1;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
  }

  letterlockd::ChildLink<R>& parent() { return *parent_; }
  Installation installation;

  // Calls back, with the role as template argument, for everyone whom the routes tie to R.
  template <class Use> static void for_each_peer(Use use) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (..., [&] {
        constexpr auto P = static_cast<Role>(I);
        if constexpr (P != Role::letterlockd && P != R && ipc::are_linked(P, R))
          use.template operator()<P>();
      }());
    }(std::make_index_sequence<role_count>());
  }

  // ---- Links

  // A fresh link to peer P, in place of the one before.
  template <Role P> void tie() {
    auto [ours, theirs] = make_socketpair(SOCK_STREAM);
    links_.insert_or_assign(P, std::make_unique<ipc::Channel>(std::move(ours)));
    parent_->send(ipc::Peer{P, 0, ++serial_}, std::move(theirs));
    parent_->flush(); // before anything that needs the link is sent elsewhere
    serials_[P] = serial_;
  }
  void hang_up(Role peer) { links_.erase(peer); }
  int socket_of(Role peer) const { return links_.at(peer)->fd(); }

  template <Role P, ipc::Message M>
    requires ipc::Routed<P, R, M>
  void send(const M& message) {
    assert_true(links_.at(P)->queue(message));
    assert_true(links_.at(P)->flush() == ipc::Channel::Flushed::all);
  }

  // The next messages of that type that the program says to P; others are passed over.
  template <Role P, ipc::Message M>
    requires ipc::Routed<R, P, M>
  std::vector<M> await(std::size_t count) {
    std::vector<M> found;
    wait_until([&] {
      const auto received = links_.at(P)->receive([&](ipc::Frame frame) {
        if (found.size() < count && frame.type == ipc::type_number<M>)
          found.push_back(ipc::read_payload<M>(frame.payload).value());
        return true;
      });
      if (found.size() < count && (received == ipc::Channel::Received::closed ||
                                   received == ipc::Channel::Received::broken))
        fail_msg("the link to %s ended", std::string(role_name(P)).c_str());
      return found.size() == count;
    });
    return found;
  }
  template <Role P, ipc::Message M> M await() { return await<P, M>(1).front(); }

  // The program has told its parent that the present link to P is lost.
  template <Role P> void await_link_lost() {
    wait_until([&] { return lost_.contains({P, serials_[P]}); });
  }

  // ---- What the program says to its parent

  void on(const ipc::Started&) { started_ = true; }
  void on(const ipc::Failed& failed) { end_ = std::string(failed.reason.view()); }
  void on(const ipc::LinkLost& lost) { lost_.emplace(lost.role, lost.serial); }
  void on(const ipc::Prepared& prepared) {
    prepared_ = prepared.refusal.empty();
    if (!prepared_)
      end_ = std::string(prepared.refusal.view());
  }
  void on(const ipc::Switched&) { switched_ = true; }
  void on(const ipc::AccountId&) {}

  // Turns the loop until the condition holds. Links to peers are looked at every few milliseconds.
  template <class Condition> void wait_until(Condition holds) {
    const auto until = std::chrono::steady_clock::now() + patience;
    io::Timer wake(loop_, [] {});
    while (!holds()) {
      if (std::chrono::steady_clock::now() >= until)
        fail_msg("%s: waited in vain", std::string(role_name(R)).c_str());
      if (!end_.empty() && !stopping_)
        fail_msg("%s: %s", std::string(role_name(R)).c_str(), end_.c_str());
      wake.start(std::chrono::milliseconds(5));
      loop_.turn();
    }
  }

private:
  io::Loop loop_;
  pid_t pid_ = -1;
  std::unique_ptr<letterlockd::ChildLink<R>> parent_;
  UniqueFd log_;
  std::map<Role, std::unique_ptr<ipc::Channel>> links_;
  std::map<Role, std::uint32_t> serials_;
  std::uint32_t serial_ = 0;
  std::set<std::pair<Role, std::uint32_t>> lost_;
  std::string end_; // why it will not go on; empty while it does
  bool started_ = false;
  bool prepared_ = false;
  bool switched_ = false;
  bool stopping_ = false;
};

} // namespace letterlock::test
