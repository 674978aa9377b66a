// Reading a whole small file through a descriptor.
#pragma once

#include "common/base/error.h"

#include <cstddef>
#include <string>

namespace letterlock {

// The content of the regular file behind FD, from its beginning; the file's offset, which several
// processes may share, is neither used nor moved. Fails if it is longer than MAX bytes.
Expected<std::string> read_file(int fd, std::size_t max);

} // namespace letterlock
