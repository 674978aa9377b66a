// Reading the index of a maildrop.
#include "queued/maildir/maildrop_index.h"

#include "queued/maildir/maildrop_index_builder.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace letterlock::queued {

MaildropIndex::IdNumbers MaildropIndex::IdNumbers::of(const Id128& id) {
  IdNumbers numbers;
  for (std::size_t i = 0; i < 8; ++i) {
    numbers.high = numbers.high << 8 | id.bytes[i];
    numbers.low = numbers.low << 8 | id.bytes[i + 8];
  }
  return numbers;
}

Id128 MaildropIndex::IdNumbers::id() const {
  Id128 id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    id.bytes[i + 8] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return id;
}

OwnName MaildropIndex::own_name(const Entry& entry) const {
  return {entry.received,    entry.id.id(),   hosts_[entry.host],
          entry.stored_size, entry.wire_size, infos_[entry.info]};
}

std::string MaildropIndex::name_of(const Entry& entry) const {
  if (entry.own)
    return own_name(entry).name();
  return std::string(names_.text(other(entry).offset, other(entry).name_length));
}

std::string MaildropIndex::base_of(const Entry& entry) const {
  if (entry.own)
    return own_name(entry).base();
  return std::string(names_.text(other(entry).offset, other(entry).base_length));
}

std::string MaildropIndex::uidl_of(const Entry& entry) const {
  if (entry.own)
    return entry.id.id().hex();
  const Other& kept = other(entry);
  const std::size_t end = std::size_t{kept.uidl_at} + kept.uidl_length;
  return std::string(names_.text(kept.offset, end).substr(kept.uidl_at));
}

StoredMessage MaildropIndex::operator[](std::size_t number) const {
  const Entry& found = entry(number);
  return {uidl_of(found), found.wire_size, found.received};
}

std::optional<Id128> MaildropIndex::message_id(std::size_t number) const {
  const Entry& found = entry(number);
  return found.own ? found.id.id() : own_message_id(name_of(found));
}

std::optional<FileStamp> MaildropIndex::stamp(std::size_t number) const {
  const Entry& found = entry(number);
  return found.own ? std::nullopt : other(found).stamp;
}

std::optional<std::size_t> MaildropIndex::find(std::string_view name) const {
  const auto parsed = MaildirName::parse(name);
  if (!parsed)
    return std::nullopt;
  using Key = std::tuple<std::int64_t, std::string, std::string>;
  const Key wanted(parsed->time, parsed->uidl(), parsed->base);
  const auto found =
      std::lower_bound(order_.begin(), order_.end(), wanted, [&](std::uint32_t a, const Key& b) {
        const Entry& kept = at(a);
        if (kept.received != std::get<0>(b))
          return kept.received < std::get<0>(b);
        std::string base = base_of(kept);
        // They are ordered by what their names say.
        std::string uidl =
            !kept.own && other(kept).renamed ? MaildirName::parse(base)->uidl() : uidl_of(kept);
        return Key(kept.received, std::move(uidl), std::move(base)) < b;
      });
  if (found == order_.end() || base_of(at(*found)) != parsed->base)
    return std::nullopt;
  return static_cast<std::size_t>(found - order_.begin());
}

std::size_t MaildropIndex::memory() const {
  return sizeof *this + pieces_.capacity() * sizeof pieces_[0] + entries_ * sizeof(Entry) +
         order_.capacity() * sizeof order_[0] + others_.capacity() * sizeof(Other) +
         names_.memory() + hosts_.memory() + infos_.memory();
}

std::vector<std::string>
MaildropIndex::renamed_files_of(std::span<const PendingMessage> messages) const {
  std::unordered_set<Id128, Id128Hash> ids;
  for (const PendingMessage& message : messages)
    ids.insert(message.message);
  std::vector<std::string> bases;
  for (const Other& one : others_) {
    const std::string_view base = names_.text(one.offset, one.base_length);
    if (const auto id = message_id_in(base); id && ids.contains(*id))
      bases.emplace_back(base);
  }
  return bases;
}

// One of them has the id for its UIDL, the others were given another.
std::set<Id128> MaildropIndex::ids_of_copies() const {
  std::set<Id128> ids;
  for (const Other& one : others_)
    if (one.renamed)
      if (const auto id = message_id_in(names_.text(one.offset, one.name_length)))
        ids.insert(*id);
  return ids;
}

void MaildropIndex::copy_to(MaildropIndexBuilder& builder, std::size_t number) const {
  const std::string text = name(number);
  const auto own = OwnName::parse(text);
  if (own && !stamp(number))
    builder.add(text, *own, in_cur(number));
  else
    builder.add(text, *MaildirName::parse(text), in_cur(number), entry(number).wire_size,
                stamp(number).value_or(FileStamp()));
  if (is_twice(number))
    builder.has_a_twin();
}

std::shared_ptr<const MaildropIndex> MaildropIndex::joined_with(const MaildropIndex& earlier,
                                                                std::size_t most) const {
  MaildropIndexBuilder builder(std::max(most, size()));
  for (std::size_t i = 0; i < size(); ++i)
    copy_to(builder, i);
  // A file to which others have added something between the two is the same.
  std::unordered_set<Id128, Id128Hash> renamed;
  for (const Other& one : others_)
    if (const auto id = message_id_in(names_.text(one.offset, one.base_length)))
      renamed.insert(*id);
  for (std::size_t i = 0; i < earlier.size() && !builder.full(); ++i) {
    const auto id = renamed.empty() ? std::nullopt : message_id_in(earlier.base(i));
    if (!find(earlier.name(i)) && !(id && renamed.contains(*id)))
      earlier.copy_to(builder, i);
  }
  return std::move(builder).finish();
}

std::shared_ptr<const MaildropIndex>
MaildropIndex::with(std::span<const PendingMessage> messages, const MaildirHost& host,
                    std::span<const std::string> without,
                    std::span<const Id128> without_messages) const {
  MaildropIndexBuilder builder(size() + messages.size());
  const std::set<std::string_view> hidden(without.begin(), without.end());
  const std::set<Id128> hidden_messages(without_messages.begin(), without_messages.end());
  // Of these, what has no file of its own name: others have put something behind it.
  std::set<Id128> hidden_renamed = hidden_messages;
  for (std::size_t i = 0; i < size() && !hidden_renamed.empty(); ++i)
    if (const auto id = message_id(i))
      hidden_renamed.erase(*id);
  std::unordered_map<Id128, const PendingMessage*, Id128Hash> pending;
  for (const PendingMessage& message : messages)
    pending.emplace(message.message, &message);
  std::unordered_set<Id128, Id128Hash> listed;
  for (std::size_t i = 0; i < size(); ++i) {
    const auto own_id = message_id(i);
    const auto id = own_id ? own_id : message_id_in(base(i));
    if (hidden.contains(base(i)) ||
        (id && (own_id ? hidden_messages : hidden_renamed).contains(*id)))
      continue;
    const auto as_pending = id ? pending.find(*id) : pending.end();
    if (as_pending == pending.end() || (own_id && !stamp(i))) {
      copy_to(builder, i);
    } else {
      const std::string text = name(i);
      builder.add(text, *MaildirName::parse(text), in_cur(i), *as_pending->second);
      if (is_twice(i))
        builder.has_a_twin();
    }
    if (as_pending != pending.end())
      listed.insert(*id);
  }
  for (const PendingMessage& message : messages)
    if (!message.is_hidden && !builder.full() && !listed.contains(message.message))
      builder.add(message, host);
  return std::move(builder).finish();
}

} // namespace letterlock::queued
