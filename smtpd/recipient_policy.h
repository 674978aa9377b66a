// RecipientPolicy: whose mail is taken, asked once for each RCPT, and again when that may have
// changed.
#pragma once

#include "common/mail/path.h"

#include <cstdint>
#include <expected>
#include <optional>

namespace letterlock::smtpd {

// The durable number of an account, as the configuration resolves it.
using AccountId = std::uint32_t;

// An accepted recipient: the address is the one for the Delivered-To field, so it always has a
// domain.
struct Recipient {
  AccountId account = 0;
  mail::Mailbox address;
};

enum class RecipientRefusal {
  unknown, // a domain of ours without such an address
  blocked, // the owner wants no more mail at it; the client is told the same as for unknown
  foreign, // not a domain of ours
  full,    // its account's quota has no room for the message, for the time being
};

class RecipientPolicy {
public:
  virtual ~RecipientPolicy() = default;
  // SIZE is what the client has declared, in octets; 0: nothing.
  virtual std::expected<Recipient, RecipientRefusal> judge(const mail::ForwardPath& path,
                                                           std::uint64_t size) const = 0;
  // Where mail for an address that was accepted goes by now; none: nowhere.
  virtual std::optional<AccountId> account_of(const mail::Mailbox& address) const = 0;
};

} // namespace letterlock::smtpd
