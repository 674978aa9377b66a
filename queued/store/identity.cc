// The file `identity` and the ids.
#include "queued/store/identity.h"

#include <charconv>

namespace letterlock::queued {

namespace {

constexpr std::string_view heading = "letterlock identity 1\n";

template <class Number>
bool take_number(std::string_view& text, std::string_view name, int base, Number& number) {
  if (!text.starts_with(name))
    return false;
  const char* const begin = text.data() + name.size();
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(begin, end, number, base);
  if (error != std::errc() || stopped == end || *stopped != '\n')
    return false;
  text.remove_prefix(static_cast<std::size_t>(stopped - text.data()) + 1);
  return true;
}

} // namespace

Expected<Identity> Identity::parse(std::string_view file) {
  Identity identity;
  if (!file.starts_with(heading))
    return fail("identity: this is not \"letterlock identity 1\"");
  file.remove_prefix(heading.size());
  if (!take_number(file, "node ", 16, identity.node) ||
      !take_number(file, "epoch ", 10, identity.epoch) || !file.empty() ||
      identity.epoch >= Identity::epochs)
    return fail("identity: this is not a node and an epoch");
  return identity;
}

std::string Identity::format() const {
  char node_text[9] = "00000000";
  for (int digit = 0; digit < 8; ++digit)
    node_text[digit] = "0123456789abcdef"[node >> (28 - 4 * digit) & 15];
  return std::string(heading) + "node " + node_text + "\nepoch " + std::to_string(epoch) + "\n";
}

MessageIds::MessageIds(const Identity& identity, std::uint32_t salt) {
  for (std::size_t i = 0; i < 4; ++i) {
    base_.bytes[i] = static_cast<std::uint8_t>(identity.node >> (24 - 8 * i));
    base_.bytes[i + 7] = static_cast<std::uint8_t>(salt >> (24 - 8 * i));
  }
  for (std::size_t i = 0; i < 3; ++i)
    base_.bytes[i + 4] = static_cast<std::uint8_t>(identity.epoch >> (16 - 8 * i));
}

Id128 MessageIds::next() {
  Id128 id = base_;
  const std::uint64_t counter = counter_.fetch_add(1, std::memory_order_relaxed) + 1;
  for (std::size_t i = 0; i < 5; ++i)
    id.bytes[i + 11] = static_cast<std::uint8_t>(counter >> (32 - 8 * i));
  return id;
}

} // namespace letterlock::queued
