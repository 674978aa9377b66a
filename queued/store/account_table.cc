// The text of the file `accounts`.
#include "queued/store/account_table.h"

#include "common/base/crc32c.h"

#include <algorithm>
#include <vector>

namespace letterlock::queued {

namespace {

constexpr std::string_view heading = "letterlock accounts 1";
constexpr std::string_view nobody = "?"; // in place of a name that is not known

constexpr std::size_t seal_size = 16;

// The last line: "crc32c XXXXXXXX" over all lines before.
std::string seal_of(std::string_view lines) {
  const std::uint32_t crc = crc32c(0, as_bytes(lines));
  std::string line = "crc32c ";
  for (int shift = 28; shift >= 0; shift -= 4)
    line += "0123456789abcdef"[crc >> shift & 15];
  return line + '\n';
}

bool is_legal(std::string_view name) {
  return !name.empty() && name != nobody && name.find_first_of(" \n") == std::string_view::npos;
}

} // namespace

Expected<AccountTable> AccountTable::parse(std::string_view file) {
  AccountTable table;
  if (file.empty())
    return fail("accounts: the file is empty");
  // A name that rots into another one would give its mail to nobody, in silence.
  if (file.size() < seal_size ||
      file.substr(file.size() - seal_size) != seal_of(file.substr(0, file.size() - seal_size)))
    return fail("accounts: the checksum in its last line is wrong");
  file.remove_suffix(seal_size);
  if (file.empty())
    return fail("accounts:1: this is not \"letterlock accounts 1\"");
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
    ++table.size_;
    if (text.substr(id.size() + 1) == nobody)
      continue;
    const auto name = AccountName::from(text.substr(id.size() + 1));
    if (!name || !is_legal(*name))
      return wrong("this is no account name");
    if (!table.ids_.emplace(name->view(), static_cast<std::uint32_t>(line - 1)).second)
      return wrong("the name is there twice");
  }
  return table;
}

std::string AccountTable::format() const {
  std::vector<std::string_view> by_id(size_, nobody);
  for (const auto& [name, id] : ids_)
    by_id[id - 1] = name;
  std::string file(heading);
  file += '\n';
  for (std::size_t i = 0; i < by_id.size(); ++i)
    file.append(std::to_string(i + 1)).append(" ").append(by_id[i]).append("\n");
  return file + seal_of(file);
}

Expected<AccountId> AccountTable::resolve(const AccountName& name) {
  if (!is_legal(name))
    return fail("\"" + std::string(name.view()) + "\" is no account name");
  const auto [entry, is_new] = ids_.emplace(name.view(), size_ + 1);
  size_ += is_new;
  return AccountId{entry->second};
}

AccountTable AccountTable::of_maildrops(const std::map<std::uint32_t, std::string>& names) {
  AccountTable table;
  for (const auto& [id, name] : names) {
    table.size_ = id;
    if (const auto legal = AccountName::from(name); legal && is_legal(*legal))
      table.ids_.emplace(name, id);
  }
  return table;
}

void AccountTable::keep_ids(std::uint32_t up_to) {
  size_ = std::max(size_, up_to);
}

std::vector<std::string_view> AccountTable::names() const {
  std::vector<std::string_view> by_id(size_);
  for (const auto& [name, id] : ids_)
    by_id[id - 1] = name;
  return by_id;
}

std::string_view AccountTable::name_of(std::uint32_t id) const {
  for (const auto& [name, of] : ids_)
    if (of == id)
      return name;
  return {};
}

} // namespace letterlock::queued
