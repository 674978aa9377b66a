// IpAddress: an IPv4 or IPv6 address by its octets. IpNetwork: all addresses that begin alike.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace letterlock {

class IpAddress {
public:
  IpAddress() = default; // 0.0.0.0

  // In network order.
  static IpAddress v4(const std::array<std::uint8_t, 4>& bytes);
  // An IPv4-mapped address (::ffff:a.b.c.d) becomes the IPv4 address that it stands for.
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  // "192.0.2.1" or "2001:db8::1", and nothing around it.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const { return size_ == 4; }
  std::span<const std::uint8_t> bytes() const { return std::span(bytes_).first(size_); }
  unsigned bits() const { return 8u * size_; }
  std::string text() const;
  // 127.0.0.1 or ::1: a program of this host that does not pretend to be another one.
  bool is_this_host() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

private:
  std::array<std::uint8_t, 16> bytes_{};
  std::uint8_t size_ = 4;
};

class IpNetwork {
public:
  // The network of so many bits that ADDRESS is in, at most all that it has.
  static IpNetwork around(const IpAddress& address, unsigned bits);
  // "192.0.2.0/24", "2001:db8::/32", or an address, which is a network of one. The bits behind the
  // prefix must be 0, so that nobody means one thing and writes another.
  static std::optional<IpNetwork> parse(std::string_view text);

  const IpAddress& first() const { return first_; }
  unsigned bits() const { return bits_; }
  bool contains(const IpAddress& address) const;
  std::string text() const;

  friend bool operator==(const IpNetwork&, const IpNetwork&) = default;

private:
  IpNetwork(const IpAddress& first, unsigned bits) : first_(first), bits_(bits) {}

  IpAddress first_;
  unsigned bits_;
};

} // namespace letterlock
