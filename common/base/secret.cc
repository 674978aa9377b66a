// Wiping of secrets.
#include "common/base/secret.h"

#include <string.h>

namespace letterlock {

void wipe_memory(void* at, std::size_t size) {
  if (size != 0) // an empty span may have no address
    explicit_bzero(at, size);
}

} // namespace letterlock
