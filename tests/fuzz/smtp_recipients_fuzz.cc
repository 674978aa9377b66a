// Whose mail is taken: what three lists that are looked through line by line say, whatever the case
// and the quoting of an address.
//
// A line is a letter and a name: a domain with or without a catch-all, a route, a block, or a
// recipient to be judged by what was said before it.
#include "common/mail/ascii.h"
#include "smtpd/recipient_table.h"
#include "tests/fuzz/fuzz.h"

#include <vector>

using namespace letterlock;
using namespace letterlock::smtpd;
using fuzz::require;

namespace {

struct Lists {
  std::vector<std::pair<mail::Domain, std::optional<AccountId>>> domains;
  std::vector<std::pair<mail::Mailbox, AccountId>> routes;
  std::vector<mail::Mailbox> blocks;

  const std::optional<AccountId>* catchall(const mail::Domain& wanted) const {
    for (const auto& [domain, account] : domains)
      if (domain == wanted)
        return &account;
    return nullptr;
  }
  std::optional<AccountId> route(const mail::Mailbox& wanted) const {
    for (const auto& [mailbox, account] : routes)
      if (mailbox == wanted)
        return account;
    return std::nullopt;
  }
  // Of this host: RFC 5321 §4.5.1.
  std::optional<AccountId> postmaster() const {
    if (domains.empty())
      return std::nullopt;
    if (const auto account = route(*mail::Mailbox::join("postmaster", domains.front().first)))
      return account;
    for (const auto& [domain, account] : domains)
      if (account)
        return account;
    return std::nullopt;
  }
};

std::expected<AccountId, RecipientRefusal> expected(const Lists& lists,
                                                    const mail::ForwardPath& path) {
  const auto* mailbox = std::get_if<mail::Mailbox>(&path);
  std::optional<AccountId> account;
  if (mailbox == nullptr) {
    account = lists.postmaster();
  } else {
    const auto* catchall = lists.catchall(mailbox->domain());
    if (catchall == nullptr)
      return std::unexpected(RecipientRefusal::foreign);
    if (std::find(lists.blocks.begin(), lists.blocks.end(), *mailbox) != lists.blocks.end())
      return std::unexpected(RecipientRefusal::blocked);
    account = lists.route(*mailbox);
    if (!account)
      account = *catchall;
    if (!account && mail::equal_ignoring_case(mailbox->local_part(), "postmaster"))
      account = lists.postmaster();
  }
  if (!account)
    return std::unexpected(RecipientRefusal::unknown);
  return *account;
}

void check(const RecipientTable& table, const Lists& lists, const mail::ForwardPath& path) {
  const auto judged = table.judge(path);
  const auto should = expected(lists, path);
  require(judged.has_value() == should.has_value());
  if (!judged)
    return require(judged.error() == should.error());
  require(judged->account == *should);
  // It can be delivered to: at a domain of ours, and as it was said if it had one.
  require(lists.catchall(judged->address.domain()) != nullptr);
  if (const auto* mailbox = std::get_if<mail::Mailbox>(&path))
    require(judged->address.text() == mailbox->text());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  RecipientTable table;
  Lists lists;
  for (AccountId account = 1; !input.at_end() && account < 100; ++account) {
    std::string_view line = input.line();
    const char kind = line.empty() ? ' ' : line.front();
    line.remove_prefix(std::min<std::size_t>(line.size(), 1));
    const auto domain = mail::Domain::parse(line, mail::Charset::utf8);
    const auto mailbox = mail::Mailbox::parse(line, mail::Charset::utf8);
    const bool at_ours = mailbox && lists.catchall(mailbox->domain()) != nullptr;
    if ((kind == 'd' || kind == 'n') && domain) {
      const std::optional<AccountId> catchall = kind == 'd' ? std::optional(account) : std::nullopt;
      const bool is_new = lists.catchall(*domain) == nullptr;
      require(table.add_domain(*domain, catchall).has_value() == is_new);
      if (is_new)
        lists.domains.emplace_back(*domain, catchall);
    } else if (kind == 'r' && mailbox) {
      const bool fits = at_ours && !lists.route(*mailbox);
      require(table.add_route(*mailbox, account).has_value() == fits);
      if (fits)
        lists.routes.emplace_back(*mailbox, account);
    } else if (kind == 'b' && mailbox) {
      require(table.add_block(*mailbox).has_value() == at_ours);
      if (at_ours)
        lists.blocks.push_back(*mailbox);
    } else if (const auto path = mail::take_forward_path(line, mail::Charset::utf8)) {
      check(table, lists, *path);
    }
  }
  return 0;
}
