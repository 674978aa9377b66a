// inet_pton(3) and inet_ntop(3) are pure functions of text and bytes; they open nothing.
#include "common/base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace letterlock {

IpAddress IpAddress::v4(const std::array<std::uint8_t, 4>& bytes) {
  IpAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin()))
    return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  IpAddress address;
  address.bytes_ = bytes;
  address.size_ = 16;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton() would stop at a NUL and take what is before it.
  if (text.find('\0') != std::string_view::npos)
    return std::nullopt;
  const std::string terminated(text);
  std::array<std::uint8_t, 4> four{};
  if (::inet_pton(AF_INET, terminated.c_str(), four.data()) == 1)
    return v4(four);
  std::array<std::uint8_t, 16> sixteen{};
  if (::inet_pton(AF_INET6, terminated.c_str(), sixteen.data()) == 1)
    return v6(sixteen);
  return std::nullopt;
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), buffer.data(), buffer.size());
  return buffer.data();
}

bool IpAddress::is_this_host() const {
  std::array<std::uint8_t, 16> loopback{};
  loopback[15] = 1;
  return *this == v4({127, 0, 0, 1}) || *this == v6(loopback);
}

IpNetwork IpNetwork::around(const IpAddress& address, unsigned bits) {
  bits = std::min(bits, address.bits());
  std::array<std::uint8_t, 16> bytes{};
  std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
  for (unsigned bit = bits; bit < address.bits(); ++bit)
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80u >> bit % 8));
  if (address.is_v4())
    return {IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]}), bits};
  return {IpAddress::v6(bytes), bits};
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address)
    return std::nullopt;
  if (slash == std::string_view::npos)
    return around(*address, address->bits());
  const auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits > address->bits())
    return std::nullopt;
  const auto network = around(*address, bits);
  if (network.first() != *address)
    return std::nullopt;
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  return address.is_v4() == first_.is_v4() && around(address, bits_).first_ == first_;
}

std::string IpNetwork::text() const {
  return first_.text() + '/' + std::to_string(bits_);
}

} // namespace letterlock
