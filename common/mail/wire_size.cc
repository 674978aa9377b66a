// Counting line ends.
#include "common/mail/wire_size.h"

#include <algorithm>

namespace letterlock::mail {

void WireSize::add(std::string_view chunk) {
  if (chunk.empty())
    return;
  octets_ += chunk.size();
  octets_ += static_cast<std::uint64_t>(std::count(chunk.begin(), chunk.end(), '\n'));
  line_open_ = chunk.back() != '\n';
}

std::uint64_t wire_size(std::string_view stored) {
  WireSize size;
  size.add(stored);
  return size.octets();
}

} // namespace letterlock::mail
