// Lines and commands of POP3: cuts in the input change nothing; the lines are what a plain search
// finds; a command that is written plainly is the same command.
#include "libpop3/command_parser.h"
#include "libpop3/line_splitter.h"
#include "tests/fuzz/fuzz.h"

#include <optional>
#include <variant>

using namespace letterlock::pop3;
namespace fuzz = letterlock::fuzz;
using fuzz::require;

namespace {

std::string line_of(const command::User& user) {
  return "USER " + std::string(user.name.view());
}
std::string line_of(const command::Pass& pass) {
  return "PASS " + std::string(pass.password.reveal());
}
std::string line_of(const command::Auth&) {
  return "AUTH PLAIN"; // base64_fuzz looks at the response
}
std::string line_of(const command::Stls&) {
  return "STLS";
}
std::string line_of(const command::Utf8&) {
  return "UTF8";
}
std::string line_of(const command::Stat&) {
  return "STAT";
}
std::string with_number(std::string verb, const std::optional<MessageNumber>& message) {
  return verb + (message ? ' ' + std::to_string(message->value()) : "");
}
std::string line_of(const command::List& list) {
  return with_number("LIST", list.message);
}
std::string line_of(const command::Uidl& uidl) {
  return with_number("UIDL", uidl.message);
}
std::string line_of(const command::Retrieve& retrieve) {
  if (!retrieve.extent.body_lines)
    return with_number("RETR", retrieve.message);
  return with_number("TOP", retrieve.message) + ' ' + std::to_string(*retrieve.extent.body_lines);
}
std::string line_of(const command::Dele& dele) {
  return with_number("DELE", dele.message);
}
std::string line_of(const command::Rset&) {
  return "RSET";
}
std::string line_of(const command::Noop&) {
  return "NOOP";
}
std::string line_of(const command::Capa&) {
  return "CAPA";
}
std::string line_of(const command::Quit&) {
  return "QUIT";
}

std::string written(const Command& command) {
  return std::visit([](const auto& one) { return line_of(one); }, command);
}

void check_command(std::string_view line) {
  const auto command = parse_command(line);
  if (!command)
    return require(!text_of(command.error()).empty());
  std::string plain = written(*command);
  const auto again = parse_command(plain);
  require(again && again->index() == command->index() && written(*again) == plain);
  plain[0] = static_cast<char>(plain[0] | 0x20);
  if (!std::holds_alternative<command::Pass>(*command))
    plain += ' ';
  const auto careless = parse_command(plain);
  require(careless && written(*careless) == written(*command));
}

// One letter for each event, and the lines.
std::string outcome(std::string_view input, fuzz::Cuts cuts) {
  LineSplitter splitter;
  std::string result;
  while (!input.empty()) {
    const std::string piece(cuts.take(input));
    for (std::string_view rest = piece; !rest.empty();) {
      const auto [event, consumed] = splitter.take(rest);
      require(consumed <= rest.size());
      if (event == LineSplitter::Event::incomplete) {
        require(consumed == rest.size());
        break;
      }
      rest.remove_prefix(consumed);
      result += static_cast<char>('a' + static_cast<int>(event));
      if (event == LineSplitter::Event::malformed || event == LineSplitter::Event::endless)
        return result;
      if (event != LineSplitter::Event::line)
        continue;
      require(splitter.line().size() <= max_line - 2);
      result.append(splitter.line()).append(1, '\n');
      check_command(splitter.line());
    }
  }
  return result;
}

std::string expected(std::string_view input) {
  const auto letter = [](LineSplitter::Event event) {
    return static_cast<char>('a' + static_cast<int>(event));
  };
  std::string result;
  std::string line;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const bool ends = input[i] == '\r' && i + 1 < input.size() && input[i + 1] == '\n';
    if (input[i] == '\0' || input[i] == '\n' || (input[i] == '\r' && !ends && i + 1 < input.size()))
      return result + letter(LineSplitter::Event::malformed);
    if (!ends) {
      line += input[i];
      if (line.size() > max_skipped_line)
        return result + letter(LineSplitter::Event::endless);
      continue;
    }
    ++i;
    if (line.size() + 2 > max_line)
      result += letter(LineSplitter::Event::too_long);
    else
      (result += letter(LineSplitter::Event::line)).append(line).append(1, '\n');
    line.clear();
  }
  return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  check_command(input); // as one line, whatever is in it
  const fuzz::Cuts cuts = fuzz::take_cuts(input);
  // So that short inputs have long lines.
  std::string text;
  for (const char c : input)
    text.append(c == '\xff' ? 1000 : 1, c);
  const std::string whole = outcome(text, fuzz::Cuts());
  require(outcome(text, cuts) == whole);
  if (text.size() < max_skipped_line)
    require(whole == expected(text));
  return 0;
}
