// AddressLiteral: an IP address the way mail writes it, "[192.0.2.1]" or "[IPv6:2001:db8::1]".
//
// Source: RFC 5321 §4.1.3. General-address-literals (other tags) are refused: none was ever
// registered.
#pragma once

#include "common/base/ip_address.h"
#include "common/base/text.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace letterlock::mail {

class AddressLiteral {
public:
  // "[0.0.0.0]", for a peer that has no address (a pipe, a test).
  AddressLiteral() = default;

  // In network order.
  static AddressLiteral ipv4(const std::array<std::uint8_t, 4>& address);
  // An IPv4-mapped address (::ffff:a.b.c.d, from a listener for both families) is written as IPv4.
  static AddressLiteral ipv6(const std::array<std::uint8_t, 16>& address);
  static AddressLiteral of(const IpAddress& address);
  // With the brackets. The numbers are checked, and the shortest form of RFC 5952 is kept.
  static std::optional<AddressLiteral> parse(std::string_view text);

  std::string_view text() const { return text_; }

  friend bool operator==(const AddressLiteral&, const AddressLiteral&) = default;

private:
  Text<56> text_ = "[0.0.0.0]";
};

} // namespace letterlock::mail
