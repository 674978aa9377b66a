// The limits of a POP3 session: one of these bounds each line, list and buffer of the engine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace letterlock::pop3d {

// RFC 2449 §4 asks for 255 octets with CR LF; more are taken because a password of UTF-8 text may
// need several octets a character.
inline constexpr std::size_t max_line = 1024;
// A longer line is skipped unbuffered; one longer than this ends the session.
inline constexpr std::size_t max_skipped_line = 64 * 1024;

inline constexpr std::size_t max_user_name = 320; // RFC 5321 §4.5.3.1: 64 + "@" + 255
inline constexpr std::size_t max_password = 256;
inline constexpr std::size_t max_hostname = 255;
inline constexpr std::size_t max_uidl = 70; // RFC 1939 §7

// Messages shown of one maildrop. Further ones appear once some of these were deleted.
inline constexpr std::uint32_t max_messages = 1'000'000;
// Octets of one message; with max_messages it keeps the sum of a maildrop within 64 bits.
inline constexpr std::uint64_t max_wire_size = std::uint64_t{1} << 40;

// Unsent output above which nothing further is produced. One reply line, or one chunk of content
// encoded (at most twice its size), may go on top of it.
inline constexpr std::size_t output_bound = 32 * 1024;
// Stored octets that the session asks for at a time.
inline constexpr std::size_t content_chunk = 16 * 1024;

// Logins that were not let in, and commands that were malformed or out of place, after which the
// session ends.
inline constexpr unsigned max_failed_logins = 3;
inline constexpr unsigned max_bad_commands = 20;

} // namespace letterlock::pop3d
