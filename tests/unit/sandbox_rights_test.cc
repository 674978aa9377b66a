// Enters the sandbox of every role and does what it must be able to do.
#include "tests/unit/check.h"
#include "tests/unit/sandbox_scene.h"

#include <arpa/inet.h>
#include <crypt.h>
#include <dirent.h>
#include <linux/capability.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

using namespace sandbox_scene;

namespace {

Scene* scene;

// What a role's work consists of; each answers 0, or the line where it went wrong.
#define NEED(condition)                                                                            \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      std::fprintf(stderr, "line %d: %s\n", __LINE__, std::strerror(errno));                       \
      return 1;                                                                                    \
    }                                                                                              \
  } while (0)

struct SocketPair {
  UniqueFd here, there;
};

SocketPair make_pair(int type) {
  int pair[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) != 0)
    std::abort();
  return {UniqueFd(pair[0]), UniqueFd(pair[1])};
}

struct DescriptorMessage {
  char byte = 'd';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};

  DescriptorMessage() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
};

int pass_descriptor(int link, int fd) {
  DescriptorMessage message;
  cmsghdr* item = CMSG_FIRSTHDR(&message.header);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(item), &fd, sizeof fd);
  NEED(::sendmsg(link, &message.header, MSG_NOSIGNAL) == 1);
  return 0;
}

int receive_descriptor(int link) {
  DescriptorMessage message;
  NEED(::recvmsg(link, &message.header, MSG_CMSG_CLOEXEC) == 1);
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message.header)), sizeof fd);
  const UniqueFd received(fd);
  struct stat found {};
  NEED(::fstat(received.get(), &found) == 0);
  NEED(::fcntl(received.get(), F_GETFL) >= 0);
  NEED(::fcntl(received.get(), F_SETFL, O_NONBLOCK) == 0);
  return 0;
}

// Every role runs an event loop, exchanges messages with descriptors, and manages its memory.
int work_of_every_role(const SocketPair& link) {
  std::array<char, 32> random{};
  NEED(::getrandom(random.data(), random.size(), 0) == 32);
  timespec now{};
  NEED(::clock_gettime(CLOCK_MONOTONIC, &now) == 0);

  const UniqueFd loop(::epoll_create1(EPOLL_CLOEXEC));
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  NEED(loop && event);
  epoll_event watch{.events = EPOLLIN, .data = {.fd = event.get()}};
  NEED(::epoll_ctl(loop.get(), EPOLL_CTL_ADD, event.get(), &watch) == 0);
  NEED(::eventfd_write(event.get(), 1) == 0);
  NEED(::epoll_wait(loop.get(), &watch, 1, 1000) == 1);
  pollfd polled{event.get(), POLLIN, 0};
  NEED(::poll(&polled, 1, 0) == 1);

  NEED(pass_descriptor(link.here.get(), event.get()) == 0);
  NEED(receive_descriptor(link.there.get()) == 0);
  NEED(::send(link.here.get(), "x", 1, MSG_NOSIGNAL) == 1);
  char byte = 0;
  NEED(::recv(link.there.get(), &byte, 1, 0) == 1 && byte == 'x');

  for (std::size_t size = 1; size < (64u << 20); size *= 8) {
    auto block = std::make_unique<char[]>(size);
    std::memset(block.get(), 1, size);
  }
  rlimit limit{};
  NEED(::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max == 64);
  NEED(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0); // refused, not fatal
  std::fputs("", stderr);
  return 0;
}

int accept_connections(int listener) {
  const UniqueFd loop(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event watch{.events = EPOLLIN, .data = {.fd = listener}};
  NEED(::epoll_ctl(loop.get(), EPOLL_CTL_ADD, listener, &watch) == 0);
  NEED(::epoll_wait(loop.get(), &watch, 1, 5000) == 1);
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  const UniqueFd client(
      ::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));
  NEED(client);
  NEED(::getpeername(client.get(), reinterpret_cast<sockaddr*>(&peer), &length) == 0);
  NEED(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&peer), &length) == 0);
  const int on = 1;
  NEED(::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
  char byte = 0;
  NEED(::read(client.get(), &byte, 1) == 1);
  NEED(::write(client.get(), &byte, 1) == 1);
  NEED(::shutdown(client.get(), SHUT_WR) == 0);
  return 0;
}

bool write_file(int directory, const char* name, int flags) {
  const UniqueFd file(::openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600));
  return file && ::write(file.get(), "mail\n", 5) == 5 && ::fsync(file.get()) == 0;
}

std::vector<std::string> names_in(const char* directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(directory), ::closedir);
  while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr)
    if (entry->d_name[0] != '.')
      names.emplace_back(entry->d_name);
  return names;
}

int store_mail() {
  const UniqueFd root(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  NEED(root);
  NEED(::flock(root.get(), LOCK_EX | LOCK_NB) == 0);
  NEED(write_file(root.get(), "tmp/message", O_EXCL));
  NEED(::renameat(root.get(), "tmp/message", root.get(), "new/message") == 0);
  NEED(::rename("new/message", "tmp/message") == 0);
  NEED(::renameat2(root.get(), "tmp/message", root.get(), "new/message", RENAME_NOREPLACE) == 0);
  NEED(::linkat(root.get(), "new/message", root.get(), "tmp/message", 0) == 0);
  NEED(names_in("new") == std::vector<std::string>{"message"});
  NEED(::mkdirat(root.get(), "large", 0700) == 0);
  const UniqueFd segment(::openat(root.get(), "large/segment", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  NEED(segment);
  NEED(::fallocate(segment.get(), 0, 0, 65536) == 0);
  NEED(::pwrite(segment.get(), "record", 6, 4096) == 6 && ::fdatasync(segment.get()) == 0);
  NEED(::ftruncate(segment.get(), 0) == 0);
  struct statfs space {};
  NEED(::fstatfs(root.get(), &space) == 0);
  struct stat found {};
  NEED(::fstatat(root.get(), "new/message", &found, AT_SYMLINK_NOFOLLOW) == 0);
  NEED(::fchmod(segment.get(), 0640) == 0);
  NEED(::futimens(segment.get(), nullptr) == 0);
  NEED(::syncfs(root.get()) == 0);
  for (const char* name : {"new/message", "tmp/message", "large/segment"})
    NEED(::unlinkat(root.get(), name, 0) == 0);
  const UniqueFd memory(::memfd_create("scratch", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  NEED(memory && ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0);
  return 0;
}

int hash_in_thread() {
  bool right = false;
  std::thread([&right] {
    const auto work = std::make_unique<crypt_data>();
    const char* hash = ::crypt_r("secret", "$2b$04$abcdefghijklmnopqrstuu", work.get());
    right = hash != nullptr && std::strncmp(hash, "$2b$04$", 7) == 0;
  }).join();
  NEED(right);
  return 0;
}

int write_log() {
  NEED(write_file(AT_FDCWD, "log", O_APPEND));
  NEED(write_file(AT_FDCWD, "log", O_APPEND));
  NEED(::rename("log", "log.1") == 0);
  NEED(write_file(AT_FDCWD, "log", O_APPEND));
  NEED(::unlink("log.1") == 0 && ::unlink("log") == 0);
  return 0;
}

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

int sign(EVP_PKEY* key) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  const unsigned char text[] = "text";
  std::array<unsigned char, 128> signature{};
  std::size_t length = signature.size();
  NEED(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1);
  NEED(EVP_DigestSign(context.get(), signature.data(), &length, text, sizeof text) == 1);
  return 0;
}

// Asks by UDP and by TCP, as a resolver does.
int ask_servers(int listener) {
  sockaddr_in server{};
  socklen_t length = sizeof server;
  NEED(::getsockname(listener, reinterpret_cast<sockaddr*>(&server), &length) == 0);
  const UniqueFd datagrams(::socket(AF_INET, SOCK_DGRAM, 0));
  NEED(datagrams);
  NEED(::fcntl(datagrams.get(), F_SETFL, O_NONBLOCK) == 0);
  const int no_discovery = IP_PMTUDISC_OMIT;
  NEED(::setsockopt(datagrams.get(), IPPROTO_IP, IP_MTU_DISCOVER, &no_discovery,
                    sizeof no_discovery) == 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  NEED(::bind(datagrams.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
  NEED(::connect(datagrams.get(), reinterpret_cast<const sockaddr*>(&server), length) == 0);
  NEED(::send(datagrams.get(), "?", 1, 0) == 1);
  sockaddr_storage from{};
  char byte = 0;
  NEED(::recvfrom(datagrams.get(), &byte, 1, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from),
                  &length) == -1 &&
       errno != EPERM);
  const UniqueFd stream(::socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
  NEED(stream);
  const int on = 1;
  NEED(::setsockopt(stream.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
  NEED(::connect(stream.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0);
  NEED(::write(stream.get(), "?", 1) == 1);
  const UniqueFd sixth(::socket(AF_INET6, SOCK_DGRAM, 0));
  NEED(sixth || errno == EAFNOSUPPORT);
  NEED(!sixth || ::setsockopt(sixth.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
  return 0;
}

// A listener on loopback, and a client whose first byte waits in it.
struct Connection {
  UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

  Connection() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener.get(), generic, length) != 0 || ::listen(listener.get(), 4) != 0 ||
        ::getsockname(listener.get(), generic, &length) != 0 ||
        ::connect(client.get(), generic, length) != 0 || ::write(client.get(), "x", 1) != 1)
      std::abort();
  }
};

int work_of(Role role, const Connection& connection, EVP_PKEY* key) {
  switch (role) {
  case Role::smtpd:
  case Role::pop3d:
    return accept_connections(connection.listener.get());
  case Role::queued:
    return store_mail() != 0 ? 1 : hash_in_thread();
  case Role::authd:
    return hash_in_thread();
  case Role::keyd:
    return sign(key);
  case Role::resolvd:
    return ask_servers(connection.listener.get());
  case Role::logd:
    return write_log();
  case Role::letterlockd:
    return 1; // not confined
  }
  return 1;
}

void roles_do_their_work(Start start) {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  for (const Role role : confined_roles) {
    const Connection connection;
    const SocketPair link = make_pair(SOCK_SEQPACKET);
    const Fate fate = run_confined(role, start, *scene, [&] {
      return work_of_every_role(link) != 0 ? 1 : work_of(role, connection, key.get());
    });
    if (fate != Fate{0, 0})
      fail_msg("%s: %s", role_name(role).data(), fate.text().c_str());
    if (os::rights_of(role).accepts_connections) {
      char byte = 0;
      assert_int_equal(::read(connection.client.get(), &byte, 1), 1);
    }
    std::filesystem::remove_all(scene->writable() + "/large");
  }
}

void as_users_child(void**) {
  roles_do_their_work(Start::by_user);
}

void as_roots_child(void**) {
  if (!is_root()) {
    print_message("SKIPPED: needs root\n");
    skip();
  }
  roles_do_their_work(Start::by_root);
}

// An abort must look like one in the parent's log, not like a forbidden call.
void abort_is_an_abort(void**) {
  const Fate fate = run_confined(Role::smtpd, Start::by_user, *scene, []() -> int {
    ::signal(SIGABRT, SIG_DFL);
    std::abort();
  });
  assert_text_equal(fate.text(), Fate{SIGABRT, 0}.text());
}

// exit(3), with its handlers, and with the leak check of a build that has one.
void exits_cleanly(void**) {
  for (const Role role : confined_roles) {
    const Fate fate = run_confined(role, Start::by_user, *scene, []() -> int { std::exit(0); });
    assert_text_equal(fate.text(), "exit 0");
  }
}

int make_scene(void**) {
  scene = new Scene;
  return 0;
}
int strike_scene(void**) {
  delete scene;
  return 0;
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(as_users_child),
      cmocka_unit_test(as_roots_child),
      cmocka_unit_test(abort_is_an_abort),
      cmocka_unit_test(exits_cleanly),
  };
  return cmocka_run_group_tests(tests, make_scene, strike_scene);
}
