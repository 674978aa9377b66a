// Mail: a message to be committed, known by its number alone: content, heads and transaction follow
// from it.
#pragma once

#include "tests/crash/dice.h"
#include "tests/unit/store_support.h"

namespace letterlock::crash {

struct Mail {
  std::uint32_t number = 0; // not 0
  std::vector<std::uint32_t> accounts{1};
  std::size_t size = 60; // of the content, about
  bool in_file = false;  // sent in a scratch file
  bool spoiled = false;  // with a wrong checksum
};

// Lines of letters, no two messages' alike, so that a sector of another message is never taken for
// one of this.
inline std::string text_of(std::uint32_t number, std::size_t size) {
  std::string text = "Subject: " + std::to_string(number) + "\n\n";
  Dice dice(number);
  while (text.size() + 1 < size)
    text += text.size() % 64 == 63 ? '\n' : static_cast<char>('a' + dice.under(26));
  return text + '\n';
}

inline std::string copy_of(const Mail& mail, std::uint32_t account) {
  return queued::head_for(account) + text_of(mail.number, mail.size);
}

inline Id128 transaction_of(std::uint32_t number) {
  Id128 id;
  id.bytes[0] = 0x7c;
  for (std::size_t i = 0; i < 4; ++i)
    id.bytes[15 - i] = static_cast<std::uint8_t>(number >> 8 * i);
  return id;
}

inline queued::Delivery delivery_of(const Mail& mail) {
  auto made =
      queued::delivery(transaction_of(mail.number), text_of(mail.number, mail.size), mail.accounts);
  made.crc ^= mail.spoiled;
  return made;
}

} // namespace letterlock::crash
