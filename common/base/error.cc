// Error texts from the system's error numbers.
#include "common/base/error.h"

#include <cerrno>
#include <system_error>

namespace letterlock {

Error Error::system(std::string_view what) {
  return system(what, errno);
}

Error Error::system(std::string_view what, int number) {
  // std::system_category().message() is thread-safe, which strerror() is not.
  return Error{std::string(what) + ": " + std::system_category().message(number)};
}

} // namespace letterlock
