// A message on its way to a POP3 client: in whatever chunks it is read, it is sent as the plainest
// encoder sends it, and a client that undoes the encoding has the lines that were stored.
#include "common/mail/wire_size.h"
#include "libpop3/header_scan.h"
#include "libpop3/output_buffer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3_reference.h"

using namespace letterlock;
using namespace letterlock::pop3;
using fuzz::require;

namespace {

// SENT: how much of the output leaves at a time.
std::string encoding(std::string_view stored, fuzz::Cuts cuts, Extent extent, std::size_t sent) {
  MessageEncoder encoder(extent);
  OutputBuffer out;
  std::string wire;
  for (bool more = true; more && !stored.empty();) {
    const std::string_view chunk = cuts.take(stored);
    const std::size_t before = out.unsent().size();
    more = encoder.append(chunk, out);
    require(out.unsent().size() - before <= 2 * chunk.size());
    while (sent != 0 && !out.unsent().empty()) {
      wire += out.unsent().substr(0, sent);
      out.drop(sent);
    }
  }
  encoder.finish(out);
  return wire.append(out.unsent());
}

// RFC 1939 §3, at the client's end; lines end in LF again.
std::string decoded(std::string_view wire) {
  std::string stored;
  for (;;) {
    const auto end = wire.find("\r\n");
    require(end != wire.npos);
    std::string_view line = wire.substr(0, end);
    wire.remove_prefix(end + 2);
    if (line == ".") {
      require(wire.empty());
      return stored;
    }
    if (line.starts_with('.'))
      line.remove_prefix(1);
    stored.append(line).append(1, '\n');
  }
}

// The lines of a message, whatever they end in.
std::string normalized(std::string stored) {
  if (!stored.empty() && stored.back() != '\n')
    stored += '\n';
  std::string lines;
  for (std::size_t i = 0; i < stored.size(); ++i)
    if (stored[i] != '\r' || stored[i + 1] != '\n') // the last is no CR
      lines += stored[i];
  return lines;
}

HeaderScan::Verdict scan(std::string_view stored, fuzz::Cuts cuts) {
  HeaderScan header;
  while (!stored.empty())
    if (const auto verdict = header.append(cuts.take(stored)); verdict != HeaderScan::Verdict::open)
      require(header.finish() == verdict);
  return header.finish();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view stored(reinterpret_cast<const char*>(data), size);
  const fuzz::Cuts cuts = fuzz::take_cuts(stored);
  const std::string all = reference_encoding(std::string(stored), {});
  for (const Extent extent : {Extent{}, Extent{0}, Extent{1}, Extent{3}}) {
    const std::string wire = reference_encoding(std::string(stored), extent);
    require(encoding(stored, {}, extent, 0) == wire);
    require(encoding(stored, cuts, extent, 7) == wire);
    // What TOP sends is the beginning of what RETR sends.
    require(all.starts_with(std::string_view(wire).substr(0, wire.size() - 3)));
  }
  require(decoded(all) == normalized(std::string(stored)));
  std::size_t stuffed = 0;
  for (std::size_t i = 0; i < stored.size(); ++i)
    stuffed += stored[i] == '.' && (i == 0 || stored[i - 1] == '\n');
  require(mail::wire_size(stored) + stuffed + 3 == all.size());
  mail::WireSize pieces;
  fuzz::Cuts again = cuts;
  for (std::string_view rest = stored; !rest.empty();)
    pieces.add(again.take(rest));
  require(pieces.octets() == mail::wire_size(stored));
  require(scan(stored, cuts) == scan(stored, {}));
  return 0;
}
