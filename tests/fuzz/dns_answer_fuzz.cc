// Answers of the DNS: whatever comes, what is handed on is bounded and can be believed to be what
// it is called; a message that is cut says no more than the whole.
#include "resolvd/dns_answer.h"
#include "tests/fuzz/fuzz.h"

#include <string>

using namespace letterlock;
using namespace letterlock::resolvd;
using fuzz::require;

namespace {

void check_names(Bytes message, std::string_view asked) {
  const auto answer = names_in(message, asked);
  require(answer.request == 0);
  require((answer.outcome == ipc::LookupOutcome::found) == !answer.names.values().empty());
  for (const ipc::HostName& name : answer.names.values()) {
    require(!name.empty());
    for (const char c : name.view())
      require((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.');
  }
}

void check_addresses(Bytes message, std::string_view asked, ipc::AddressFamily family) {
  const auto answer = addresses_in(message, asked, family);
  require((answer.outcome == ipc::LookupOutcome::found) == !answer.addresses.values().empty());
  for (const ipc::PeerText& text : answer.addresses.values()) {
    const auto address = IpAddress::parse(text.view());
    require(address && address->text() == text.view());
    require(address->is_v4() || family == ipc::AddressFamily::ipv6);
  }
}

} // namespace

// A line with the name that was asked for, then the message.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string asked(input.line().substr(0, 300));
  const Bytes message = as_bytes(input.rest());
  check_names(message, asked);
  for (const auto family : {ipc::AddressFamily::ipv4, ipc::AddressFamily::ipv6})
    check_addresses(message, asked, family);
  // Another name's records are none of this one's, unless it is an alias, which this is too long
  // for.
  const std::string other(260, 'x');
  require(names_in(message, other).outcome != ipc::LookupOutcome::found);
  return 0;
}
