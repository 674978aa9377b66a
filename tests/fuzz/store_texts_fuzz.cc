// The text files of the state directory: what is understood is written as text that is understood
// as the same; of a table of accounts there is only one text.
//
// The first octet chooses: the input is the file, or the lines of `accounts` without the checksum.
#include "common/base/crc32c.h"
#include "queued/store/account_table.h"
#include "queued/store/clock_guard.h"
#include "queued/store/identity.h"
#include "tests/fuzz/fuzz.h"

#include <cstdio>
#include <map>

using namespace letterlock;
using namespace letterlock::queued;
using fuzz::require;

namespace {

bool is_one_line(std::string_view text) {
  return !text.empty() && text.find('\n') == text.npos;
}

void check_accounts(const std::string& file) {
  const auto table = AccountTable::parse(file);
  if (!table)
    return require(is_one_line(table.error().text));
  require(table->format() == file);
  // Whoever is there keeps the id; a new one gets the next.
  AccountTable grown = *table;
  const auto names = table->names();
  require(names.size() == table->size());
  std::map<std::uint32_t, std::string> found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    found.emplace(static_cast<std::uint32_t>(i + 1), names[i]);
    if (names[i].empty())
      continue;
    require(table->name_of(static_cast<std::uint32_t>(i + 1)) == names[i]);
    const auto id = grown.resolve(*AccountName::from(names[i]));
    require(id && number_of(*id) == i + 1 && grown.size() == table->size());
  }
  if (!names.empty() && names.back().empty()) // of which no maildrop tells
    found.erase(static_cast<std::uint32_t>(names.size()));
  AccountTable mended = AccountTable::of_maildrops(found);
  mended.keep_ids(static_cast<std::uint32_t>(table->size()));
  require(mended.format() == file);
  const auto added = grown.resolve("a-name-that-is-new");
  const auto again = AccountTable::parse(grown.format());
  require(added && again && again->format() == grown.format() && again->size() >= table->size());
}

void check_identity(std::string_view file) {
  const auto identity = Identity::parse(file);
  if (!identity)
    return require(is_one_line(identity.error().text));
  const auto again = Identity::parse(identity->format());
  require(again && again->node == identity->node && again->epoch == identity->epoch);
  require(again->format() == identity->format());
  MessageIds ids(*identity, 7);
  const Id128 first = ids.next();
  require(first < ids.next());
}

void check_clock(std::string_view file) {
  const auto record = ClockRecord::parse(file);
  if (!record)
    return require(is_one_line(record.error().text));
  const auto again = ClockRecord::parse(record->format());
  require(again && again->believed == record->believed && again->doubted == record->doubted);
  require(again->format() == record->format() && record->believed >= 0);
}

// The last line of `accounts`, as docs/spool.md has it.
std::string sealed(const std::string& lines) {
  char seal[32];
  std::snprintf(seal, sizeof seal, "crc32c %08x\n",
                static_cast<unsigned>(crc32c(0, as_bytes(lines))));
  return lines + seal;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool add_seal = input.octet() == 's';
  const std::string file(input.rest());
  check_accounts(add_seal ? sealed(file) : file);
  check_identity(file);
  check_clock(file);
  return 0;
}
