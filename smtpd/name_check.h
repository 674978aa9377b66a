// NameCheck: whether a client has one of the names that may connect, by what the DNS says of it.
//
// Pure. A client's address has names (PTR), which its owner chooses freely; so a name counts only
// if the owner of that name agrees: if it has the client's address in turn (forward-confirmed
// reverse DNS). Names that may not connect anyway are not looked up.
#pragma once

#include "common/base/host_pattern.h"
#include "common/base/ip_address.h"
#include "common/ipc/messages/lookup.h"

#include <cstddef>
#include <span>
#include <vector>

namespace letterlock::smtpd {

class NameCheck {
public:
  // Of the names that may connect so many are looked up.
  static constexpr std::size_t most_names = 8;

  enum class Verdict : std::uint8_t {
    open,      // an answer is missing
    confirmed, // it has name()
    unknown,   // it has no such name
    // Nobody knows: a lookup failed, or there was more than is looked at, which the DNS gives in
    // any order; and nothing else confirmed a name.
    in_doubt,
  };

  explicit NameCheck(const IpAddress& client) : client_(client) {}

  // The answer to the first question, which names the client's address has. Returns those whose
  // addresses are to be looked up now, each once: with the client's family().
  std::vector<ipc::HostName> on_names(const ipc::NamesFound& answer,
                                      std::span<const HostPattern> allowed);
  // The answer for one of them.
  void on_addresses(const ipc::HostName& name, const ipc::AddressesFound& answer);
  // No more answers come: what is open is in doubt.
  void give_up() {
    if (verdict_ == Verdict::open)
      verdict_ = Verdict::in_doubt;
  }

  ipc::AddressFamily family() const {
    return client_.is_v4() ? ipc::AddressFamily::ipv4 : ipc::AddressFamily::ipv6;
  }
  const IpAddress& client() const { return client_; }
  Verdict verdict() const { return verdict_; }
  const ipc::HostName& name() const { return name_; }

private:
  IpAddress client_;
  Verdict verdict_ = Verdict::open;
  std::vector<ipc::HostName> waiting_; // for their addresses
  bool in_part_ = false;               // what was looked at is not all there is
  ipc::HostName name_;
};

} // namespace letterlock::smtpd
