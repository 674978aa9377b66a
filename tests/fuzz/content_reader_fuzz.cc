// However content is cut, the outcome is the same; it is what a plain reading of the rules says;
// and chunks hold what DATA would have brought.
#include "smtpd/content_reader.h"
#include "tests/unit/smtp_recorder.h"

#include <cstdlib>
#include <string>

using namespace letterlock::smtpd;

namespace {

struct Outcome {
  bool ended = false;
  bool bad = false;
  std::string stored, left;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// The pieces are as long as the octets of CUTS say, and the last is all the rest.
Outcome read(std::string_view input, std::string_view cuts) {
  ContentReader reader(ContentLimits{}, Framing::dots);
  KeepingSink sink;
  Outcome outcome;
  while (!input.empty() && !outcome.ended) {
    const std::size_t size = cuts.empty() ? input.size() : static_cast<unsigned char>(cuts.front());
    cuts = cuts.substr(cuts.empty() ? 0 : 1);
    auto piece = input.substr(0, size);
    input.remove_prefix(piece.size());
    outcome.ended = reader.read(piece, sink);
    outcome.left = piece;
  }
  outcome.left += input;
  outcome.bad = reader.fault().has_value();
  if (!outcome.bad && outcome.ended)
    outcome.stored = sink.kept;
  return outcome;
}

Outcome read_chunks(std::string_view input, std::string_view cuts) {
  ContentReader reader(ContentLimits{}, Framing::chunks);
  KeepingSink sink;
  while (!input.empty()) {
    const std::size_t size = cuts.empty() ? input.size() : static_cast<unsigned char>(cuts.front());
    cuts = cuts.substr(cuts.empty() ? 0 : 1);
    auto piece = input.substr(0, size);
    input.remove_prefix(piece.size());
    if (reader.read(piece, sink) || !piece.empty())
      std::abort();
  }
  reader.end_chunks(sink);
  Outcome outcome;
  outcome.ended = true;
  outcome.bad = reader.fault().has_value();
  if (!outcome.bad)
    outcome.stored = sink.kept;
  return outcome;
}

// The same content by DATA: dots at the beginning of a line are doubled, the last line has its end.
std::string stuffed(std::string_view content) {
  std::string text;
  bool line_start = true;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (line_start && content[i] == '.')
      text += '.';
    line_start = content.substr(i, 2) == "\r\n";
    text += content[i];
    if (line_start)
      text += content[++i];
  }
  if (!line_start)
    text += "\r\n";
  return text + ".\r\n";
}

// The slow and obvious way.
Outcome expected(std::string_view input) {
  Outcome outcome;
  const std::string framed = "\r\n" + std::string(input);
  const auto end = framed.find("\r\n.\r\n");
  if (end == std::string::npos)
    return outcome;
  outcome.ended = true;
  outcome.left = framed.substr(end + 5);
  const auto content = framed.substr(0, end + 2);
  for (std::size_t i = 2; i < content.size(); ++i) {
    const char c = content[i];
    const bool cr_lf = content.compare(i, 2, "\r\n") == 0;
    if (c == '\0' || (c == '\r' && !cr_lf) || (c == '\n' && content[i - 1] != '\r'))
      outcome.bad = true;
    const bool stuffing = c == '.' && content.compare(i - 2, 2, "\r\n") == 0;
    if (c != '\r' && !stuffing)
      outcome.stored += c;
  }
  if (outcome.bad)
    outcome.stored.clear();
  return outcome;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto cuts = input.substr(0, size / 8);
  input.remove_prefix(cuts.size());
  const auto whole = read(input, {});
  if (!(read(input, cuts) == whole))
    std::abort();
  if (whole.ended && size < 40'000 && !(whole == expected(input)))
    std::abort();
  if (!whole.ended && expected(input).ended)
    std::abort();
  const auto chunks = read_chunks(input, {});
  if (!(read_chunks(input, cuts) == chunks))
    std::abort();
  // A final CR would become the beginning of a line end there.
  const auto by_data = read(stuffed(input), {});
  if (!input.ends_with('\r') && !(by_data == chunks))
    std::abort();
  if (input.ends_with('\r') && !chunks.bad)
    std::abort();
  return 0;
}
