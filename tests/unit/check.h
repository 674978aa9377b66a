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

// cmocka's macro would take the name from letterlock::fail(); fail_msg() does all that it did.
#undef fail
#undef fail_msg
#define fail_msg(...)                                                                              \
  do {                                                                                             \
    print_error(__VA_ARGS__);                                                                      \
    print_error("\n");                                                                             \
    _fail(__FILE__, __LINE__);                                                                     \
  } while (0)

// Compares text of any length and shows both sides; embedded NULs count.
inline void assert_text_equal(std::string_view actual, std::string_view expected) {
  if (actual != expected)
    fail_msg("got \"%.*s\"\nexpected \"%.*s\"", static_cast<int>(actual.size()), actual.data(),
             static_cast<int>(expected.size()), expected.data());
}
