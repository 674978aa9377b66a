// Logins and their verifiers.
#include "authd/login_table.h"

#include "authd/password_check.h"

#include <algorithm>

namespace letterlock::authd {

namespace {
constexpr unsigned default_cost = 12; // what `letterlock passwd` writes
}

void LoginTable::add(std::string_view login, std::string_view account, std::uint32_t account_id) {
  pending_.insert_or_assign(conf::folded(login), Pending{std::string(account), account_id});
}

Expected<void> LoginTable::set_passwords(std::string_view text, std::string_view name) {
  const auto passwords = conf::parse_password_file(text, name);
  if (!passwords)
    return std::unexpected(passwords.error());
  unsigned cost = passwords->empty() ? default_cost : conf::least_bcrypt_cost;
  for (const conf::PasswordEntry& entry : *passwords)
    cost = std::max(cost, cost_of(entry.verifier));
  dummy_ = make_dummy_verifier(cost);
  for (const auto& [login, pending] : pending_) {
    const auto entry = std::find_if(passwords->begin(), passwords->end(),
                                    [&account = pending.account](const auto& candidate) {
                                      return candidate.account == std::string_view(account);
                                    });
    if (entry == passwords->end())
      without_password_.insert(pending.account);
    else
      entries_.insert_or_assign(login, LoginEntry{pending.account_id, entry->verifier});
  }
  pending_.clear();
  return {};
}

const LoginEntry* LoginTable::find(std::string_view login) const {
  const auto found = entries_.find(conf::folded(login));
  return found == entries_.end() ? nullptr : &found->second;
}

} // namespace letterlock::authd
