// Reading and changing of the passwords file.
#include "common/conf/password_file.h"

#include <algorithm>
#include <set>

namespace letterlock::conf {

namespace {

// Takes the first line off the text, without its line feed.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

bool is_entry(std::string_view line) {
  return !line.empty() && line.front() != '#';
}

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// bcrypt's own base 64.
constexpr bool is_hash_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '/';
}

} // namespace

std::optional<Verifier> parse_verifier(std::string_view s) {
  if (s.size() != verifier_length || !s.starts_with("$2b$") || !is_digit(s[4]) || !is_digit(s[5]) ||
      s[6] != '$' || !std::all_of(s.begin() + 7, s.end(), is_hash_character))
    return std::nullopt;
  const unsigned cost = static_cast<unsigned>((s[4] - '0') * 10 + (s[5] - '0'));
  if (cost < least_bcrypt_cost || cost > most_bcrypt_cost)
    return std::nullopt;
  return Verifier::from(s);
}

Expected<std::vector<PasswordEntry>> parse_password_file(std::string_view text,
                                                         std::string_view file) {
  if (text.size() > max_password_file_size)
    return fail(std::string(file) + ": the file is longer than " +
                std::to_string(max_password_file_size) + " bytes");
  std::vector<PasswordEntry> entries;
  std::set<std::string_view> seen;
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (!is_entry(line))
      continue;
    const auto refuse = [&](std::string_view reason) {
      return fail(std::string(file) + ':' + std::to_string(number) + ": " + std::string(reason));
    };
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
      return refuse("the line has no colon; write ACCOUNT:VERIFIER, or run letterlock passwd");
    // What the line says is not shown: it may be a password in the wrong place.
    const auto account = parse_account_name(line.substr(0, colon));
    if (!account)
      return refuse("there is no account name before the colon; write ACCOUNT:VERIFIER");
    const auto verifier = parse_verifier(line.substr(colon + 1));
    if (!verifier)
      return refuse("what follows the colon is no bcrypt verifier ($2b$, cost " +
                    std::to_string(least_bcrypt_cost) + " to " + std::to_string(most_bcrypt_cost) +
                    "); run letterlock passwd " + std::string(account->view()));
    if (!seen.insert(line.substr(0, colon)).second)
      return refuse("account " + std::string(account->view()) +
                    " is there already; remove one of the lines");
    entries.push_back({*account, *verifier});
  }
  return entries;
}

std::string with_password(std::string_view text, const AccountName& account,
                          const Verifier& verifier) {
  const std::string entry =
      std::string(account.view()) + ':' + std::string(verifier.reveal()) + '\n';
  std::string result;
  bool replaced = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const bool same = is_entry(line) && line.substr(0, line.find(':')) == account;
    result += same ? entry : std::string(line) + '\n';
    replaced = replaced || same;
  }
  return replaced ? result : result + entry;
}

} // namespace letterlock::conf
