// Numbers as the journal writes them: little-endian, appended to bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace letterlock::queued::journal {

template <class T> void append_number(std::string& bytes, T value) {
  auto rest = static_cast<std::uint64_t>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i, rest >>= 8)
    bytes += static_cast<char>(rest & 0xff);
}

// Over what stands at AT; the caller has made room.
template <class T> void put_number(std::string& bytes, std::size_t at, T value) {
  auto rest = static_cast<std::uint64_t>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i, rest >>= 8)
    bytes[at + i] = static_cast<char>(rest & 0xff);
}

} // namespace letterlock::queued::journal
