// The passwords file: which account has which verifier. Reading and changing its text; pure.
//
// One line an account, "ACCOUNT:VERIFIER"; empty lines and lines that begin with '#' do not count.
// A verifier is a bcrypt hash as crypt(3) writes it: "$2b$", two digits of cost, "$", 53
// characters of salt and hash. It is a Secret: no message ever shows one, nor the line it is on.
#pragma once

#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/conf/names.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::conf {

inline constexpr std::size_t verifier_length = 60;
inline constexpr std::size_t max_password_file_size = 1024 * 1024; // bytes
// A login may cost this much at most: each step doubles the time, 12 takes about 0.2 s.
inline constexpr unsigned least_bcrypt_cost = 4, most_bcrypt_cost = 16;
// bcrypt takes no more of a password into account.
inline constexpr std::size_t max_password_length = 72; // bytes

using Verifier = Secret<verifier_length>;
using Password = Secret<max_password_length>;

struct PasswordEntry {
  AccountName account;
  Verifier verifier;
};

// None if it is not of the form above or its cost is out of range.
std::optional<Verifier> parse_verifier(std::string_view s);

// Errors are "FILE:LINE: what is wrong; what would be right": a line of another form, an account
// that occurs twice, a file that is too long.
Expected<std::vector<PasswordEntry>> parse_password_file(std::string_view text,
                                                         std::string_view file);

// The text with the account's line replaced, or added at the end; every other line is kept as it
// is. The text must be one that parse_password_file() accepts.
std::string with_password(std::string_view text, const AccountName& account,
                          const Verifier& verifier);

} // namespace letterlock::conf
