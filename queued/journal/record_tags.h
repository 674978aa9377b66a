// The numbers of record types and tagged fields, for those who write and those who read them.
//
// Source: docs/spool.md, "The journal".
#pragma once

#include <cstddef>
#include <cstdint>

namespace letterlock::queued::journal {

namespace type {
inline constexpr std::uint8_t accept = 1, materialised = 2, outcome = 3, expunge = 4, voided = 5,
                              retire = 6, seen = 7, positions = 8;
}

namespace tag {
inline constexpr std::uint16_t reverse_path = 1, relay_recipient = 2, envelope_id = 3, ret = 4,
                               not_before = 5, // of an Accept
    dsn = 6;                                   // of an Outcome
}

// What an entry of a list has at least: no count can be believed that needs more than is there.
inline constexpr std::size_t copy_size = 16, recipient_size = 20, name_size = 4, id_size = 16,
                             position_size = 16;

} // namespace letterlock::queued::journal
