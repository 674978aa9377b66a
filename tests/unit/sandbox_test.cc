// Enters the sandbox of every role and tries what it must not do, as root's child and as a user's.
#include "tests/unit/check.h"
#include "tests/unit/sandbox_scene.h"

#include <arpa/inet.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>
#include <optional>
#include <vector>

using namespace sandbox_scene;

namespace {

// What an attempt may use; made before the sandbox.
struct Props {
  std::string outside;
  pid_t sibling;
  int unbound_socket;
  int unbound_datagram_socket;
};

// The error number of a call that answered RESULT.
int outcome(long result) {
  return result == -1 ? errno : 0;
}

// The addresses only need to look right: no attempt gets far enough to use them.
sockaddr_in loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int open_path(const std::string& path, int flags) {
  return outcome(::open(path.c_str(), flags | O_CLOEXEC, 0600));
}

// --- the attempts: each answers 0 if it succeeded, or the error number ---

int open_outside(const Props&) {
  return open_path("/etc/passwd", O_RDONLY);
}
int open_upwards(const Props&) {
  return open_path("../../../../etc/passwd", O_RDONLY);
}
int open_through_a_link(const Props&) {
  return open_path("link", O_RDONLY);
}
int open_memory_of_sibling(const Props& props) {
  return open_path("/proc/" + std::to_string(props.sibling) + "/mem", O_RDONLY);
}
int make_file_outside(const Props& props) {
  return open_path(props.outside + "/file", O_WRONLY | O_CREAT);
}
int link_from_outside(const Props&) {
  return outcome(::linkat(AT_FDCWD, "/etc/passwd", AT_FDCWD, "stolen", 0));
}
int stat_outside(const Props&) {
  struct stat found {};
  return outcome(::stat("/etc/passwd", &found));
}
int read_link(const Props&) {
  char target[64];
  return outcome(::readlink("/proc/self/exe", target, sizeof target));
}
int make_device(const Props&) {
  return outcome(::mknod("device", S_IFCHR | 0600, 0x0101));
}
int make_symbolic_link(const Props&) {
  return outcome(::symlink("/", "link2"));
}
int make_internet_socket(const Props&) {
  return outcome(::socket(AF_INET, SOCK_STREAM, 0));
}
int make_raw_socket(const Props&) {
  return outcome(::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}
int make_packet_socket(const Props&) {
  return outcome(::socket(AF_PACKET, SOCK_DGRAM, 0));
}
int make_routing_socket(const Props&) {
  return outcome(::socket(AF_NETLINK, SOCK_DGRAM, 0));
}
int make_unix_socket(const Props&) {
  return outcome(::socket(AF_UNIX, SOCK_STREAM, 0));
}
int make_socket_pair(const Props&) {
  int pair[2];
  return outcome(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}
int connect_socket(const Props& props) {
  const auto address = loopback();
  return outcome(
      ::connect(props.unbound_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}
int bind_socket(const Props& props) {
  const auto address = loopback();
  return outcome(
      ::bind(props.unbound_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}
int take_tcp_port(const Props& props) {
  auto address = loopback();
  address.sin_port = 0;
  return outcome(
      ::bind(props.unbound_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}
int listen_on_socket(const Props& props) {
  return outcome(::listen(props.unbound_socket, 1));
}
int send_to_address(const Props& props) {
  const auto address = loopback();
  return outcome(::sendto(props.unbound_datagram_socket, "x", 1, 0,
                          reinterpret_cast<const sockaddr*>(&address), sizeof address));
}
int connect_by_sending(const Props& props) {
  auto address = loopback();
  char byte = 'x';
  iovec part{&byte, 1};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return outcome(::sendmsg(props.unbound_socket, &message, MSG_FASTOPEN));
}
int attach_program_to_socket(const Props& props) {
  sock_filter accept_all = BPF_STMT(BPF_RET | BPF_K, 0xffff);
  const sock_fprog program{1, &accept_all};
  return outcome(
      ::setsockopt(props.unbound_socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
}
int run_shell(const Props&) {
  char name[] = "/bin/sh";
  char* arguments[] = {name, nullptr};
  return outcome(::execve(name, arguments, nullptr));
}
int run_descriptor(const Props&) {
  char* arguments[] = {nullptr};
  return outcome(::syscall(SYS_execveat, 0, "", arguments, nullptr, AT_EMPTY_PATH));
}
int start_process(const Props&) {
  const long child = ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0)
    ::_exit(0);
  return outcome(child);
}
int start_process_unseen(const Props&) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  const long child = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (child == 0)
    ::_exit(0);
  return outcome(child);
}
int start_thread(const Props&) {
  pthread_t thread{};
  const int error = ::pthread_create(
      &thread, nullptr, [](void* p) { return p; }, nullptr);
  return error != 0 ? error : ::pthread_join(thread, nullptr);
}
int trace_sibling(const Props& props) {
  return outcome(::ptrace(PTRACE_ATTACH, props.sibling, nullptr, nullptr));
}
int read_memory_of_sibling(const Props& props) {
  char byte;
  const iovec here{&byte, 1};
  const iovec there{const_cast<Props*>(&props), 1};
  return outcome(::process_vm_readv(props.sibling, &here, 1, &there, 1, 0));
}
int write_memory_of_sibling(const Props& props) {
  char byte = 0;
  const iovec here{&byte, 1};
  const iovec there{const_cast<Props*>(&props), 1};
  return outcome(::process_vm_writev(props.sibling, &here, 1, &there, 1, 0));
}
int kill_sibling(const Props& props) {
  return outcome(::kill(props.sibling, SIGTERM));
}
int kill_thread_of_sibling(const Props& props) {
  return outcome(::syscall(SYS_tgkill, props.sibling, props.sibling, SIGTERM));
}
int take_descriptors_of_sibling(const Props& props) {
  return outcome(::syscall(SYS_pidfd_open, props.sibling, 0));
}
int gain_capability(const Props&) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct all[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
  return outcome(::syscall(SYS_capset, &header, all));
}
int become_root(const Props&) {
  return outcome(::setuid(0));
}
int join_group(const Props&) {
  const gid_t group = 0;
  return outcome(::setgroups(1, &group));
}
int mount_file_system(const Props&) {
  return outcome(::mount("none", "/", "tmpfs", 0, nullptr));
}
int unshare_user(const Props&) {
  return outcome(::unshare(CLONE_NEWUSER));
}
int change_root_again(const Props&) {
  return outcome(::chroot("/"));
}
int change_directory(const Props&) {
  return outcome(::chdir(".."));
}
int map_code(const Props&) {
  void* at = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? errno : 0;
}
int make_code_of_data(const Props&) {
  void* at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? -1 : outcome(::mprotect(at, 4096, PROT_READ | PROT_EXEC));
}
int ask_key_ring(const Props&) {
  return outcome(::syscall(SYS_keyctl, 0, -3, 1, 0, 0));
}
int load_bpf(const Props&) {
  return outcome(::syscall(SYS_bpf, 0, nullptr, 0));
}
int set_up_io_uring(const Props&) {
  return outcome(::syscall(SYS_io_uring_setup, 1, nullptr));
}
int open_perf_event(const Props&) {
  return outcome(::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0));
}
int handle_page_faults(const Props&) {
  return outcome(::syscall(SYS_userfaultfd, 0));
}
int load_module(const Props&) {
  return outcome(::syscall(SYS_init_module, nullptr, 0, ""));
}
int raise_descriptor_limit(const Props&) {
  const rlimit more{1024, 1024};
  return outcome(::setrlimit(RLIMIT_NOFILE, &more));
}
int become_dumpable(const Props&) {
  return outcome(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
int outlive_parent(const Props&) {
  return outcome(::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
}
int type_into_terminal(const Props&) {
  char letter = 'x';
  return outcome(::ioctl(0, TIOCSTI, &letter));
}
int take_signals_of_descriptor(const Props& props) {
  return outcome(::fcntl(props.unbound_socket, F_SETOWN, props.sibling));
}
#if defined(__x86_64__)
int call_as_x32(const Props&) {
  return outcome(::syscall(0x40000000 | SYS_getpid));
}
int call_as_i386(const Props&) {
  constexpr int getpid_of_i386 = 20;
  long result = getpid_of_i386;
  asm volatile("int $0x80" : "+a"(result) : : "memory", "cc", "r8", "r9", "r10", "r11");
  return result > 0 ? 0 : static_cast<int>(-result);
}
#endif

// --- what must become of them ---

// Any of these; `killed` stands for death by SIGSYS.
constexpr int killed = -1;
using Refusals = std::vector<int>;

struct Attempt {
  const char* name;
  int (*run)(const Props&);
  Refusals without_files;                              // what roles with no right to files see
  std::optional<Refusals> with_files;                  // the others, where it differs
  bool for_threads_only = false;                       // roles without threads: killed
  std::optional<Refusals> with_sockets = std::nullopt; // roles that connect out, where it differs
};

// To take a port is a right that no filter of calls can give for UDP alone.
Refusals refusals_of_tcp_port() {
  return {os::landlock_abi() >= 4 ? EACCES : 0};
}

const Attempt attempts[] = {
    // Below another root directory the path does not exist; without one, Landlock stands before it.
    {"open a file outside", open_outside, {EACCES}, {{ENOENT, EACCES}}},
    {"open a file by ..", open_upwards, {EACCES}, {{ENOENT, EACCES}}},
    {"open a file through a link", open_through_a_link, {EACCES}, {{ENOENT, EACCES}}},
    {"open a sibling's memory", open_memory_of_sibling, {EACCES}, {{ENOENT, EACCES}}},
    {"make a file outside", make_file_outside, {EACCES}, {{ENOENT, EACCES}}},
    {"link a file from outside", link_from_outside, {EACCES}, {{ENOENT, EACCES, EXDEV, EPERM}}},
    {"look at a file outside", stat_outside, {EACCES}, {{ENOENT, 0}}},
    {"read a link", read_link, {EACCES}, {}},
    {"make a device", make_device, {EACCES}, {}},
    {"make a symbolic link", make_symbolic_link, {EACCES}, {}},
    {"change directory", change_directory, {EACCES}, {}},
    {"make an internet socket", make_internet_socket, {killed}, {}, false, {{0}}},
    {"make a raw socket", make_raw_socket, {killed}, {}},
    {"make a packet socket", make_packet_socket, {killed}, {}},
    {"make a routing socket", make_routing_socket, {killed}, {}},
    {"make a unix socket", make_unix_socket, {killed}, {}},
    {"make a socket pair", make_socket_pair, {killed}, {}},
    {"connect", connect_socket, {killed}, {}, false, {{ECONNREFUSED}}},
    {"bind", bind_socket, {killed}, {}, false, {{EACCES}}},
    {"take a TCP port", take_tcp_port, {killed}, {}, false, refusals_of_tcp_port()},
    {"listen", listen_on_socket, {killed}, {}},
    {"send to an address", send_to_address, {EPERM}, {}},
    {"connect by sending", connect_by_sending, {EPERM}, {}, false, {{EOPNOTSUPP}}},
    {"attach a program to a socket", attach_program_to_socket, {EPERM}, {}},
    {"run a shell", run_shell, {killed}, {}},
    {"run a descriptor", run_descriptor, {killed}, {}},
    {"start a process", start_process, {killed}, {}},
    {"start a process with hidden flags", start_process_unseen, {ENOSYS}, {}, true},
    {"trace a sibling", trace_sibling, {killed}, {}},
    {"read a sibling's memory", read_memory_of_sibling, {killed}, {}},
    {"write a sibling's memory", write_memory_of_sibling, {killed}, {}},
    {"kill a sibling", kill_sibling, {killed}, {}},
    {"kill a sibling's thread", kill_thread_of_sibling, {EPERM}, {}},
    {"take a sibling's descriptors", take_descriptors_of_sibling, {killed}, {}},
    {"gain a capability", gain_capability, {killed}, {}},
    {"become root", become_root, {killed}, {}},
    {"join a group", join_group, {killed}, {}},
    {"mount", mount_file_system, {killed}, {}},
    {"unshare", unshare_user, {killed}, {}},
    {"change root again", change_root_again, {killed}, {}},
    {"map code", map_code, {EACCES}, {}},
    {"make code of data", make_code_of_data, {EACCES}, {}},
    {"ask the key ring", ask_key_ring, {killed}, {}},
    {"load bpf", load_bpf, {killed}, {}},
    {"set up io_uring", set_up_io_uring, {killed}, {}},
    {"open a perf event", open_perf_event, {killed}, {}},
    {"handle page faults", handle_page_faults, {killed}, {}},
    {"load a module", load_module, {killed}, {}},
    {"raise the descriptor limit", raise_descriptor_limit, {EPERM}, {}},
    {"become dumpable", become_dumpable, {EPERM}, {}},
    {"outlive the parent", outlive_parent, {EPERM}, {}},
    {"type into the terminal", type_into_terminal, {ENOTTY}, {}},
    {"take a descriptor's signals", take_signals_of_descriptor, {EPERM}, {}},
#if defined(__x86_64__)
    {"call as x32", call_as_x32, {killed}, {}},
    {"call as i386", call_as_i386, {killed}, {}},
#endif
};

const char* name_of(int (*run)(const Props&)) {
  for (const Attempt& attempt : attempts)
    if (attempt.run == run)
      return attempt.name;
  return "start a thread";
}

const Refusals& refusals_of(const Attempt& attempt, Role role) {
  static const Refusals killed_only = {killed};
  const os::Rights& rights = os::rights_of(role);
  if (attempt.for_threads_only && !rights.has_threads)
    return killed_only;
  if (rights.connects_out && attempt.with_sockets)
    return *attempt.with_sockets;
  if (rights.files != Files::none && attempt.with_files)
    return *attempt.with_files;
  return attempt.without_files;
}

bool is_one_of(const Refusals& refusals, const Fate& fate) {
  for (const int refusal : refusals)
    if (fate == (refusal == killed ? Fate{SIGSYS, 0} : Fate{0, refusal}))
      return true;
  return false;
}

Scene* scene;

void every_attempt_is_refused(Start start) {
  const UniqueFd stream(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd datagram(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const Props props{scene->outside(), scene->sibling(), stream.get(), datagram.get()};
  int wrong = 0;
  for (const Role role : confined_roles)
    for (const Attempt& attempt : attempts) {
      // Nothing but Landlock walls off the other files of the same user.
      const bool needs_landlock = start == Start::by_user && attempt.with_files.has_value() &&
                                  os::rights_of(role).files != Files::none;
      if (needs_landlock && os::landlock_abi() < 2) {
        print_message("not tried without Landlock 2: %s: %s\n", role_name(role).data(),
                      attempt.name);
        continue;
      }
      const Fate fate = run_confined(role, start, *scene, [&] { return attempt.run(props); });
      if (is_one_of(refusals_of(attempt, role), fate))
        continue;
      print_error("%s: %s: %s\n", role_name(role).data(), attempt.name, fate.text().c_str());
      ++wrong;
    }
  assert_int_equal(wrong, 0);
  assert_int_equal(::kill(scene->sibling(), 0), 0);
}

void roles_without_threads_cannot_start_one(Start start) {
  for (const Role role : confined_roles) {
    const Fate fate = run_confined(role, start, *scene, [] { return start_thread(Props{}); });
    const Fate expected = os::rights_of(role).has_threads ? Fate{0, 0} : Fate{SIGSYS, 0};
    if (fate != expected)
      fail_msg("%s: start a thread: %s", role_name(role).data(), fate.text().c_str());
  }
}

void refused_as_roots_child(void**) {
  if (!is_root()) {
    print_message("SKIPPED: needs root\n");
    skip();
  }
  every_attempt_is_refused(Start::by_root);
  roles_without_threads_cannot_start_one(Start::by_root);
}

void refused_as_users_child(void**) {
  every_attempt_is_refused(Start::by_user);
  roles_without_threads_cannot_start_one(Start::by_user);
}

// Without this, a refusal above could have come from anything but the sandbox.
void attempts_succeed_outside(void**) {
  const UniqueFd stream(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd datagram(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const Props props{scene->outside(), scene->sibling(), stream.get(), datagram.get()};
  for (const auto attempt : {open_outside,
                             make_file_outside,
                             stat_outside,
                             read_link,
                             make_internet_socket,
                             make_unix_socket,
                             make_socket_pair,
                             send_to_address,
                             start_process,
                             start_process_unseen,
                             start_thread,
                             take_descriptors_of_sibling,
                             map_code,
                             make_code_of_data,
                             become_dumpable,
                             outlive_parent,
                             take_signals_of_descriptor,
                             change_directory,
                             read_memory_of_sibling,
                             take_tcp_port,
                             listen_on_socket}) {
    const Fate fate = run_forked([&] {
      if (is_root())
        become_ordinary_user(test_user());
      ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
      return attempt(props);
    });
    if (fate != Fate{0, 0})
      fail_msg("%s: %s", name_of(attempt), fate.text().c_str());
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
      cmocka_unit_test(attempts_succeed_outside),
      cmocka_unit_test(refused_as_users_child),
      cmocka_unit_test(refused_as_roots_child),
  };
  return cmocka_run_group_tests(tests, make_scene, strike_scene);
}
