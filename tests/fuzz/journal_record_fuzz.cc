// What decodes as a record encodes to bytes that decode to the same: the first byte is the type.
#include "queued/journal/record.h"
#include "tests/fuzz/fuzz.h"

using namespace letterlock;
using namespace letterlock::queued::journal;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  // So that short inputs reach all types, and some that are not known.
  const auto type = static_cast<std::uint8_t>(data[0] % 10);
  const Bytes body = std::as_bytes(std::span(data + 1, size - 1));
  const auto record = decode_body(type, body);
  require(record.has_value() == (type >= 1 && type <= 8));
  if (!record || !*record)
    return 0;
  std::string once, twice;
  encode_body(**record, once);
  // Tagged fields that are not known are all that goes.
  require(type_of(**record) == type && once.size() <= body.size());
  require(once.size() < body.size() || once == as_text(body));
  const auto again = decode_body(type, as_bytes(once));
  require(again && *again);
  encode_body(**again, twice);
  require(once == twice);
  // The message that it brings is one of its own.
  if (const auto message = accept_in(**record)) {
    require(type_of(*message) == type || std::holds_alternative<Outcome>(**record));
    std::string alone;
    encode_body(*message, alone);
    const auto same = decode_body(type_of(*message), as_bytes(alone));
    require(same && *same);
  }
  return 0;
}
