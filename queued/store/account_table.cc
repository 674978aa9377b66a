// The text of the file `accounts`.
#include "queued/store/account_table.h"

#include <vector>

namespace letterlock::queued {

namespace {

constexpr std::string_view heading = "letterlock accounts 1";

bool is_legal(std::string_view name) {
  return !name.empty() && name.find(' ') == std::string_view::npos;
}

} // namespace

Expected<AccountTable> AccountTable::parse(std::string_view file) {
  AccountTable table;
  for (std::size_t line = 1; !file.empty(); ++line) {
    const auto wrong = [&](std::string_view what) {
      return fail("accounts:" + std::to_string(line) + ": " + std::string(what));
    };
    const std::size_t end = file.find('\n');
    if (end == std::string_view::npos)
      return wrong("the line has no end");
    const std::string_view text = file.substr(0, end);
    file.remove_prefix(end + 1);
    if (line == 1) {
      if (text != heading)
        return wrong("this is not \"letterlock accounts 1\"");
      continue;
    }
    const std::string id = std::to_string(line - 1);
    if (!text.starts_with(id + ' '))
      return wrong("this is not \"" + id + " NAME\"");
    const auto name = AccountName::from(text.substr(id.size() + 1));
    if (!name || !is_legal(*name))
      return wrong("this is no account name");
    if (!table.ids_.emplace(name->view(), static_cast<std::uint32_t>(line - 1)).second)
      return wrong("the name is there twice");
  }
  return table;
}

std::string AccountTable::format() const {
  std::vector<std::string_view> by_id(ids_.size());
  for (const auto& [name, id] : ids_)
    by_id[id - 1] = name;
  std::string file(heading);
  file += '\n';
  for (std::size_t i = 0; i < by_id.size(); ++i)
    file.append(std::to_string(i + 1)).append(" ").append(by_id[i]).append("\n");
  return file;
}

Expected<AccountId> AccountTable::resolve(const AccountName& name) {
  if (!is_legal(name))
    return fail("\"" + std::string(name.view()) + "\" is no account name");
  const auto next = static_cast<std::uint32_t>(ids_.size() + 1);
  return AccountId{ids_.emplace(name.view(), next).first->second};
}

} // namespace letterlock::queued
