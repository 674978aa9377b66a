// Base64 as RFC 4648 §4 has it, strictly: padded, without line breaks or other octets, and with the
// bits that padding leaves unused at zero, so that each text stands for one string of octets only.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace letterlock {

// Decodes TEXT to the start of INTO; the number of octets. None if TEXT is malformed, or stands for
// more than INTO holds. What is in INTO then, or behind the result, is unspecified: a caller that
// decodes a secret wipes all of it.
std::optional<std::size_t> decode_base64(std::string_view text, std::span<char> into);

} // namespace letterlock
