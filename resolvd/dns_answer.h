// What an answer of the DNS says: from the octets of a message to names and addresses.
//
// Pure. Any octets may come: what is no DNS message, or says that the question could not be
// answered, is LookupOutcome::failed. Sources: RFC 1035 §4.1 (message, compression), RFC 1034
// §3.6.2 (CNAME), RFC 3596 (AAAA, ip6.arpa).
#pragma once

#include "common/base/byte_reader.h"
#include "common/base/ip_address.h"
#include "common/ipc/messages/lookup.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace letterlock::resolvd {

enum class RecordType : std::uint16_t { a = 1, cname = 5, ptr = 12, aaaa = 28 };

// A name may be an alias of an alias; reverse zones that are delegated in parts are made of them
// (RFC 2317).
inline constexpr unsigned max_aliases = 8;

// Where the names of an address are: "7.2.0.192.in-addr.arpa".
std::string reverse_name(const IpAddress& address);

// The names that MESSAGE gives for ASKED, which is in lower case: host names alone, each once, as
// many as an answer holds. `request` is left to the caller.
ipc::NamesFound names_in(Bytes message, std::string_view asked);
// The same for addresses of a family.
ipc::AddressesFound addresses_in(Bytes message, std::string_view asked, ipc::AddressFamily family);

} // namespace letterlock::resolvd
