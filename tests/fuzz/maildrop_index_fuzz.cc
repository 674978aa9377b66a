// The index of a maildrop with files of any names: in whatever order they are listed, the messages
// are the same, in the order of docs/spool.md, with UIDLs that are legal and all different.
//
// A line is a file: a letter that says where it is and how its sizes are known, and its name.
#include "queued/maildir/maildrop_index.h"
#include "queued/maildir/maildrop_index_builder.h"
#include "tests/fuzz/fuzz.h"

#include <set>
#include <tuple>
#include <vector>

using namespace letterlock;
using namespace letterlock::queued;
using fuzz::require;

namespace {

struct File {
  std::string name;
  bool in_cur;
  FileStamp stamp;
};

void add(MaildropIndexBuilder& builder, const File& file) {
  if (const auto own = OwnName::parse(file.name))
    builder.add(file.name, *own, file.in_cur);
  else
    builder.add(file.name, *MaildirName::parse(file.name), file.in_cur, file.stamp.size + 1,
                file.stamp);
}

// All that can be asked of it.
std::string told(const MaildropIndex& index) {
  std::string text = std::to_string(index.size()) + ' ' + std::to_string(index.octets()) + ' ' +
                     std::to_string(index.stored_bytes()) + '\n';
  for (std::size_t i = 0; i < index.size(); ++i) {
    const StoredMessage message = index[i];
    text += message.uidl + ' ' + std::to_string(message.wire_size) + ' ' +
            std::to_string(message.received) + ' ' + std::to_string(index.stored_size(i)) + ' ' +
            index.base(i) + (index.in_cur(i) ? " cur" : " new") + '\n';
  }
  return text;
}

void check(const MaildropIndex& index) {
  std::set<std::string> uidls, bases;
  std::uint64_t octets = 0;
  std::tuple<std::int64_t, std::string, std::string> before;
  for (std::size_t i = 0; i < index.size(); ++i) {
    const StoredMessage message = index[i];
    octets += message.wire_size;
    require(!message.uidl.empty() && message.uidl.size() <= 70 &&
            uidls.insert(message.uidl).second);
    for (const char c : message.uidl)
      require(c >= 0x21 && c <= 0x7e);
    const std::string base = index.base(i), name = index.name(i);
    require(bases.insert(base).second && name.starts_with(base));
    require(index.find(name) == i && index.find(base) == i);
    const std::string flagged = base + ":2,RS"; // if there can be such a name
    require(flagged.size() > longest_maildir_name || index.find(flagged) == i);
    const auto parsed = MaildirName::parse(name);
    require(parsed && parsed->base == base && parsed->time == message.received);
    // They are ordered by what their names say.
    const std::tuple here(message.received, parsed->uidl(), base);
    require(i == 0 || before < here);
    before = here;
    require(index.message_id(i) == own_message_id(name));
  }
  require(index.octets() == octets);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::vector<File> files;
  std::set<std::string> names;
  while (!input.at_end() && files.size() < 200) {
    const std::uint8_t kind = input.octet();
    const std::string name(input.line());
    // A directory has no name twice, and the same message in new/ and cur/ only while it is moved.
    if (MaildirName::parse(name) && names.insert(name).second)
      files.push_back({name, kind % 2 == 1, {files.size(), kind, kind}});
  }
  MaildropIndexBuilder forwards(1000), backwards(1000);
  for (std::size_t i = 0; i < files.size(); ++i) {
    add(forwards, files[i]);
    add(backwards, files[files.size() - 1 - i]);
  }
  const auto index = std::move(forwards).finish();
  check(*index);
  // Which of two files with one base counts is a matter of the directory, not of the listing.
  std::set<std::string> bases;
  bool alike = false;
  for (const File& file : files)
    alike = !bases.insert(std::string(MaildirName::parse(file.name)->base)).second || alike;
  const auto other = std::move(backwards).finish();
  check(*other);
  require(index->size() == bases.size() && other->size() == bases.size());
  require(alike || told(*index) == told(*other));

  // Without anything, with nothing more, it is the same; with a message that has no file yet,
  // whatever others have put behind its name, it has one more.
  const MaildirHost host("mx.example.com");
  require(told(*index->with({}, host)) == told(*index));
  PendingMessage pending;
  pending.message.bytes[3] = 0x77;
  pending.received = 1'800'000'000;
  pending.stored_size = pending.wire_size = 5;
  bool is_listed = false;
  for (std::size_t i = 0; i < index->size(); ++i)
    is_listed = is_listed || message_id_in(index->base(i)) == pending.message;
  const auto more = index->with(std::span(&pending, 1), host);
  check(*more);
  require(more->size() == index->size() + (is_listed ? 0 : 1));
  return 0;
}
