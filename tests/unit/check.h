// cmocka for C++: its headers in the order that they need.
#pragma once

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" {
#include <cmocka.h>
}

// Compares text of any length and shows both sides; embedded NULs count.
inline void assert_text_equal(std::string_view actual, std::string_view expected) {
  if (actual != expected)
    fail_msg("got \"%.*s\"\nexpected \"%.*s\"", static_cast<int>(actual.size()), actual.data(),
             static_cast<int>(expected.size()), expected.data());
}
