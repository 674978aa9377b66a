// The CRC-32C of a piece from those of its parts, without going over its bytes again.
//
// A CRC is linear: with A and B the CRCs of two pieces, and n the length of the second, the CRC of
// both is A·x^(8n) + B modulo the polynomial. So it takes some 32 steps for each bit of n.
// Source: RFC 3720 §12.1 for the polynomial; the rest is arithmetic in GF(2).
#pragma once

#include <cstddef>
#include <cstdint>

namespace letterlock::queued::journal {

// Of a first piece and a second one of SECOND_LENGTH bytes, behind each other.
std::uint32_t crc32c_joined(std::uint32_t first, std::uint32_t second, std::size_t second_length);

// Of the second piece alone, of SECOND_LENGTH bytes.
std::uint32_t crc32c_of_rest(std::uint32_t first, std::uint32_t both, std::size_t second_length);

} // namespace letterlock::queued::journal
