// Parsed<T>: a value of the configuration, or what is wrong with it and what would be right.
//
// The reason is the second half of an error line ("\"5X\" is no size; write ..."). It does not say
// where the value stands: the caller knows, and puts that before it.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace letterlock::conf {

template <class T> using Parsed = std::expected<T, std::string>;

inline std::unexpected<std::string> wrong(std::string reason) {
  return std::unexpected(std::move(reason));
}

// The value in double quotes, for a message: cut at 80 bytes, control characters become '?'.
std::string quoted(std::string_view value);

} // namespace letterlock::conf
