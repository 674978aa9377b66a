// Telling the system that a file will be read soon.
#pragma once

#include <cstdint>

namespace letterlock::os {

// LENGTH octets of the file FD from OFFSET on, 0 for all behind it. The system may begin to read
// them, and the caller goes on; nothing comes of it on systems that cannot, and nothing can fail.
void read_ahead(int fd, std::uint64_t offset, std::uint64_t length);

} // namespace letterlock::os
