// fail_with: ends a test with a text of any length, which cmocka would cut off. Included last, as
// tests/unit/check.h is.
#pragma once

#include <cstdio>
#include <string>

#include "tests/unit/check.h"

namespace letterlock::crash {

inline void fail_with(const std::string& text) {
  std::fputs((text + '\n').c_str(), stderr);
  fail_msg("see above");
}

} // namespace letterlock::crash
