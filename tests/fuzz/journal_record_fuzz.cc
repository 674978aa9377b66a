// What decodes as a record encodes to bytes that decode to the same: the first byte is the type.
#include "queued/journal/record.h"

#include <cstdlib>

using namespace letterlock;
using namespace letterlock::queued::journal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  // So that short inputs reach all types, and some that are not known.
  const auto type = static_cast<std::uint8_t>(data[0] % 10);
  const Bytes body = std::as_bytes(std::span(data + 1, size - 1));
  const auto record = decode_body(type, body);
  if (record.has_value() != (type >= 1 && type <= 8))
    std::abort();
  if (!record || !*record)
    return 0;
  std::string once, twice;
  encode_body(**record, once);
  // Tagged fields that are not known are all that goes.
  if (type_of(**record) != type || once.size() > body.size())
    std::abort();
  if (once.size() == body.size() && once != as_text(body))
    std::abort();
  const auto again = decode_body(type, as_bytes(once));
  if (!again || !*again)
    std::abort();
  encode_body(**again, twice);
  if (once != twice)
    std::abort();
  return 0;
}
