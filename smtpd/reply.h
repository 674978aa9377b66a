// Reply: one line that the server says; its text is fixed at compile time.
//
// Sources: RFC 5321 §4.2 (codes), RFC 2034 §4 and RFC 3463 (enhanced codes, on every 2yz, 4yz and
// 5yz reply except the greeting and the answers to HELO and EHLO). All texts stand in replies.h, so
// that nothing a client said is ever repeated to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace letterlock::smtpd {

struct Reply {
  std::uint16_t code;
  std::string_view enhanced; // empty: none
  std::string_view text;
};

// Appends the reply and CR LF.
void append_reply(std::string& out, const Reply& reply);
// The same with HOSTNAME before the text, as 220, 221, 250 (HELO) and 421 have it.
void append_reply(std::string& out, const Reply& reply, std::string_view hostname);

} // namespace letterlock::smtpd
