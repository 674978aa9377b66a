// UTF-8 (RFC 3629), strictly: no overlong forms, surrogates or numbers beyond U+10FFFF.
#pragma once

#include <optional>
#include <string_view>

namespace letterlock::mail {

// Takes the first character off TEXT; none if TEXT is empty or does not begin with a well-formed
// one, and then nothing is taken.
std::optional<char32_t> take_code_point(std::string_view& text);

// Whether all of TEXT is well-formed and free of control characters, C0, DEL and C1 alike.
bool is_printable_utf8(std::string_view text);

} // namespace letterlock::mail
