// Random 128-bit identifiers and their hexadecimal form.
#include "common/base/id128.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace letterlock {

namespace {
constexpr std::string_view digits = "0123456789abcdef";
}

Id128 Id128::random() {
  Id128 id;
  if (::getentropy(id.bytes.data(), id.bytes.size()) != 0)
    throw std::system_error(errno, std::system_category(), "getentropy");
  return id;
}

std::optional<Id128> Id128::from_hex(std::string_view hex) {
  Id128 id;
  if (hex.size() != 2 * id.bytes.size())
    return std::nullopt;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const auto digit = digits.find(hex[i]);
    if (digit == std::string_view::npos)
      return std::nullopt;
    id.bytes[i / 2] = static_cast<std::uint8_t>(std::size_t{id.bytes[i / 2]} << 4 | digit);
  }
  return id;
}

std::string Id128::hex() const {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::size_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

} // namespace letterlock
