// LineSplitter: one pass over the input, from one octet that matters to the next.
#include "libpop3/line_splitter.h"

#include "common/base/secret.h"

#include <algorithm>

namespace letterlock::pop3 {

namespace {

constexpr std::size_t longest_line = max_line - 2; // without CR LF

} // namespace

LineSplitter::Step LineSplitter::take(std::string_view bytes) {
  if (ended_)
    reset();
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (after_cr_)
      return bytes[at] == '\n' ? ended(at + 1) : Step{Event::malformed, at};
    const std::size_t stop =
        std::min(bytes.find_first_of(std::string_view("\r\n\0", 3), at), bytes.size());
    if (!keep(bytes.substr(at, stop - at)))
      return {Event::endless, stop};
    if (stop == bytes.size())
      break;
    if (bytes[stop] != '\r')
      return {Event::malformed, stop};
    after_cr_ = true;
    at = stop + 1;
  }
  return {Event::incomplete, bytes.size()};
}

bool LineSplitter::keep(std::string_view bytes) {
  if (bytes.size() > max_skipped_line - length_)
    return false;
  length_ += bytes.size();
  if (length_ <= longest_line && !bytes.empty()) {
    if (!line_)
      line_ = std::make_unique_for_overwrite<char[]>(longest_line);
    std::copy(bytes.begin(), bytes.end(), line_.get() + kept_);
    kept_ += bytes.size();
  }
  return true;
}

LineSplitter::Step LineSplitter::ended(std::size_t consumed) {
  ended_ = true;
  return {length_ <= longest_line ? Event::line : Event::too_long, consumed};
}

void LineSplitter::reset() {
  wipe_memory(line_.get(), kept_);
  line_.reset();
  kept_ = length_ = 0;
  after_cr_ = ended_ = false;
}

} // namespace letterlock::pop3
