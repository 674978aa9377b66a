// However content is cut, the outcome is the same; it is what a plain reading of the rules says;
// and chunks hold what DATA would have brought.
#include "common/mail/ascii.h"
#include "smtpd/content_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/smtp_recorder.h"

#include <algorithm>
#include <optional>

using namespace letterlock;
using namespace letterlock::smtpd;
using fuzz::require;

namespace {

constexpr ContentLimits small = {.size = 300, .header_size = 60, .header_fields = 4, .received = 2};

struct Outcome {
  bool ended = false;
  std::optional<ContentFault> fault; // if it has ended
  ContentCounts counts;              // if there is no fault
  std::string stored, left;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void finish(Outcome& outcome, const ContentReader& reader, const KeepingSink& sink) {
  outcome.ended = true;
  outcome.fault = reader.fault();
  if (outcome.fault)
    return;
  outcome.stored = sink.kept;
  outcome.counts = reader.counts();
}

Outcome read(std::string_view input, fuzz::Cuts cuts, const ContentLimits& limits) {
  ContentReader reader(limits, Framing::dots);
  KeepingSink sink;
  while (!input.empty()) {
    auto piece = cuts.take(input);
    if (!reader.read(piece, sink)) {
      require(piece.empty());
      continue;
    }
    Outcome outcome;
    finish(outcome, reader, sink);
    outcome.left = std::string(piece) + std::string(input);
    return outcome;
  }
  return {};
}

Outcome read_chunks(std::string_view input, fuzz::Cuts cuts, const ContentLimits& limits) {
  ContentReader reader(limits, Framing::chunks);
  KeepingSink sink;
  while (!input.empty()) {
    auto piece = cuts.take(input);
    require(!reader.read(piece, sink) && piece.empty());
  }
  reader.end_chunks(sink);
  Outcome outcome;
  finish(outcome, reader, sink);
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

// A name, blanks perhaps, a colon.
bool begins_field(std::string_view line) {
  const std::string_view before = line.substr(0, line.find(':'));
  const std::string_view name = before.substr(0, before.find_last_not_of(" \t") + 1);
  return before.size() < line.size() && !name.empty() &&
         std::all_of(name.begin(), name.end(), mail::is_visible);
}

// The slow and obvious way to say what CONTENT is, whose lines are as they are sent.
void judge(Outcome& outcome, std::string_view content, bool dots, const ContentLimits& limits) {
  outcome.ended = true;
  std::string lines;
  bool bad = false;
  const std::string framed = "\r\n" + std::string(content);
  for (std::size_t i = 2; i < framed.size(); ++i) {
    const char c = framed[i];
    const bool cr_lf = framed.compare(i, 2, "\r\n") == 0;
    bad = bad || c == '\0' || (c == '\r' && !cr_lf) || (c == '\n' && framed[i - 1] != '\r');
    const bool stuffing = dots && c == '.' && framed.compare(i - 2, 2, "\r\n") == 0;
    if (c != '\r' && !stuffing)
      lines += c;
  }
  if (!lines.empty() && lines.back() != '\n')
    lines += '\n';
  // The header: up to the first line that is no field's.
  std::string_view rest = lines;
  std::uint64_t header = 0, fields = 0, received = 0;
  while (!rest.empty() && rest.front() != '\n') {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    const bool continued = line.front() == ' ' || line.front() == '\t';
    if (continued ? fields == 0 : !begins_field(line))
      break;
    rest.remove_prefix(line.size() + 1);
    header += line.size() + 1;
    fields += !continued;
    const auto name = line.substr(0, line.find_first_of(": \t"));
    const auto colon = line.find_first_not_of(" \t", name.size());
    // Looked for in the first 16 octets alone.
    received += mail::equal_ignoring_case(name, "received") && colon < 16 && line[colon] == ':';
  }
  const auto ends = static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
  if (bad)
    outcome.fault = ContentFault::bad_line_end;
  else if (lines.size() + ends > limits.size)
    outcome.fault = ContentFault::too_big;
  else if (header > limits.header_size || fields > limits.header_fields)
    outcome.fault = ContentFault::header_too_big;
  else if (received > limits.received)
    outcome.fault = ContentFault::loop;
  if (outcome.fault)
    return;
  outcome.stored = lines;
  outcome.counts = {lines.size(), lines.size() + ends, header,
                    header == 0 && !lines.empty() && lines.front() != '\n'};
}

Outcome expected(std::string_view input, const ContentLimits& limits) {
  Outcome outcome;
  const std::string framed = "\r\n" + std::string(input);
  const auto end = framed.find("\r\n.\r\n");
  if (end == std::string::npos)
    return outcome;
  judge(outcome, std::string_view(framed).substr(2, end), true, limits);
  outcome.left = framed.substr(end + 5);
  return outcome;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const fuzz::Cuts cuts = fuzz::take_cuts(input);
  for (const ContentLimits& limits : {ContentLimits{}, small}) {
    const Outcome whole = read(input, {}, limits);
    require(read(input, cuts, limits) == whole);
    require(whole == expected(input, limits));

    const Outcome chunks = read_chunks(input, {}, limits);
    require(read_chunks(input, cuts, limits) == chunks);
    Outcome plain;
    judge(plain, input, false, limits);
    require(chunks == plain);
    // A final CR would become the beginning of a line end in DATA.
    if (!input.ends_with('\r'))
      require(read(stuffed(input), {}, limits) == chunks);
    else
      require(chunks.fault == ContentFault::bad_line_end);
  }
  return 0;
}
