// The times of a file in nanoseconds.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace letterlock::queued {

// In nanoseconds since 1970; such numbers last until 2262. What lies beyond, which a file system
// can claim, wraps: the numbers are only compared.
inline std::int64_t nanoseconds(const timespec& time) {
  constexpr std::uint64_t second = 1'000'000'000;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(time.tv_sec) * second +
                                   static_cast<std::uint64_t>(time.tv_nsec));
}

// When its content, or the names in it, changed last.
inline std::int64_t time_modified(const struct stat& about) {
  return nanoseconds(about.st_mtim);
}
// The same, with its owner, mode and links.
inline std::int64_t time_changed(const struct stat& about) {
  return nanoseconds(about.st_ctim);
}

} // namespace letterlock::queued
