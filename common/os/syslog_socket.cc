// The connection to the system's log: /dev/log on Linux; OpenBSD's syslogd listens there too.
#include "common/os/syslog_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace letterlock::os {

UniqueFd connect_to_syslog() {
  static constexpr char path[] = "/dev/log";
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, sizeof path);
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return UniqueFd();
  return fd;
}

} // namespace letterlock::os
