// How large the journal may become on a file system of a certain size. Pure.
//
// Source: docs/spool.md, "The journal".
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace letterlock::queued {

struct JournalSize {
  std::size_t segment_bytes = 0;
  std::size_t segments = 0;
};

// 8 segments of 32 MiB; less on a small file system, of which it takes an eighth at most, but not
// less than two segments of 1 MiB.
constexpr JournalSize journal_size_for(std::uint64_t file_system_bytes) {
  constexpr std::uint64_t mebibyte = 1u << 20;
  const std::uint64_t segment =
      std::clamp(file_system_bytes / 256 / mebibyte, std::uint64_t{1}, std::uint64_t{32}) *
      mebibyte;
  const std::uint64_t segments =
      std::clamp(file_system_bytes / 8 / segment, std::uint64_t{2}, std::uint64_t{8});
  return {static_cast<std::size_t>(segment), static_cast<std::size_t>(segments)};
}

} // namespace letterlock::queued
