// Finds the closing bracket (one may stand in a quoted local part), drops the route, reads the
// rest.
#include "common/mail/path.h"

#include "common/mail/ascii.h"

namespace letterlock::mail {

namespace {

// The inside of "<...>"; TEXT is moved behind it.
std::optional<std::string_view> take_brackets(std::string_view& text) {
  if (!text.starts_with('<'))
    return std::nullopt;
  bool quoted = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == '>' && !quoted) {
      const auto inside = text.substr(1, i - 1);
      text.remove_prefix(i + 1);
      return inside;
    }
  }
  return std::nullopt;
}

// Drops A-d-l ":" from the beginning, if there is one; false if it is malformed.
bool skip_source_route(std::string_view& inside, Charset charset) {
  if (!inside.starts_with('@'))
    return true;
  for (;;) {
    if (!inside.starts_with('@'))
      return false;
    inside.remove_prefix(1);
    // An IPv6 literal has colons of its own.
    const auto from = inside.starts_with('[') ? inside.find(']') : 0;
    const auto end = inside.find_first_of(",:", from);
    if (end == std::string_view::npos || !Domain::parse(inside.substr(0, end), charset))
      return false;
    const bool last = inside[end] == ':';
    inside.remove_prefix(end + 1);
    if (last)
      return true;
  }
}

} // namespace

std::optional<ReversePath> take_reverse_path(std::string_view& text, Charset charset) {
  auto rest = text;
  auto inside = take_brackets(rest);
  if (!inside || !skip_source_route(*inside, charset))
    return std::nullopt;
  if (inside->empty() && text.starts_with("<>")) {
    text = rest;
    return ReversePath();
  }
  auto mailbox = Mailbox::parse_sender(*inside, charset);
  if (!mailbox)
    return std::nullopt;
  text = rest;
  return ReversePath(*std::move(mailbox));
}

std::optional<ForwardPath> take_forward_path(std::string_view& text, Charset charset) {
  auto rest = text;
  auto inside = take_brackets(rest);
  if (!inside)
    return std::nullopt;
  if (equal_ignoring_case(*inside, "postmaster")) {
    text = rest;
    return Postmaster();
  }
  if (!skip_source_route(*inside, charset))
    return std::nullopt;
  auto mailbox = Mailbox::parse(*inside, charset);
  if (!mailbox)
    return std::nullopt;
  text = rest;
  return *std::move(mailbox);
}

} // namespace letterlock::mail
