// Maildrop: rows of fixed size, the unique ids in one string beside them.
#include "pop3d/maildrop.h"

#include <algorithm>
#include <limits>

namespace letterlock::pop3d {

static_assert(std::uint64_t{max_messages} * max_uidl <= std::numeric_limits<std::uint32_t>::max());
static_assert(max_wire_size <= std::numeric_limits<std::uint64_t>::max() / max_messages);

std::optional<MaildropEntry> MaildropEntry::from(std::uint64_t wire_size, std::string_view uidl) {
  if (wire_size > max_wire_size || uidl.empty() || uidl.size() > max_uidl)
    return std::nullopt;
  if (!std::all_of(uidl.begin(), uidl.end(), [](char c) { return c >= 0x21 && c <= 0x7e; }))
    return std::nullopt;
  return MaildropEntry(wire_size, uidl);
}

bool Maildrop::add(const MaildropEntry& entry) {
  if (size() == max_messages)
    return false;
  uidls_.append(entry.uidl());
  rows_.push_back({entry.wire_size(), static_cast<std::uint32_t>(uidls_.size())});
  ++count_;
  octets_ += entry.wire_size();
  return true;
}

std::expected<std::uint32_t, Maildrop::Lookup> Maildrop::find(MessageNumber number) const {
  if (number.index() >= size())
    return std::unexpected(Lookup::no_such_message);
  if (marked(number.index()))
    return std::unexpected(Lookup::deleted);
  return number.index();
}

std::string_view Maildrop::uidl(std::uint32_t index) const {
  const std::uint32_t begin = index == 0 ? 0 : rows_[index - 1].uidl_end;
  return std::string_view(uidls_).substr(begin, rows_[index].uidl_end - begin);
}

void Maildrop::mark(std::uint32_t index) {
  rows_[index].marked = true;
  --count_;
  octets_ -= rows_[index].wire_size;
}

void Maildrop::unmark_all() {
  for (Row& row : rows_) {
    if (row.marked)
      octets_ += row.wire_size;
    row.marked = false;
  }
  count_ = size();
}

std::vector<std::uint32_t> Maildrop::marked_indices() const {
  std::vector<std::uint32_t> indices;
  indices.reserve(size() - count_);
  for (std::uint32_t index = 0; index < size(); ++index)
    if (marked(index))
      indices.push_back(index);
  return indices;
}

} // namespace letterlock::pop3d
