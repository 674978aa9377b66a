// Counting line ends.
#include "common/mail/wire_size.h"

#include "common/base/count_octets.h"

namespace letterlock::mail {

void WireSize::add(std::string_view chunk) {
  if (chunk.empty())
    return;
  octets_ += chunk.size();
  octets_ += count_octets(chunk, '\n');
  // Those that have their CR.
  octets_ -= after_cr_ && chunk.front() == '\n' ? 1 : 0;
  for (auto at = chunk.find("\r\n"); at != chunk.npos; at = chunk.find("\r\n", at + 2))
    --octets_;
  line_open_ = chunk.back() != '\n';
  after_cr_ = chunk.back() == '\r';
}

std::uint64_t wire_size(std::string_view stored) {
  WireSize size;
  size.add(stored);
  return size.octets();
}

} // namespace letterlock::mail
