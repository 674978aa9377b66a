// Error: why something could not be done, as one line for a person; Expected<T> carries it.
//
// Used for failures that a person reads (configuration, start-up, files). Protocol machines have
// fault enums of their own, because a program decides on those.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace letterlock {

struct Error {
  std::string text; // one line, no trailing full stop or newline

  // "WHAT: strerror(errno)"; reads errno at the call.
  static Error system(std::string_view what);
  // The same for an error number that was kept.
  static Error system(std::string_view what, int number);
};

template <class T> using Expected = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string text) {
  return std::unexpected(Error{std::move(text)});
}
inline std::unexpected<Error> fail_errno(std::string_view what) {
  return std::unexpected(Error::system(what));
}

} // namespace letterlock
