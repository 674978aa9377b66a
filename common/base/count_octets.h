// count_octets: how often an octet occurs in a text; at memory's speed, which std::count is not at
// the usual level of optimisation.
#pragma once

#include <cstdint>
#include <string_view>

namespace letterlock {

std::uint64_t count_octets(std::string_view text, char octet);

} // namespace letterlock
