// Command lines of SMTP: however the input is cut, they are what a plain search for CR LF finds,
// and the first bare LF of a line is told; of a faulty line the verb is kept.
#include "smtpd/command_reader.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <vector>

using namespace letterlock;
using namespace letterlock::smtpd;
using fuzz::require;

namespace {

using Fault = CommandReader::Fault;

struct Line {
  Fault fault;
  std::string text;
  friend bool operator==(const Line&, const Line&) = default;
};

std::vector<Line> read(std::string_view input, fuzz::Cuts cuts) {
  CommandReader reader;
  std::vector<Line> lines;
  while (!input.empty()) {
    // Of just its length, as it comes from a socket.
    const std::string piece(cuts.take(input));
    for (std::string_view rest = piece; !rest.empty();) {
      const std::size_t before = rest.size();
      const auto line = reader.take_line(rest);
      require(rest.size() < before);
      if (!line) {
        require(rest.empty());
        break;
      }
      lines.push_back({line->fault, std::string(line->text)});
    }
  }
  return lines;
}

std::vector<Line> expected(std::string_view input) {
  std::vector<Line> lines;
  for (;;) {
    const auto end = input.find("\r\n");
    const auto line = input.substr(0, end);
    const auto bare_feed = line.find('\n');
    const std::string verb(line.substr(0, std::min(bare_feed, CommandReader::verb_size)));
    if (bare_feed < CommandReader::max_line_size)
      lines.push_back({Fault::bare_line_feed, verb});
    else if (end != input.npos && end + 2 > CommandReader::max_line_size)
      lines.push_back({Fault::too_long, verb});
    else if (end != input.npos)
      lines.push_back({Fault::none, std::string(line)});
    if (end == input.npos)
      return lines;
    input.remove_prefix(end + 2);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const fuzz::Cuts cuts = fuzz::take_cuts(input);
  // So that short inputs have long lines.
  std::string text;
  for (const char c : input)
    text.append(c == '\xff' ? 1000 : 1, c);
  const auto lines = expected(text);
  require(read(text, fuzz::Cuts()) == lines);
  require(read(text, cuts) == lines);
  return 0;
}
