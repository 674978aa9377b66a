// One pass over the characters.
#include "common/mail/hello_name.h"

#include "common/mail/ascii.h"

#include <algorithm>

namespace letterlock::mail {

namespace {

bool is_harmless(char c) {
  return is_visible(c) && std::string_view("()<>,;\\\"@").find(c) == std::string_view::npos;
}

} // namespace

std::optional<HelloName> HelloName::parse(std::string_view text) {
  const auto name = Text<255>::from(text);
  if (!name || name->empty() || !std::all_of(text.begin(), text.end(), is_harmless))
    return std::nullopt;
  return HelloName(*name);
}

} // namespace letterlock::mail
