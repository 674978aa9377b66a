// Counting line ends.
#include "queued/wire_size.h"

#include <cstring>

namespace letterlock::queued {

void WireSize::add(Bytes bytes) {
  const std::string_view text = as_text(bytes);
  if (text.empty())
    return;
  octets_ += text.size();
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end; ++at) {
    at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (at == nullptr)
      break;
    if ((at == text.data() ? last_ : at[-1]) != '\r')
      ++octets_;
  }
  last_ = text.back();
}

std::uint64_t WireSize::total() const {
  return last_ == '\n' ? octets_ : octets_ + 2;
}

std::uint64_t WireSize::of(std::string_view text) {
  WireSize size;
  size.add(as_bytes(text));
  return size.total();
}

} // namespace letterlock::queued
