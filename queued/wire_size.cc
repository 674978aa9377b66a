// Counting line ends.
#include "queued/wire_size.h"

#include <algorithm>

namespace letterlock::queued {

void WireSize::add(Bytes bytes) {
  const std::string_view text = as_text(bytes);
  if (text.empty())
    return;
  octets_ += text.size() + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  line_open_ = text.back() != '\n';
}

std::uint64_t WireSize::total() const {
  return line_open_ ? octets_ + 2 : octets_;
}

std::uint64_t WireSize::of(std::string_view text) {
  WireSize size;
  size.add(as_bytes(text));
  return size.total();
}

} // namespace letterlock::queued
