// Three lookups a recipient, most particular first.
#include "smtpd/recipient_table.h"

#include "common/mail/ascii.h"

namespace letterlock::smtpd {

namespace {

constexpr std::string_view postmaster = "postmaster";

} // namespace

Expected<void> RecipientTable::add_domain(const mail::Domain& domain,
                                          std::optional<AccountId> catchall) {
  if (!catchall_by_domain_.emplace(domain.key(), catchall).second)
    return fail("domain " + domain.text() + " is given twice");
  if (!postmaster_)
    postmaster_ = mail::Mailbox::join(postmaster, domain);
  if (!first_catchall_)
    first_catchall_ = catchall;
  return {};
}

Expected<void> RecipientTable::add_route(const mail::Mailbox& address, AccountId account) {
  if (!catchall_by_domain_.contains(address.domain().key()))
    return fail("address " + address.text() + " is at no domain of this server");
  if (!account_by_address_.emplace(address.key(), account).second)
    return fail("address " + address.text() + " is given twice");
  return {};
}

Expected<void> RecipientTable::add_block(const mail::Mailbox& address) {
  if (!catchall_by_domain_.contains(address.domain().key()))
    return fail("address " + address.text() + " is at no domain of this server");
  blocked_.insert(address.key());
  return {};
}

std::expected<Recipient, RecipientRefusal>
RecipientTable::judge(const mail::ForwardPath& path) const {
  if (const auto* mailbox = std::get_if<mail::Mailbox>(&path))
    return judge(*mailbox);
  const auto account = postmaster_account();
  if (!account)
    return std::unexpected(RecipientRefusal::unknown);
  return Recipient{*account, *postmaster_};
}

std::expected<Recipient, RecipientRefusal>
RecipientTable::judge(const mail::Mailbox& mailbox) const {
  const auto domain = catchall_by_domain_.find(mailbox.domain().key());
  if (domain == catchall_by_domain_.end())
    return std::unexpected(RecipientRefusal::foreign);
  const auto key = mailbox.key();
  if (blocked_.contains(key))
    return std::unexpected(RecipientRefusal::blocked);
  std::optional<AccountId> account = domain->second;
  if (const auto route = account_by_address_.find(key); route != account_by_address_.end())
    account = route->second;
  if (!account && mail::equal_ignoring_case(mailbox.local_part(), postmaster))
    account = postmaster_account();
  if (!account)
    return std::unexpected(RecipientRefusal::unknown);
  return Recipient{*account, mailbox};
}

std::optional<AccountId> RecipientTable::account_of(const mail::Mailbox& address) const {
  const auto recipient = judge(address);
  return recipient ? std::optional(recipient->account) : std::nullopt;
}

std::optional<AccountId> RecipientTable::postmaster_account() const {
  if (!postmaster_)
    return std::nullopt;
  if (const auto route = account_by_address_.find(postmaster_->key());
      route != account_by_address_.end())
    return route->second;
  // The first domain's own catch-all, if it has one, is the first of all.
  return first_catchall_;
}

} // namespace letterlock::smtpd
