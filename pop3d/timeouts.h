// The times of a POP3 connection, each with its source.
#pragma once

#include <chrono>

namespace letterlock::pop3d {

// Between two commands. RFC 1939 §3: at least ten minutes.
inline constexpr std::chrono::minutes autologout{10};

// From the beginning to a login, and of a session altogether, however much is asked meanwhile: a
// client that never comes to an end must not hold a place for ever.
inline constexpr std::chrono::minutes login_limit{10};
inline constexpr std::chrono::hours session_limit{24};

// Silence after which a session gives way to another login to its maildrop: whoever lost the
// connection without a word need not wait for the autologout.
inline constexpr std::chrono::seconds give_way_after{60};

// For a TLS handshake, from the first octet that may come to its end. A handshake is a few round
// trips; a stranger who makes none must not hold a place for long.
inline constexpr std::chrono::seconds handshake_limit{60};

// For an answer of authd or queued; each part of a listing is one. Clients wait a minute or more
// for a reply (ten, RFC 5321 §4.5.3.2 says of SMTP's), so they still hear of the failure.
inline constexpr std::chrono::seconds answer_limit{30};

// How long a removal that queued has not answered is kept, to be sent again, when the link to it
// is lost: the same for every request that changes the store.
inline constexpr std::chrono::seconds relink_limit{30};

// For the peer to take what one command has caused, so that taking an octet now and then does not
// hold a place for ever: 50 MB at 14 KB a second.
inline constexpr std::chrono::minutes sending_limit{60};

// For the peer to take what is left when the session has ended, and to close.
inline constexpr std::chrono::seconds closing_limit{30};

} // namespace letterlock::pop3d
