// RecipientTable: the recipient policy of a configuration: domains with their catch-all, single
// addresses with their account, blocked addresses.
//
// Lookups are by hash of Mailbox::key() and Domain::key(), so they ignore ASCII case and quoting
// and their cost does not grow with the table. Blocked beats routed, routed beats catch-all.
#pragma once

#include "common/base/error.h"
#include "smtpd/recipient_policy.h"

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace letterlock::smtpd {

class RecipientTable final : public RecipientPolicy {
public:
  // Without a catch-all only routed addresses of DOMAIN exist. An error if the domain is there
  // already.
  Expected<void> add_domain(const mail::Domain& domain, std::optional<AccountId> catchall);
  // An error if the domain is not one of ours or the address is routed already.
  Expected<void> add_route(const mail::Mailbox& address, AccountId account);
  // An error if the domain is not one of ours. Blocking twice is no error.
  Expected<void> add_block(const mail::Mailbox& address);

  // <postmaster>, and postmaster at a domain where nothing else takes it (RFC 5321 §4.5.1 forbids
  // to have none), goes where postmaster at the first domain goes; failing that, to the first
  // catch-all. Only a block of postmaster at its domain turns it away, never the one without a
  // domain.
  std::expected<Recipient, RecipientRefusal> judge(const mail::ForwardPath& path) const;
  // Of any size.
  std::expected<Recipient, RecipientRefusal> judge(const mail::ForwardPath& path,
                                                   std::uint64_t) const override {
    return judge(path);
  }
  std::optional<AccountId> account_of(const mail::Mailbox& address) const override;

private:
  std::expected<Recipient, RecipientRefusal> judge(const mail::Mailbox& mailbox) const;
  std::optional<AccountId> postmaster_account() const;

  std::unordered_map<std::string, std::optional<AccountId>> catchall_by_domain_;
  std::unordered_map<std::string, AccountId> account_by_address_;
  std::unordered_set<std::string> blocked_;
  std::optional<mail::Mailbox> postmaster_; // at the first domain
  std::optional<AccountId> first_catchall_;
};

} // namespace letterlock::smtpd
