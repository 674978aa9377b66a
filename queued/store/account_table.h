// AccountTable: which account has which id, for ever (docs/spool.md, "Layout"). Pure; a value.
//
// An id may be known without its name, after the file was lost: it is then given to nobody.
#pragma once

#include "queued/message_store.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::queued {

class AccountTable {
public:
  // The content of the file `accounts`; an error names the line.
  static Expected<AccountTable> parse(std::string_view file);
  std::string format() const;

  // The id of NAME, given to it now if it has none. An error: no legal name.
  Expected<AccountId> resolve(const AccountName& name);

  // Makes the table of what the maildrops themselves say; NAMES without a name or with one that
  // another has are ids that nobody gets.
  static AccountTable of_maildrops(const std::map<std::uint32_t, std::string>& names);

  // Ids up to that one that have no name are given to nobody.
  void keep_ids(std::uint32_t up_to);

  // Ids are 1 to size().
  std::size_t size() const { return size_; }
  // The name of an id; empty if it is not known.
  std::string_view name_of(std::uint32_t id) const;
  // All of them, in the order of ids.
  std::vector<std::string_view> names() const;

private:
  std::map<std::string, std::uint32_t, std::less<>> ids_;
  std::uint32_t size_ = 0;
};

} // namespace letterlock::queued
