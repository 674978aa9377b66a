// Whatever a file is called, its UIDL is legal and does not depend on flags; one of our names can
// be made again of its parts.
#include "queued/maildir/maildir_name.h"
#include "queued/maildir/own_name.h"

#include <algorithm>
#include <cstdlib>

using namespace letterlock::queued;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto name = MaildirName::parse(text);
  if (message_id_in(text) != (name ? name->message : std::nullopt))
    std::abort();
  const auto own = OwnName::parse(text);
  if (own && (own->name() != text || !name || name->message != own->message ||
              name->time != own->time || name->base != own->base()))
    std::abort();
  if (!name)
    return 0;
  const std::string uidl = name->uidl();
  const bool legal =
      !uidl.empty() && uidl.size() <= 70 &&
      std::all_of(uidl.begin(), uidl.end(), [](char c) { return c >= 0x21 && c <= 0x7e; });
  if (!legal || name->base.empty() || !text.starts_with(name->base))
    std::abort();
  const std::string with_flags = std::string(name->base) + ":2,S";
  const auto flagged = MaildirName::parse(with_flags);
  if (flagged && (flagged->uidl() != uidl || flagged->base != name->base))
    std::abort();
  if (name->message && uidl != name->message->hex())
    std::abort();
  return 0;
}
