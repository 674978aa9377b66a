// LoginTable: who may log in, and with which verifier; one for each generation.
#pragma once

#include "common/conf/password_file.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace letterlock::authd {

struct LoginEntry {
  std::uint32_t account_id = 0;
  conf::Verifier verifier;
};

class LoginTable {
public:
  // An account without a line in the password file cannot log in; that is no error.
  void add(std::string_view login, std::string_view account, std::uint32_t account_id);
  // Takes the verifiers from the text of the password file, which is called `name` in errors.
  // To be called when all logins have been added.
  Expected<void> set_passwords(std::string_view text, std::string_view name);

  // Logins are compared without regard to ASCII case. Null for an unknown one, or one without a
  // password.
  const LoginEntry* find(std::string_view login) const;
  // Names of accounts that nobody can log in to, because the file has no line for them.
  const std::set<std::string>& without_password() const { return without_password_; }
  // Stands in for the verifier of an unknown login, and costs as much as the others.
  const conf::Verifier& dummy() const { return dummy_; }

private:
  struct Pending {
    std::string account;
    std::uint32_t account_id;
  };
  std::map<std::string, Pending, std::less<>> pending_;
  std::map<std::string, LoginEntry, std::less<>> entries_;
  std::set<std::string> without_password_;
  conf::Verifier dummy_;
};

} // namespace letterlock::authd
