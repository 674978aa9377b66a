// What the tests of the journal share: bytes by their hexadecimal digits, records to write.
#pragma once

#include "queued/journal/segment.h"

#include <stdexcept>
#include <string>

namespace letterlock::queued::journal {

// Digits in pairs; anything that is no digit is left out.
inline std::string from_hex(std::string_view text) {
  std::string bytes, digits;
  for (const char c : text) {
    if (std::string_view("0123456789abcdef").find(c) == std::string_view::npos)
      continue;
    digits += c;
    if (digits.size() == 2) {
      bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
      digits.clear();
    }
  }
  if (!digits.empty())
    throw std::runtime_error("half a byte");
  return bytes;
}

inline std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

inline std::string body_of(const Record& record) {
  std::string body;
  encode_body(record, body);
  return body;
}

inline std::string frame_of(const Record& record, std::uint64_t generation, Sequence sequence,
                            Sequence batch) {
  std::string bytes;
  encode_record(record, generation, sequence, batch, bytes);
  return bytes;
}

// 16 octets of NUMBER.
inline Id128 id_of(std::uint8_t number) {
  Id128 id;
  id.bytes.fill(number);
  return id;
}

inline Accept small_accept(std::uint8_t number, std::string_view content = "x\n") {
  Accept accept;
  accept.transaction = id_of(number);
  accept.message = id_of(static_cast<std::uint8_t>(number + 1));
  accept.stored_size = content.size();
  accept.content = content;
  accept.copies = {{1, number, "H\n"}};
  return accept;
}

} // namespace letterlock::queued::journal
