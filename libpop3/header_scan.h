// HeaderScan: finds out whether a message is internationalized mail, whose header is in UTF-8 and
// may only be sent to a client that has asked for it (RFC 6856 §2.1).
//
// Such mail travels by SMTPUTF8 alone, and whoever took it in that way says so in its Received
// field: "with UTF8SMTP", or UTF8SMTPS and so on (RFC 6531 §4.3). So it is a message whose first
// Received field says that and whose header has characters beyond ASCII, all of them well-formed
// (RFC 3629 §4). Any other 8-bit header is what it was before there was UTF-8 mail: octets in no
// declared character set, which are sent as they are; else a client without UTF8 would lose every
// message with a careless subject. The body does not matter: MIME declares what is in it, and
// 8 bits are allowed there (RFC 6152).
//
// The header ends with an empty line, or one with a CR alone, as files of other programs have it.
// Chunks may be cut anywhere: the verdict is the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace letterlock::pop3 {

class HeaderScan {
public:
  enum class Verdict : std::uint8_t {
    open, // the header goes on
    plain,
    utf8,
  };

  // The verdict stays once it is not `open`.
  Verdict append(std::string_view stored);
  // The message ended within its header.
  Verdict finish();

private:
  // How far the search for the first Received field is.
  enum class Trace : std::uint8_t { before, within, declared };

  bool take_octets(std::string_view part);
  bool take_beyond_ascii(unsigned char octet);
  bool end_line();
  bool line_is_empty() const { return line_.empty() || line_ == "\r"; }

  Verdict verdict_ = Verdict::open;
  Trace trace_ = Trace::before;
  bool after_with_ = false; // the last word of the trace was that
  bool beyond_ascii_ = false;
  std::string line_; // the beginning of the line
  // Of a character that is begun: how many octets are to come, and the range of the next.
  unsigned to_come_ = 0;
  unsigned char least_ = 0x80, most_ = 0xbf;
};

} // namespace letterlock::pop3
