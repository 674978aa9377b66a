// Reads a local part into its plain octets, then writes it in the canonical spelling.
#include "common/mail/mailbox.h"

#include "common/mail/ascii.h"
#include "common/mail/utf8.h"

#include <algorithm>

namespace letterlock::mail {

namespace {

// Dot-string = Atom *("." Atom)
bool is_dot_string(std::string_view s) {
  if (s.empty() || s.front() == '.' || s.back() == '.' || s.find("..") != std::string_view::npos)
    return false;
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return is_atext(c) || c == '.' || is_non_ascii(c); });
}

// Takes a Quoted-string off REST and returns what it stands for.
std::optional<std::string> take_quoted_string(std::string_view& rest) {
  std::string plain;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return plain;
    }
    if (rest[i] == '\\') {
      // quoted-pairSMTP is a backslash and %d32-126 only; RFC 6531 does not widen it.
      if (++i == rest.size() || is_non_ascii(rest[i]))
        return std::nullopt;
    }
    plain += rest[i];
  }
  return std::nullopt;
}

std::string spell(const std::string& plain) {
  if (is_dot_string(plain))
    return plain;
  std::string quoted = "\"";
  for (const char c : plain) {
    if (c == '"' || c == '\\')
      quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// Takes a local part off REST, up to the @ or the end, and returns its canonical spelling.
std::optional<std::string> take_local_part(std::string_view& rest, Charset charset) {
  std::optional<std::string> plain;
  if (rest.starts_with('"')) {
    plain = take_quoted_string(rest);
  } else {
    plain = rest.substr(0, rest.find('@'));
    rest.remove_prefix(plain->size());
    if (!is_dot_string(*plain))
      return std::nullopt;
  }
  if (!plain || !is_printable_utf8(*plain))
    return std::nullopt;
  if (charset == Charset::ascii && !is_ascii(*plain))
    return std::nullopt;
  return spell(*plain);
}

} // namespace

std::optional<Mailbox> Mailbox::parse(std::string_view text, Charset charset) {
  return read(text, charset, max_local_part_size);
}

std::optional<Mailbox> Mailbox::parse_sender(std::string_view text, Charset charset) {
  return read(text, charset, max_size);
}

std::optional<Mailbox> Mailbox::read(std::string_view text, Charset charset,
                                     std::size_t longest_local_part) {
  auto rest = text;
  auto local_part = take_local_part(rest, charset);
  if (!local_part || local_part->size() > longest_local_part || !rest.starts_with('@'))
    return std::nullopt;
  auto domain = Domain::parse(rest.substr(1), charset);
  if (!domain || local_part->size() + 1 + domain->text().size() > max_size)
    return std::nullopt;
  return Mailbox(*std::move(local_part), *std::move(domain));
}

std::optional<Mailbox> Mailbox::join(std::string_view local_part, const Domain& domain,
                                     Charset charset) {
  auto rest = local_part;
  auto spelt = take_local_part(rest, charset);
  if (!spelt || spelt->size() > max_local_part_size || !rest.empty())
    return std::nullopt;
  return Mailbox(*std::move(spelt), domain);
}

bool Mailbox::is_ascii() const {
  return mail::is_ascii(local_part_) && domain_.is_ascii();
}

std::string Mailbox::key() const {
  return to_lower(local_part_) + '@' + domain_.key();
}

} // namespace letterlock::mail
