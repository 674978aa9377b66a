// The lists of system calls, one list for each right.
#if defined(__linux__)

#include "common/os/syscalls_linux.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>

namespace letterlock::os {

namespace {

using Rules = std::vector<SyscallRule>;

void allow(Rules& rules, std::initializer_list<long> numbers) {
  for (const long number : numbers)
    rules.push_back({.number = number, .always_allowed = true, .allowed_when = {}});
}

// Allowed when all tests of one of ALTERNATIVES hold.
void allow_when(Rules& rules, long number, std::vector<ArgumentTests> alternatives, int otherwise) {
  rules.push_back(
      {.number = number, .allowed_when = std::move(alternatives), .otherwise = otherwise});
}

// Allowed when argument INDEX is one of VALUES.
void allow_values(Rules& rules, long number, unsigned index,
                  std::initializer_list<std::uint32_t> values, int otherwise) {
  std::vector<ArgumentTests> alternatives;
  for (const std::uint32_t value : values)
    alternatives.push_back({is(index, value)});
  allow_when(rules, number, std::move(alternatives), otherwise);
}

// EACCES for those of NUMBERS that have no rule yet.
void refuse_the_rest(Rules& rules, std::initializer_list<long> numbers) {
  for (const long number : numbers)
    if (std::none_of(rules.begin(), rules.end(),
                     [number](const SyscallRule& rule) { return rule.number == number; }))
      rules.push_back({.number = number, .allowed_when = {}, .otherwise = EACCES});
}

void descriptors(Rules& rules) {
  allow(rules, {SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_preadv2, SYS_pwrite64,
                SYS_close, SYS_lseek, SYS_fstat, SYS_ftruncate, SYS_pipe2});
  allow_values(rules, SYS_fcntl, 1,
               {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC, F_GET_SEALS, F_ADD_SEALS},
               EPERM);
  // isatty(3) asks with TCGETS when standard output is first written to: "no" is the answer.
  allow_values(rules, SYS_ioctl, 1, {FIONREAD, FIONBIO}, ENOTTY);
}

void event_loop(Rules& rules) {
  allow(rules,
        {SYS_epoll_pwait, SYS_epoll_pwait2, SYS_epoll_ctl, SYS_epoll_create1, SYS_ppoll,
         SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime, SYS_clock_gettime, SYS_clock_getres,
         SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_restart_syscall});
#if defined(__x86_64__)
  allow(rules, {SYS_epoll_wait, SYS_epoll_create, SYS_poll, SYS_time});
#endif
}

// On sockets that are connected already, whoever made them.
void connected_sockets(Rules& rules, bool connects_out) {
  allow(rules, {SYS_recvmsg, SYS_shutdown, SYS_getsockopt, SYS_getsockname, SYS_getpeername});
  // With this flag sendmsg(2) connects: a listener that was shut down could be sent anywhere, and
  // Landlock does not see it.
  // Who may connect is told that there is no such thing, and goes on by connect(2).
  allow_when(rules, SYS_sendmsg, {{has_none_of(2, MSG_FASTOPEN)}},
             connects_out ? EOPNOTSUPP : EPERM);
  // A destination or a place for a source would be an address: send(2) and recv(2) have none.
  allow_when(rules, SYS_sendto, {{is_zero(4)}}, EPERM);
  if (connects_out)
    allow(rules, {SYS_recvfrom});
  else
    allow_when(rules, SYS_recvfrom, {{is_zero(4)}}, EPERM);

  // Nothing that loads a program into the kernel or takes another process's traffic.
  std::vector<ArgumentTests> options;
  for (const int option : {SO_KEEPALIVE, SO_LINGER, SO_SNDBUF, SO_RCVBUF, SO_PASSCRED})
    options.push_back({is(1, SOL_SOCKET), is(2, static_cast<std::uint32_t>(option))});
  for (const int option : {TCP_NODELAY, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT,
                           TCP_USER_TIMEOUT, TCP_QUICKACK})
    options.push_back({is(1, IPPROTO_TCP), is(2, static_cast<std::uint32_t>(option))});
  // How large datagrams may be, and which ports are free to use.
  if (connects_out) {
    options.push_back({is(1, SOL_SOCKET), is(2, SO_REUSEADDR)});
    for (const int option : {IP_MTU_DISCOVER, IP_BIND_ADDRESS_NO_PORT})
      options.push_back({is(1, IPPROTO_IP), is(2, static_cast<std::uint32_t>(option))});
    for (const int option : {IPV6_V6ONLY, IPV6_MTU, IPV6_MTU_DISCOVER})
      options.push_back({is(1, IPPROTO_IPV6), is(2, static_cast<std::uint32_t>(option))});
  }
  allow_when(rules, SYS_setsockopt, std::move(options), EPERM);
}

// Sockets of the process's own, UDP and TCP and no others. A filter does not see addresses: where
// they are connected to, and which UDP port they take, is not limited. Nothing is listened on.
void sockets_to_outside(Rules& rules) {
  constexpr std::uint32_t kinds = 0xf; // the rest of the type are flags
  std::vector<ArgumentTests> alternatives;
  for (const int family : {AF_INET, AF_INET6})
    for (const int kind : {SOCK_DGRAM, SOCK_STREAM})
      alternatives.push_back({is(0, static_cast<std::uint32_t>(family)),
                              {1, kinds, static_cast<std::uint32_t>(kind)}});
  allow_when(rules, SYS_socket, std::move(alternatives), SyscallRule::kill);
  allow(rules, {SYS_bind, SYS_connect});
}

void memory(Rules& rules) {
  allow(rules, {SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex});
  // No page of memory ever becomes code.
  allow_when(rules, SYS_mmap, {{has_none_of(2, PROT_EXEC)}}, EACCES);
  allow_when(rules, SYS_mprotect, {{has_none_of(2, PROT_EXEC)}}, EACCES);
}

void own_process(Rules& rules) {
  allow(rules, {SYS_exit_group, SYS_exit, SYS_getrandom, SYS_getpid, SYS_gettid, SYS_getppid,
                SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_rt_sigaction,
                SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_sched_yield,
                SYS_sched_getaffinity, SYS_sysinfo, SYS_uname});
  // abort(3) and raise(3) signal themselves; no signal goes to another process.
  allow_values(rules, SYS_tgkill, 0, {static_cast<std::uint32_t>(::getpid())}, EPERM);
  // Limits are read (sysconf(3) does), never set; only one's own.
  allow_when(rules, SYS_prlimit64, {{is(0, 0), is_zero(2)}}, EPERM);
  allow_values(rules, SYS_prctl, 0, {PR_SET_NAME}, EPERM);
}

void threads(Rules& rules) {
  allow(rules, {SYS_set_robust_list, SYS_rseq});
  // Exactly what pthread_create(3) of glibc asks for, and of musl with its historical flag.
  constexpr std::uint32_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                                   CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                                   CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  allow_values(rules, SYS_clone, 0, {thread, thread | CLONE_DETACHED}, SyscallRule::kill);
  // Its flags are behind a pointer; libraries fall back to clone(2).
  rules.push_back({.number = SYS_clone3, .allowed_when = {}, .otherwise = ENOSYS});
}

// Paths are below the root directory: chroot and Landlock see to it. Each right comes in all the
// spellings that a C library may use for it.
void log_files(Rules& rules) {
  allow(rules, {SYS_openat, SYS_newfstatat, SYS_statx, SYS_faccessat, SYS_faccessat2,
                SYS_getdents64, SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_fsync, SYS_fdatasync,
                SYS_fstatfs, SYS_fchmod, SYS_umask});
#if defined(__x86_64__)
  allow(rules, {SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_rename, SYS_unlink});
#endif
}

void store_files(Rules& rules) {
  log_files(rules);
  allow(rules,
        {SYS_openat2, SYS_mkdirat, SYS_linkat, SYS_syncfs, SYS_sync_file_range, SYS_fallocate,
         SYS_copy_file_range, SYS_fadvise64, SYS_flock, SYS_utimensat, SYS_fchown, SYS_statfs});
#if defined(__x86_64__)
  allow(rules, {SYS_mkdir, SYS_link});
#endif
}

// fstat(3) of glibc is newfstatat(fd, "", AT_EMPTY_PATH). A path beside that flag cannot be seen
// from here; it would tell about a file's existence and size in an empty root directory.
void no_files(Rules& rules) {
  allow_when(rules, SYS_newfstatat, {{is(3, AT_EMPTY_PATH)}}, EACCES);
}

void refuse_paths(Rules& rules) {
  refuse_the_rest(rules,
                  {SYS_openat,     SYS_openat2,  SYS_statx,     SYS_faccessat, SYS_faccessat2,
                   SYS_readlinkat, SYS_renameat, SYS_renameat2, SYS_unlinkat,  SYS_mkdirat,
                   SYS_mknodat,    SYS_linkat,   SYS_symlinkat, SYS_fchmodat,  SYS_fchownat,
                   SYS_utimensat,  SYS_truncate, SYS_statfs,    SYS_chdir,     SYS_getcwd});
#if defined(__x86_64__)
  refuse_the_rest(rules, {SYS_open, SYS_creat, SYS_stat, SYS_lstat, SYS_access, SYS_readlink,
                          SYS_rename, SYS_unlink, SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_link,
                          SYS_symlink, SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes});
#endif
}

} // namespace

std::vector<SyscallRule> syscall_rules(const Rights& rights) {
  Rules rules;
  event_loop(rules);
  descriptors(rules);
  connected_sockets(rules, rights.connects_out);
  memory(rules);
  own_process(rules);
  if (rights.accepts_connections)
    allow(rules, {SYS_accept4});
  if (rights.connects_out)
    sockets_to_outside(rules);
  if (rights.has_threads)
    threads(rules);
  if (rights.makes_shared_memory)
    allow(rules, {SYS_memfd_create});
  switch (rights.files) {
  case Files::none:
    no_files(rules);
    break;
  case Files::log:
    log_files(rules);
    break;
  case Files::store:
    store_files(rules);
    break;
  }
  refuse_paths(rules);
  for (auto& rule : sanitizer_syscall_rules())
    rules.push_back(std::move(rule));
  return rules;
}

} // namespace letterlock::os

#endif
