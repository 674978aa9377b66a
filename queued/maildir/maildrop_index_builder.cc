// Building the index of a maildrop.
#include "queued/maildir/maildrop_index_builder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>
#include <numeric>

namespace letterlock::queued {

namespace {

constexpr unsigned time_shift = 32; // in a Word
constexpr std::uint64_t place_mask = (std::uint64_t{1} << time_shift) - 1;

constexpr std::size_t uidl_room = 70; // RFC 1939 §7
static_assert(longest_maildir_name + uidl_room <= NameArena::text_room);

// Which UIDLs are taken, by the number of the message that has each: a table of numbers, because
// nodes and texts would be more than the index itself.
template <class TextOf> class TakenUidls {
public:
  TakenUidls(std::size_t most, TextOf text_of)
      : slots_(std::bit_ceil(2 * most + 1)), text_of_(std::move(text_of)) {}

  // False if another number has the same text.
  bool take(const std::string& uidl, std::uint32_t number) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = std::hash<std::string>()(uidl) & mask;; at = (at + 1) & mask) {
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

bool is_of_one_time(std::uint64_t a, std::uint64_t b) {
  return (a ^ b) >> time_shift == 0;
}

} // namespace

// ---- Adding

MaildropIndexBuilder::Entry& MaildropIndexBuilder::add() {
  const std::size_t place = index_->entries_++;
  if (place % MaildropIndex::piece == 0)
    index_->pieces_.push_back(std::make_unique_for_overwrite<Entry[]>(MaildropIndex::piece));
  Entry& entry = index_->pieces_.back()[place % MaildropIndex::piece];
  entry.pending = entry.twice = false;
  return entry;
}

void MaildropIndexBuilder::add(std::string_view name, const OwnName& parsed, bool in_cur) {
  const auto host = index_->hosts_.number_of(parsed.host);
  const auto info = index_->infos_.number_of(parsed.info);
  Entry& entry = add();
  entry.received = parsed.time;
  entry.wire_size = parsed.wire_size;
  entry.stored_size = parsed.stored_size;
  entry.own = host && info;
  entry.in_cur = in_cur;
  if (entry.own) {
    entry.id = MaildropIndex::IdNumbers::of(parsed.message);
    entry.host = *host;
    entry.info = *info;
  } else {
    entry.id = {0, keep(name, *MaildirName::parse(name), std::nullopt)};
  }
}

void MaildropIndexBuilder::add(std::string_view name, const MaildirName& parsed, bool in_cur,
                               std::uint64_t wire_size, const FileStamp& stamp) {
  Entry& entry = add();
  entry.received = parsed.time;
  entry.wire_size = wire_size;
  entry.stored_size = stamp.size;
  entry.own = false;
  entry.in_cur = in_cur;
  entry.id = {0, keep(name, parsed, stamp)};
}

void MaildropIndexBuilder::add(std::string_view name, const MaildirName& parsed, bool in_cur,
                               const PendingMessage& message) {
  Entry& entry = add();
  entry.received = parsed.time;
  entry.wire_size = message.wire_size;
  entry.stored_size = message.stored_size;
  entry.own = false;
  entry.in_cur = in_cur;
  entry.id = {0, keep(name, parsed, std::nullopt)};
}

void MaildropIndexBuilder::has_a_twin() {
  index_->pieces_.back()[(index_->entries_ - 1) % MaildropIndex::piece].twice = true;
}

void MaildropIndexBuilder::add(const PendingMessage& message, const MaildirHost& host) {
  const std::string name = format_maildir_name(message.received, message.message, host,
                                               message.stored_size, message.wire_size);
  if (const auto parsed = OwnName::parse(name)) {
    add(name, *parsed, false);
    index_->pieces_.back()[(index_->entries_ - 1) % MaildropIndex::piece].pending = true;
  }
}

std::uint64_t MaildropIndexBuilder::keep(std::string_view name, const MaildirName& parsed,
                                         const std::optional<FileStamp>& stamp) {
  Other& other = index_->others_.emplace_back();
  // None of these is larger: a longer name would not have been parsed.
  other.base_length = static_cast<std::uint8_t>(parsed.base.size());
  other.renamed = false;
  other.stamp = stamp;
  append(other, name, parsed.own_uidl.empty() ? parsed.uidl() : std::string());
  if (!parsed.own_uidl.empty()) {
    other.uidl_at = static_cast<std::uint8_t>(parsed.own_uidl.data() - parsed.base.data());
    other.uidl_length = static_cast<std::uint8_t>(parsed.own_uidl.size());
  }
  return index_->others_.size() - 1;
}

// Puts NAME into the arena, and UIDL behind it.
void MaildropIndexBuilder::append(Other& other, std::string_view name, std::string_view uidl) {
  const auto [offset, octets] = index_->names_.allocate(name.size() + uidl.size());
  std::copy(uidl.begin(), uidl.end(), std::copy(name.begin(), name.end(), octets.begin()));
  other.offset = offset;
  other.name_length = static_cast<std::uint8_t>(name.size());
  other.uidl_at = other.name_length;
  other.uidl_length = static_cast<std::uint8_t>(uidl.size());
}

// ---- Sorting

// By a part of the time after the other, from the lowest, each time keeping the order of before.
// Comparing would take as long as reading the directory.
std::vector<MaildropIndexBuilder::Word> MaildropIndexBuilder::in_order_of_time() const {
  std::vector<Word> words(index_->entries_);
  if (words.empty())
    return words;
  std::iota(words.begin(), words.end(), Word{0});
  const auto time_of = [&](Word word) { return at(word).received; };
  std::int64_t first = std::numeric_limits<std::int64_t>::max(), last = 0;
  for (const Word word : words) {
    first = std::min(first, time_of(word));
    last = std::max(last, time_of(word));
  }
  const auto span = static_cast<std::uint64_t>(last - first); // no time is negative
  if (span > place_mask) {                                    // some name has a time that cannot be
    std::sort(words.begin(), words.end(), [&](Word a, Word b) { return time_of(a) < time_of(b); });
    Word rank = 0;
    for (std::size_t i = 1; i < words.size(); ++i) {
      rank += time_of(words[i - 1]) != time_of(words[i]);
      words[i] |= rank << time_shift;
    }
    return words;
  }
  for (Word& word : words)
    word |= static_cast<Word>(time_of(word) - first) << time_shift;
  constexpr unsigned part = 11; // bits
  constexpr std::size_t parts = std::size_t{1} << part;
  std::vector<Word> other(words.size());
  for (unsigned shift = 0; shift < 32 && span >> shift != 0; shift += part) {
    const auto part_of = [&](Word word) { return word >> (time_shift + shift) & (parts - 1); };
    std::array<std::uint32_t, parts + 1> begin{};
    for (const Word word : words)
      ++begin[part_of(word) + 1];
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    for (const Word word : words)
      other[begin[part_of(word)]++] = word;
    words.swap(other);
  }
  return words;
}

// What is next in the order lies anywhere in memory.
void MaildropIndexBuilder::prefetch(const std::vector<Word>& words, std::size_t i) const {
  constexpr std::size_t ahead = 16;
  if (i + ahead < words.size())
    __builtin_prefetch(&at(words[i + ahead]));
}

int MaildropIndexBuilder::compare_uidls(const Entry& a, const Entry& b) const {
  if (a.own && b.own)
    return a.id == b.id ? 0 : a.id < b.id ? -1 : 1;
  return index_->uidl_of(a).compare(index_->uidl_of(b));
}

bool MaildropIndexBuilder::is_before(const Entry& a, const Entry& b) const {
  if (const int order = compare_uidls(a, b))
    return order < 0;
  if (const int order = index_->base_of(a).compare(index_->base_of(b)))
    return order < 0;
  return a.in_cur > b.in_cur; // that in cur/ stays
}

bool MaildropIndexBuilder::is_same(const Entry& a, const Entry& b) const {
  return compare_uidls(a, b) == 0 && index_->base_of(a) == index_->base_of(b);
}

// ---- UIDLs

// Somebody copied a file under another name.
void MaildropIndexBuilder::part_like_uidls() {
  const auto& order = index_->order_;
  const auto uidl_of = [&](std::uint32_t number) { return index_->uidl_of(at(order[number])); };
  TakenUidls taken(order.size(), uidl_of);
  for (std::uint32_t number = 0; number < order.size(); ++number) {
    if (taken.take(uidl_of(number), number))
      continue;
    const std::uint32_t place = order[number];
    Entry& entry = index_->pieces_[place / MaildropIndex::piece][place % MaildropIndex::piece];
    std::string from = index_->base_of(entry), uidl;
    do {
      uidl = hashed_uidl(from);
      from += '+';
    } while (!taken.take(uidl, number));
    rename(entry, uidl);
  }
}

void MaildropIndexBuilder::rename(Entry& entry, const std::string& uidl) {
  const std::string name = index_->name_of(entry);
  if (entry.own) {
    entry.own = false;
    entry.id = {0, keep(name, *MaildirName::parse(name), std::nullopt)};
  }
  Other& other = index_->others_[entry.id.low];
  append(other, name, uidl);
  other.renamed = true;
}

// ---- Finishing

std::shared_ptr<const MaildropIndex> MaildropIndexBuilder::finish() && {
  std::vector<Word> words = in_order_of_time();
  index_->order_.reserve(words.size());
  Entry* before = nullptr;
  bool ascending = true;
  for (std::size_t begin = 0, end = 0; begin < words.size(); begin = end) {
    for (end = begin + 1; end < words.size() && is_of_one_time(words[begin], words[end]); ++end)
      prefetch(words, end);
    prefetch(words, end);
    std::sort(&words[begin], &words[0] + end,
              [&](Word a, Word b) { return is_before(at(a), at(b)); });
    for (std::size_t i = begin; i < end; ++i) {
      Entry& entry = at(words[i]);
      if (i > begin && is_same(*before, entry)) {
        before->twice = true;
        continue;
      }
      // Our own ids are in the order of arrival, and so are the messages: mostly none is like
      // another.
      ascending = ascending && (before == nullptr || compare_uidls(*before, entry) < 0);
      before = &entry;
      index_->order_.push_back(static_cast<std::uint32_t>(words[i]));
      index_->octets_ += entry.wire_size;
      if (!entry.pending)
        index_->stored_bytes_ += entry.stored_size;
    }
  }
  if (!ascending)
    part_like_uidls();
  shrink();
  return std::move(index_);
}

void MaildropIndexBuilder::shrink() {
  index_->names_.shrink();
  index_->others_.shrink_to_fit();
  index_->pieces_.shrink_to_fit();
  if (const std::size_t left = index_->entries_ % MaildropIndex::piece; left != 0) {
    auto last = std::make_unique_for_overwrite<Entry[]>(left);
    std::copy_n(index_->pieces_.back().get(), left, last.get());
    index_->pieces_.back() = std::move(last);
  }
}

} // namespace letterlock::queued
