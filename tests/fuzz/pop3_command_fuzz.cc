// Fuzzes the POP3 command parser and line splitter: cuts in the input change nothing.
#include "libpop3/command_parser.h"
#include "libpop3/line_splitter.h"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace letterlock::pop3;

namespace {

// One letter for each event, and what the parser made of each line.
std::string outcome(std::string_view input, std::size_t piece) {
  LineSplitter splitter;
  std::string result;
  while (!input.empty()) {
    const auto [event, consumed] = splitter.take(input.substr(0, piece));
    if (event == LineSplitter::Event::incomplete && consumed == 0)
      std::abort();
    input.remove_prefix(consumed);
    if (event == LineSplitter::Event::incomplete)
      continue;
    result += static_cast<char>('a' + static_cast<int>(event));
    if (event == LineSplitter::Event::malformed || event == LineSplitter::Event::endless)
      break;
    if (event != LineSplitter::Event::line)
      continue;
    const auto command = parse_command(splitter.line());
    result += command ? static_cast<char>('A' + command->index()) : '-';
    if (!command && text_of(command.error()).empty())
      std::abort();
  }
  return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  // As one line, whatever is in it.
  (void)parse_command(input);
  (void)parse_plain(input);
  const std::string expected = outcome(input, size + 1);
  for (const std::size_t piece : {1u, 2u, 7u})
    if (outcome(input, piece) != expected)
      std::abort();
  return 0;
}
