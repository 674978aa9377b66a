// Whatever a file is called, its UIDL is legal and does not depend on flags; one of our names can
// be made again of its parts.
#include "queued/maildir/maildir_name.h"
#include "queued/maildir/own_name.h"
#include "tests/fuzz/fuzz.h"

using namespace letterlock;
using namespace letterlock::queued;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto name = MaildirName::parse(text);
  require(message_id_in(text) == (name ? name->message : std::nullopt));
  const auto own = OwnName::parse(text);
  if (own) {
    require(own->name() == text && name && name->message == own->message);
    require(name->time == own->time && name->base == own->base());
    require(are_believable_sizes(own->stored_size, own->wire_size));
    // Whatever flags it gets.
    require(own_message_id(text) == own->message && own_message_id(own->base()) == own->message);
  }

  // Whatever the server is called, its own names are understood as such.
  const MaildirHost host(text);
  Id128 id;
  id.bytes[5] = 0x5f;
  const std::string made = format_maildir_name(1'800'000'000, id, host, size, 2 * size);
  const auto understood = OwnName::parse(made);
  require(understood && understood->host == host.text() && understood->message == id);
  require(understood->stored_size == size && understood->wire_size == 2 * size);
  require(made.size() + sizeof ":2,DFPRST" <= longest_maildir_name);

  if (!name)
    return 0;
  const std::string uidl = name->uidl();
  require(!uidl.empty() && uidl.size() <= 70);
  require(std::all_of(uidl.begin(), uidl.end(), [](char c) { return c >= 0x21 && c <= 0x7e; }));
  require(!name->base.empty() && text.starts_with(name->base));
  const std::string with_flags = std::string(name->base) + ":2,S";
  if (const auto flagged = MaildirName::parse(with_flags))
    require(flagged->uidl() == uidl && flagged->base == name->base);
  require(!name->message || uidl == name->message->hex());
  return 0;
}
