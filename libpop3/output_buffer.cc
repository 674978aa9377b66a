// OutputBuffer: one block of memory, made larger or moved up when there is no room at its end.
#include "libpop3/output_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace letterlock::pop3 {

namespace {

constexpr std::size_t first_capacity = 1024; // most replies

} // namespace

void OutputBuffer::drop(std::size_t count) {
  if (count >= size_ - sent_)
    return clear();
  sent_ += count;
}

void OutputBuffer::clear() {
  size_ = sent_ = capacity_ = 0;
  bytes_.reset();
}

OutputBuffer& OutputBuffer::text(std::string_view s) {
  if (!s.empty()) {
    std::memcpy(room(s.size()), s.data(), s.size());
    wrote(s.size());
  }
  return *this;
}

char* OutputBuffer::room(std::size_t count) {
  if (capacity_ - size_ >= count)
    return bytes_.get() + size_;
  const std::size_t unsent = size_ - sent_;
  // Moved up only when at least half was sent, so that each octet is moved once on average.
  if (capacity_ - unsent >= count && sent_ >= unsent) {
    std::memmove(bytes_.get(), bytes_.get() + sent_, unsent);
  } else {
    const std::size_t capacity = std::max({first_capacity, 2 * capacity_, unsent + count});
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (unsent != 0)
      std::memcpy(larger.get(), bytes_.get() + sent_, unsent);
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }
  sent_ = 0;
  size_ = unsent;
  return bytes_.get() + size_;
}

} // namespace letterlock::pop3
