// inet_pton(3) and inet_ntop(3) are pure functions of text and bytes; they open nothing.
#include "common/mail/address_literal.h"

#include "common/mail/ascii.h"

#include <algorithm>
#include <arpa/inet.h>
#include <string>

namespace letterlock::mail {

namespace {

constexpr std::string_view ipv6_tag = "IPv6:";

Text<56> in_brackets(std::string_view tag, std::string_view address) {
  std::string text = "[";
  text += tag;
  text += address;
  text += ']';
  return Text<56>::cut(text);
}

// Snum 3("." Snum), each of one to three digits and decimal, with zeros before it or not; which
// inet_pton(3) does not take.
bool read_ipv4(std::string_view text, std::array<std::uint8_t, 4>& address) {
  for (std::size_t i = 0; i < address.size(); ++i) {
    const auto snum = text.substr(0, text.find('.'));
    const bool last = snum.size() == text.size();
    if (snum.empty() || snum.size() > 3 || !std::all_of(snum.begin(), snum.end(), is_digit) ||
        last != (i + 1 == address.size()))
      return false;
    unsigned value = 0;
    for (const char c : snum)
      value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 255)
      return false;
    address[i] = static_cast<std::uint8_t>(value);
    text.remove_prefix(last ? snum.size() : snum.size() + 1);
  }
  return true;
}

bool read_ipv6(std::string_view text, std::array<std::uint8_t, 16>& address) {
  return inet_pton(AF_INET6, std::string(text).c_str(), address.data()) == 1;
}

} // namespace

AddressLiteral AddressLiteral::ipv4(const std::array<std::uint8_t, 4>& address) {
  char buffer[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, address.data(), buffer, sizeof buffer);
  AddressLiteral literal;
  literal.text_ = in_brackets("", buffer);
  return literal;
}

AddressLiteral AddressLiteral::ipv6(const std::array<std::uint8_t, 16>& address) {
  constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), address.begin()))
    return ipv4({address[12], address[13], address[14], address[15]});
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, address.data(), buffer, sizeof buffer);
  AddressLiteral literal;
  literal.text_ = in_brackets(ipv6_tag, buffer);
  return literal;
}

AddressLiteral AddressLiteral::of(const IpAddress& address) {
  AddressLiteral literal;
  literal.text_ = in_brackets(address.is_v4() ? "" : ipv6_tag, address.text());
  return literal;
}

std::optional<AddressLiteral> AddressLiteral::parse(std::string_view text) {
  if (text.size() < 2 || text.size() > decltype(text_)::capacity || text.front() != '[' ||
      text.back() != ']' || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  const auto inside = text.substr(1, text.size() - 2);
  std::array<std::uint8_t, 4> four{};
  if (read_ipv4(inside, four))
    return ipv4(four);
  std::array<std::uint8_t, 16> sixteen{};
  if (equal_ignoring_case(inside.substr(0, ipv6_tag.size()), ipv6_tag) &&
      read_ipv6(inside.substr(ipv6_tag.size()), sixteen))
    return ipv6(sixteen);
  return std::nullopt;
}

} // namespace letterlock::mail
