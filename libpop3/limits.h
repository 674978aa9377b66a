// The limits of a POP3 session: one of these bounds each line, list and buffer of the engine.
//
// A part of libpop3's interface: a program may rely on them and cannot change them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace letterlock::pop3 {

// RFC 2449 §4 asks for 255 octets with CR LF. RFC 5034 §4 wants the longest response of each
// mechanism taken: AUTH PLAIN carries two names and a password in base64, here 1,200 octets.
inline constexpr std::size_t max_line = 2048;
// A longer line is skipped unbuffered; one longer than this ends the session.
inline constexpr std::size_t max_skipped_line = 64 * 1024;

inline constexpr std::size_t max_user_name = 320; // RFC 5321 §4.5.3.1: 64 + "@" + 255
inline constexpr std::size_t max_password = 256;
inline constexpr std::size_t max_hostname = 255;
inline constexpr std::size_t max_implementation = 64;
inline constexpr std::size_t max_uidl = 70; // RFC 1939 §7

// Messages of one maildrop.
inline constexpr std::uint32_t max_messages = 1'000'000;
// Octets of one message; with max_messages it keeps the sum of a maildrop within 64 bits.
inline constexpr std::uint64_t max_message_size = std::uint64_t{1} << 40;

// Unsent output above which nothing further is produced. One reply line, or one piece of content
// encoded (at most twice its size), may go on top of it.
inline constexpr std::size_t output_bound = 64 * 1024;
// Stored octets that the session asks for at a time.
inline constexpr std::size_t content_chunk = 32 * 1024;

// Sizes, and unique ids, that the session asks for and keeps at a time.
inline constexpr std::uint32_t sizes_at_a_time = 1000;
inline constexpr std::uint32_t uidls_at_a_time = 400;

// Retrievals that are announced before their turn.
inline constexpr unsigned most_expected = 32;

// A header that is longer is not looked through for characters beyond ASCII.
inline constexpr std::uint64_t max_header_scan = 1024 * 1024;

// Logins that were not let in, and commands that were malformed or out of place, after which the
// session ends.
inline constexpr unsigned max_failed_logins = 3;
inline constexpr unsigned max_bad_commands = 20;

} // namespace letterlock::pop3
