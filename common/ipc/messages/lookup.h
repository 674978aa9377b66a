// Messages between the processes that need the DNS and resolvd.
//
// Each question has an answer of its own, which brings `request` back unchanged. Names are in lower
// case, without a final dot; addresses are as IpAddress::text() writes them.
#pragma once

#include "common/ipc/message_types.h"

namespace letterlock::ipc {

enum class LookupOutcome : std::uint8_t {
  found,
  none,   // there is no such name, or it has no such record
  failed, // nobody knows: no answer, or one that says so
};
constexpr std::size_t enumerator_count(LookupOutcome) {
  return 3;
}

enum class AddressFamily : std::uint8_t { ipv4, ipv6 };
constexpr std::size_t enumerator_count(AddressFamily) {
  return 2;
}

// Of one answer. What has no place is left out: an owner of an address may list thousands.
inline constexpr std::size_t most_names_found = 32;
inline constexpr std::size_t most_addresses_found = 64;

// So many questions resolvd asks at once, each from a socket of its own; there is no answer to
// further ones. As many as there are clients at once by default: those whose questions nobody
// answers wait for each other nowhere, and for nobody else.
inline constexpr std::uint32_t most_questions_at_once = 1024;

// Which names has this address? (PTR)
struct LookUpNames {
  static constexpr std::string_view name = "LookUpNames";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t request{};
  PeerText address;
  static constexpr auto fields() {
    return std::tuple(&LookUpNames::request, &LookUpNames::address);
  }
};

// Host names alone.
struct NamesFound {
  static constexpr std::string_view name = "NamesFound";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t request{};
  LookupOutcome outcome{};
  List<HostName, most_names_found> names;
  static constexpr auto fields() {
    return std::tuple(&NamesFound::request, &NamesFound::outcome, &NamesFound::names);
  }
};

// Which addresses has this name? (A or AAAA)
struct LookUpAddresses {
  static constexpr std::string_view name = "LookUpAddresses";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t request{};
  HostName host;
  AddressFamily family{};
  static constexpr auto fields() {
    return std::tuple(&LookUpAddresses::request, &LookUpAddresses::host, &LookUpAddresses::family);
  }
};

struct AddressesFound {
  static constexpr std::string_view name = "AddressesFound";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t request{};
  LookupOutcome outcome{};
  List<PeerText, most_addresses_found> addresses;
  static constexpr auto fields() {
    return std::tuple(&AddressesFound::request, &AddressesFound::outcome,
                      &AddressesFound::addresses);
  }
};

} // namespace letterlock::ipc
