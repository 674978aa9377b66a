// Parsing of names.
#include "common/conf/names.h"

#include <algorithm>

namespace letterlock::conf {

namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

// RFC 5322 §3.2.3, of a folded text.
bool is_atext(char c) {
  return is_lower(c) || is_digit(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// Whether each part between dots satisfies the test.
template <class Test> bool every_part(std::string_view s, Test test) {
  for (;;) {
    const auto dot = s.find('.');
    if (!test(s.substr(0, dot)))
      return false;
    if (dot == std::string_view::npos)
      return true;
    s.remove_prefix(dot + 1);
  }
}

} // namespace

std::string folded(std::string_view s) {
  std::string lower(s);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

Parsed<DomainName> parse_domain_name(std::string_view s) {
  const std::string name = folded(s);
  const std::string_view last = std::string_view(name).substr(name.rfind('.') + 1);
  const auto text = DomainName::from(name);
  if (!text || !every_part(name, is_label) || std::all_of(last.begin(), last.end(), is_digit))
    return wrong(quoted(s) + " is no domain name; write one such as example.com");
  return *text;
}

Parsed<LocalPart> parse_local_part(std::string_view s) {
  const std::string local = folded(s);
  const auto is_atom = [](std::string_view atom) {
    return !atom.empty() && std::all_of(atom.begin(), atom.end(), is_atext);
  };
  const auto text = LocalPart::from(local);
  if (!text || !every_part(local, is_atom))
    return wrong(quoted(s) + " is no local part; write what stands before the @, such as old-shop");
  return *text;
}

Parsed<Address> parse_address(std::string_view s) {
  const auto at = s.rfind('@');
  if (at == std::string_view::npos)
    return wrong(quoted(s) + " is no address; write one such as alice@example.com");
  const auto local = parse_local_part(s.substr(0, at));
  if (!local)
    return std::unexpected(local.error());
  const auto domain = parse_domain_name(s.substr(at + 1));
  if (!domain)
    return std::unexpected(domain.error());
  return Address{*local, *domain};
}

Parsed<AccountName> parse_account_name(std::string_view s) {
  const auto is_allowed = [](char c) {
    return is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
  };
  const auto text = AccountName::from(s);
  if (!text || s.empty() || s == "no" || !std::all_of(s.begin(), s.end(), is_allowed) ||
      !(is_lower(s.front()) || is_digit(s.front())))
    return wrong(quoted(s) + " is no account name; write at most 32 lower-case letters, digits, "
                             "dots, hyphens or underscores, such as main");
  return *text;
}

Parsed<Path> parse_path(std::string_view s) {
  const auto text = Path::from(s);
  if (!text || s.size() < 2 || s.front() != '/')
    return wrong(quoted(s) + " is no absolute path; write one such as /etc/letterlock/passwd");
  return *text;
}

} // namespace letterlock::conf
