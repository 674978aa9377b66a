// AccountTable: which account has which id, for ever (docs/spool.md, "Layout"). Pure; a value.
#pragma once

#include "queued/store/store.h"

#include <map>
#include <string>
#include <string_view>

namespace letterlock::queued {

class AccountTable {
public:
  // The content of the file `accounts`; an error names the line.
  static Expected<AccountTable> parse(std::string_view file);
  std::string format() const;

  // The id of NAME, given to it now if it has none. An error: no legal name.
  Expected<AccountId> resolve(const AccountName& name);

  // Ids are 1 to size().
  std::size_t size() const { return ids_.size(); }

private:
  std::map<std::string, std::uint32_t, std::less<>> ids_;
};

} // namespace letterlock::queued
