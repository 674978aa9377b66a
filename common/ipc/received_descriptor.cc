// Kinds of descriptors, as the kernel sees them.
#include "common/ipc/received_descriptor.h"

#include "common/os/memory_file.h"
#include "common/os/shared_memory.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace letterlock::ipc {

namespace {

int socket_option(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

bool is_local_socket(int fd, int type) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  return socket_option(fd, SO_TYPE) == type &&
         ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
         address.ss_family == AF_UNIX && socket_option(fd, SO_ACCEPTCONN) == 0;
}

bool is_regular_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

bool is_open_for_both(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) == O_RDWR;
}

} // namespace

bool is_what_it_should_be(Carries carries, int fd) {
  switch (carries) {
  case Carries::nothing:
    return false;
  case Carries::link:
    return is_local_socket(fd, SOCK_STREAM);
  case Carries::log_channel:
    return is_local_socket(fd, SOCK_SEQPACKET);
  case Carries::syslog_channel:
    return is_local_socket(fd, SOCK_DGRAM);
  case Carries::listener:
    return socket_option(fd, SO_TYPE) == SOCK_STREAM && socket_option(fd, SO_ACCEPTCONN) == 1;
  case Carries::readable_file:
    return is_regular_file(fd) && !os::is_writable(fd);
  case Carries::read_write_file:
    return is_regular_file(fd) && is_open_for_both(fd);
  case Carries::shared_memory:
    return os::is_shared_memory(fd);
  }
  return false;
}

} // namespace letterlock::ipc
