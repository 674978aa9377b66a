// Pieces of memory for names.
#include "queued/maildir/name_arena.h"

#include <algorithm>

namespace letterlock::queued {

NameArena::Room NameArena::allocate(std::size_t length) {
  if (chunk_size - used_ < length) {
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_size));
    used_ = 0;
  }
  const std::size_t at = used_;
  used_ += length;
  return {static_cast<std::uint32_t>((chunks_.size() - 1) * chunk_size + at),
          {&chunks_.back()[at], length}};
}

void NameArena::shrink() {
  chunks_.shrink_to_fit();
  if (chunks_.empty() || used_ == chunk_size)
    return;
  auto last = std::make_unique_for_overwrite<char[]>(used_);
  std::copy_n(chunks_.back().get(), used_, last.get());
  chunks_.back() = std::move(last);
}

std::size_t NameArena::memory() const {
  const std::size_t before_last = chunks_.empty() ? 0 : (chunks_.size() - 1) * chunk_size + used_;
  return before_last + chunks_.capacity() * sizeof chunks_[0];
}

} // namespace letterlock::queued
