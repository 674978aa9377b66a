// Short texts in a row, in one Blob: for each an octet with its length, and its octets.
#pragma once

#include "common/base/byte_reader.h"
#include "common/ipc/field.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace letterlock::ipc {

// Puts texts in, as many as fit into CAPACITY bytes.
template <std::size_t CAPACITY> class TextPacker {
public:
  // False, and nothing is added, if it does not fit or is longer than 255 octets.
  bool push(std::string_view text) {
    if (text.size() > 255 || text.size() + 1 > CAPACITY - bytes_.size())
      return false;
    bytes_.push_back(static_cast<std::byte>(text.size()));
    append(bytes_, as_bytes(text));
    return true;
  }
  // Valid as long as this object, until the next push().
  Blob<CAPACITY> blob() const { return *Blob<CAPACITY>::of(bytes_); }

private:
  Buffer bytes_;
};

// The texts, which point into PACKED; none if it ends within one.
inline std::optional<std::vector<std::string_view>> unpack_texts(Bytes packed) {
  std::vector<std::string_view> texts;
  ByteReader reader(packed);
  while (!reader.at_end()) {
    const auto length = reader.number<std::uint8_t>();
    const auto text = reader.take(*length);
    if (!text)
      return std::nullopt;
    texts.push_back(as_text(*text));
  }
  return texts;
}

} // namespace letterlock::ipc
