// NameArena: many short texts in few pieces of memory, each found again by a number of 32 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace letterlock::queued {

class NameArena {
public:
  static constexpr std::size_t text_room = 1024;

  // Room for one text of LENGTH octets, at most text_room, to be filled by the caller. Not when
  // it is full.
  struct Room {
    std::uint32_t offset;
    std::span<char> octets;
  };
  Room allocate(std::size_t length);
  bool full() const { return chunks_.size() == chunk_count && chunk_size - used_ < text_room; }

  // Stays where it is as long as the arena lives, but for shrink().
  std::string_view text(std::uint32_t offset, std::size_t length) const {
    return {&chunks_[offset / chunk_size][offset % chunk_size], length};
  }

  // Gives back what is not used. Nothing is allocated after it.
  void shrink();
  // Octets that it has taken.
  std::size_t memory() const;

private:
  static constexpr std::size_t chunk_size = 64 * 1024;
  static constexpr std::size_t chunk_count = (std::size_t{1} << 32) / chunk_size;

  // Pieces of one size: what grows by being copied costs more than the names themselves.
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t used_ = chunk_size; // of the last
};

} // namespace letterlock::queued
