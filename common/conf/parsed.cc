// Quoting of values in messages.
#include "common/conf/parsed.h"

#include "common/base/text.h"

namespace letterlock::conf {

std::string quoted(std::string_view value) {
  return '"' + std::string(Text<80>::cut(value).view()) + '"';
}

} // namespace letterlock::conf
