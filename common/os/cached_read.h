// Reading what is in memory of a file, for a loop that must not wait for the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace letterlock::os {

// Reads from OFFSET on, up to the length of INTO; fewer at the end of the file, and where only a
// part is in memory. None if nothing can be had without waiting, on an error, and on systems that
// do not tell: the caller then has the file read by somebody who may wait.
std::optional<std::size_t> read_cached(int fd, std::span<std::byte> into, std::uint64_t offset);

} // namespace letterlock::os
