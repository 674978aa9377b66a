// Building the index of a maildrop.
#include "queued/maildir/maildrop_index_builder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>

namespace letterlock::queued {

namespace {

constexpr std::uint64_t stored_size_mask = (std::uint64_t{1} << 48) - 1;
constexpr std::size_t longest_uidl = 70; // RFC 1939 §7
constexpr std::size_t longest_name = 255;
static_assert(longest_name + longest_uidl + stamp_octets <= NameArena::longest_text);

// Which UIDLs are taken, by the number of the message that has each: a table of numbers, because
// nodes and texts would be more than the index itself.
template <class TextOf> class TakenUidls {
public:
  TakenUidls(std::size_t most, TextOf text_of)
      : slots_(std::bit_ceil(2 * most + 1)), text_of_(std::move(text_of)) {}

  // False if another number has the same text.
  bool take(std::string_view uidl, std::uint32_t number) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = std::hash<std::string_view>()(uidl) & mask;; at = (at + 1) & mask) {
      if (slots_[at] == 0) {
        slots_[at] = number + 1;
        return true;
      }
      if (text_of_(slots_[at] - 1) == uidl)
        return false;
    }
  }

private:
  std::vector<std::uint32_t> slots_; // number + 1; 0: free
  TextOf text_of_;
};

// Numbers that are ordered as the octets, and as their hexadecimal form.
std::uint64_t big_endian(const std::array<std::uint8_t, 16>& octets, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i)
    number = number << 8 | octets[at + i];
  return number;
}

char* put(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

} // namespace

// ---- Adding

MaildropIndexBuilder::Entry MaildropIndexBuilder::place(std::string_view name,
                                                        const MaildirName& parsed,
                                                        std::string_view other_uidl,
                                                        const std::optional<FileStamp>& stamp) {
  const std::string hashed =
      other_uidl.empty() && parsed.own_uidl.empty() ? parsed.uidl() : std::string();
  const std::string_view behind = other_uidl.empty() ? std::string_view(hashed) : other_uidl;
  const auto [offset, octets] =
      index_->names_.allocate(name.size() + behind.size() + (stamp ? stamp_octets : 0));
  char* at = put(put(octets.data(), name), behind);
  if (stamp) {
    std::memcpy(at, &stamp->inode, sizeof stamp->inode);
    std::memcpy(at + sizeof stamp->inode, &stamp->modified, sizeof stamp->modified);
  }
  Entry entry{};
  entry.received = parsed.time;
  entry.offset = offset;
  entry.stamped = stamp.has_value();
  // None of these is larger: a longer name would not have been parsed.
  entry.name_length = static_cast<std::uint8_t>(name.size());
  entry.base_length = static_cast<std::uint8_t>(parsed.base.size());
  entry.uidl_at = behind.empty()
                      ? static_cast<std::uint8_t>(parsed.own_uidl.data() - parsed.base.data())
                      : entry.name_length;
  entry.uidl_length =
      static_cast<std::uint8_t>(behind.empty() ? parsed.own_uidl.size() : behind.size());
  return entry;
}

void MaildropIndexBuilder::add(std::string_view name, const MaildirName& parsed, bool in_cur,
                               const IndexedSizes& sizes, const std::optional<FileStamp>& stamp) {
  Entry entry = place(name, parsed, {}, stamp);
  entry.wire_size = sizes.wire;
  entry.stored_size = sizes.stored & stored_size_mask;
  entry.in_cur = in_cur;
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  Key key{static_cast<std::uint64_t>(parsed.time) ^ sign,
          {},
          static_cast<std::uint32_t>(entries_.size()),
          parsed.message.has_value()};
  if (parsed.message)
    key.id = {big_endian(parsed.message->bytes, 0), big_endian(parsed.message->bytes, 8)};
  keys_.push_back(key);
  entries_.push_back(entry);
}

void MaildropIndexBuilder::add(const PendingMessage& message, const MaildirHost& host) {
  const std::string name = format_maildir_name(message.received, message.message, host,
                                               message.sizes.stored, message.sizes.wire);
  add(name, *MaildirName::parse(name), false, message.sizes);
  entries_.back().pending = 1;
}

// ---- Sorting

// One octet after another, from the lowest, each time keeping the order of before; mostly three or
// four differ at all. Comparing would take as long as all the rest of a listing.
void MaildropIndexBuilder::sort_by_time() {
  std::uint64_t differ = 0;
  for (const Key& key : keys_)
    differ |= key.time ^ keys_.front().time;
  std::vector<Key> other(keys_.size());
  for (unsigned shift = 0; shift < 64; shift += 8) {
    if ((differ >> shift & 0xff) == 0)
      continue;
    std::array<std::size_t, 257> begin{}; // of each octet's part, one further on
    for (const Key& key : keys_)
      ++begin[(key.time >> shift & 0xff) + 1];
    for (std::size_t octet = 1; octet < begin.size(); ++octet)
      begin[octet] += begin[octet - 1];
    for (const Key& key : keys_)
      other[begin[key.time >> shift & 0xff]++] = key;
    keys_.swap(other);
  }
}

int MaildropIndexBuilder::compare_uidls(const Key& a, const Key& b) const {
  if (a.ours && b.ours)
    return a.id == b.id ? 0 : a.id < b.id ? -1 : 1;
  return index_->uidl_of(entries_[a.number]).compare(index_->uidl_of(entries_[b.number]));
}

bool MaildropIndexBuilder::is_before(const Key& a, const Key& b) const {
  if (const int order = compare_uidls(a, b))
    return order < 0;
  const Entry &first = entries_[a.number], &second = entries_[b.number];
  if (const int order = index_->base_of(first).compare(index_->base_of(second)))
    return order < 0;
  return first.in_cur > second.in_cur; // of one message in both directories, that in cur/ stays
}

bool MaildropIndexBuilder::is_same(const Key& a, const Key& b) const {
  return a.time == b.time && compare_uidls(a, b) == 0 &&
         index_->base_of(entries_[a.number]) == index_->base_of(entries_[b.number]);
}

void MaildropIndexBuilder::sort() {
  sort_by_time();
  for (auto begin = keys_.begin(); begin != keys_.end();) {
    const auto end =
        std::find_if(begin, keys_.end(), [&](const Key& key) { return key.time != begin->time; });
    if (end - begin > 1)
      std::sort(begin, end, [&](const Key& a, const Key& b) { return is_before(a, b); });
    begin = end;
  }
  keys_.erase(std::unique(keys_.begin(), keys_.end(),
                          [&](const Key& a, const Key& b) { return is_same(a, b); }),
              keys_.end());
}

// ---- UIDLs

// Our own ids are in the order of arrival, and so are the messages: mostly there is nothing to do.
bool MaildropIndexBuilder::may_have_like_uidls() const {
  return std::adjacent_find(keys_.begin(), keys_.end(), [&](const Key& a, const Key& b) {
           return compare_uidls(a, b) >= 0;
         }) != keys_.end();
}

// Somebody copied a file under another name.
void MaildropIndexBuilder::part_like_uidls() {
  std::vector<Entry>& entries = index_->entries_;
  const auto uidl_of = [&](std::uint32_t number) { return index_->uidl_of(entries[number]); };
  TakenUidls taken(entries.size(), uidl_of);
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (taken.take(uidl_of(i), i))
      continue;
    const std::string_view name = index_->name_of(entries[i]);
    const auto parsed = *MaildirName::parse(name);
    std::string from(parsed.base), uidl;
    do {
      uidl = hashed_uidl(from);
      from += '+';
    } while (!taken.take(uidl, i));
    const Entry placed = place(name, parsed, uidl, index_->stamp(i));
    entries[i].offset = placed.offset;
    entries[i].uidl_at = placed.uidl_at;
    entries[i].uidl_length = placed.uidl_length;
    entries[i].renamed = 1;
  }
}

std::shared_ptr<const MaildropIndex> MaildropIndexBuilder::finish() && {
  sort();
  index_->entries_.reserve(keys_.size());
  for (const Key& key : keys_) {
    const Entry& entry = index_->entries_.emplace_back(entries_[key.number]);
    if (!entry.pending)
      index_->stored_bytes_ += entry.stored_size;
  }
  if (may_have_like_uidls())
    part_like_uidls();
  index_->names_.shrink();
  return std::move(index_);
}

} // namespace letterlock::queued
