// CRC-32C (Castagnoli), the checksum of message content and of stored records.
//
// Source: RFC 3720 §12.1 and appendix B.4 (polynomial 0x1EDC6F41, reflected, test vectors).
#pragma once

#include "common/base/byte_reader.h"

#include <cstdint>

namespace letterlock {

// Continues from the value for the bytes before; start with 0.
std::uint32_t crc32c(std::uint32_t before, Bytes bytes);

} // namespace letterlock
