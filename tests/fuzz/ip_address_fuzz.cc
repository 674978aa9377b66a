// Addresses and networks: what is read is written as text that reads as the same one; a network
// holds what begins like it, and nothing else.
#include "common/base/ip_address.h"
#include "tests/fuzz/fuzz.h"

using namespace letterlock;
using fuzz::require;

namespace {

IpAddress address_of(fuzz::Input& input) {
  if (input.flag()) {
    std::array<std::uint8_t, 4> bytes;
    for (auto& byte : bytes)
      byte = input.octet();
    return IpAddress::v4(bytes);
  }
  std::array<std::uint8_t, 16> bytes;
  for (auto& byte : bytes)
    byte = input.octet();
  return IpAddress::v6(bytes);
}

bool bit_of(const IpAddress& address, unsigned bit) {
  return (address.bytes()[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

void check(const IpAddress& address) {
  require(IpAddress::parse(address.text()) == address);
  require(address.bits() == (address.is_v4() ? 32 : 128));
  // An address that is mapped is the one that it stands for.
  if (address.is_v4())
    require(IpAddress::parse("::ffff:" + address.text()) == address);
  const auto alone = IpNetwork::parse(address.text());
  require(alone && alone->bits() == address.bits() && alone->contains(address));
}

void check(const IpNetwork& network, const IpAddress& other) {
  require(network.bits() <= network.first().bits());
  require(IpNetwork::parse(network.text()) == network && network.contains(network.first()));
  for (unsigned bit = network.bits(); bit < network.first().bits(); ++bit)
    require(!bit_of(network.first(), bit));
  bool begins_alike = other.is_v4() == network.first().is_v4();
  for (unsigned bit = 0; begins_alike && bit < network.bits(); ++bit)
    begins_alike = bit_of(other, bit) == bit_of(network.first(), bit);
  require(network.contains(other) == begins_alike);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string_view text = input.line();
  const IpAddress one = address_of(input), other = address_of(input);
  check(one);
  check(IpNetwork::around(one, input.octet()), other);
  if (const auto address = IpAddress::parse(text)) {
    check(*address);
    // Brackets, blanks and lengths are no part of it.
    for (const std::string& more :
         {'[' + std::string(text) + ']', std::string(text) + ' ', std::string(text) + "/32"})
      require(!IpAddress::parse(more));
  }
  if (const auto network = IpNetwork::parse(text)) {
    check(*network, one);
    check(*network, network->first());
  }
  return 0;
}
