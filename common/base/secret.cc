// Wiping of secrets.
#include "common/base/secret.h"

#include <string.h>

namespace letterlock {

void wipe_memory(void* at, std::size_t size) {
  explicit_bzero(at, size);
}

} // namespace letterlock
