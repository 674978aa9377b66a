// Reading the index of a maildrop.
#include "queued/maildir/maildrop_index.h"

#include "queued/maildir/maildrop_index_builder.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace letterlock::queued {

StoredMessage MaildropIndex::operator[](std::size_t number) const {
  const Entry& entry = entries_[number];
  return {uidl_of(entry), entry.wire_size, entry.received};
}

std::optional<Id128> MaildropIndex::message_id(std::size_t number) const {
  return message_id_in(name(number));
}

std::optional<FileStamp> MaildropIndex::stamp(std::size_t number) const {
  const Entry& entry = entries_[number];
  if (!entry.stamped)
    return std::nullopt;
  const std::size_t uidl_end = std::size_t{entry.uidl_at} + entry.uidl_length;
  const std::size_t at = std::max<std::size_t>(entry.name_length, uidl_end);
  const std::string_view octets = names_.text(entry.offset, at + stamp_octets).substr(at);
  FileStamp stamp;
  std::memcpy(&stamp.inode, octets.data(), sizeof stamp.inode);
  std::memcpy(&stamp.modified, octets.data() + sizeof stamp.inode, sizeof stamp.modified);
  return stamp;
}

std::optional<std::size_t> MaildropIndex::find(const MaildirName& name) const {
  using Key = std::tuple<std::int64_t, std::string_view, std::string_view>;
  const std::string hashed = name.own_uidl.empty() ? name.uidl() : std::string();
  const Key wanted(name.time, hashed.empty() ? name.own_uidl : std::string_view(hashed), name.base);
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), wanted, [&](const Entry& a, const Key& b) {
        if (!a.renamed)
          return Key(a.received, uidl_of(a), base_of(a)) < b;
        const std::string by_its_name = MaildirName::parse(base_of(a))->uidl();
        return Key(a.received, by_its_name, base_of(a)) < b;
      });
  if (found == entries_.end() || base_of(*found) != name.base)
    return std::nullopt;
  return static_cast<std::size_t>(found - entries_.begin());
}

std::size_t MaildropIndex::memory() const {
  return sizeof *this + entries_.capacity() * sizeof(Entry) + names_.memory();
}

std::shared_ptr<const MaildropIndex> MaildropIndex::with(std::span<const PendingMessage> messages,
                                                         const MaildirHost& host) const {
  MaildropIndexBuilder builder(size() + messages.size());
  std::vector<Id128> listed;
  for (std::size_t i = 0; i < size(); ++i) {
    const auto parsed = *MaildirName::parse(name(i));
    builder.add(name(i), parsed, in_cur(i), {entries_[i].stored_size, entries_[i].wire_size},
                stamp(i));
    if (parsed.message)
      listed.push_back(*parsed.message);
  }
  std::sort(listed.begin(), listed.end());
  for (const PendingMessage& message : messages)
    if (!builder.full() && !std::binary_search(listed.begin(), listed.end(), message.message))
      builder.add(message, host);
  return std::move(builder).finish();
}

} // namespace letterlock::queued
