// Whatever a file is called, its UIDL is legal and does not depend on flags.
#include "queued/maildir/maildir_name.h"

#include <algorithm>
#include <cstdlib>

using namespace letterlock::queued;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto name = MaildirName::parse(text);
  if (message_id_in(text) != (name ? name->transaction : std::nullopt))
    std::abort();
  if (!name)
    return 0;
  const bool legal = !name->uidl.empty() && name->uidl.size() <= 70 &&
                     std::all_of(name->uidl.begin(), name->uidl.end(),
                                 [](char c) { return c >= 0x21 && c <= 0x7e; });
  if (!legal || name->base.empty() || !text.starts_with(name->base))
    std::abort();
  const auto flagged = MaildirName::parse(name->base + ":2,S");
  if (flagged && (flagged->uidl != name->uidl || flagged->base != name->base))
    std::abort();
  if (name->transaction && name->uidl != name->transaction->hex())
    std::abort();
  return 0;
}
