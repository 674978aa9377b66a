// TCP_CORK of Linux, TCP_NOPUSH of the BSDs.
#include "common/os/hold_back.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace letterlock::os {

void hold_back_last_segment(int fd) {
#ifdef TCP_CORK
  constexpr int option = TCP_CORK;
#else
  constexpr int option = TCP_NOPUSH;
#endif
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, option, &on, sizeof on);
}

} // namespace letterlock::os
