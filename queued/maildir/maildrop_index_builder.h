// MaildropIndexBuilder: makes a MaildropIndex of names in any order. Pure.
//
// A maildrop may have many messages and is listed while its owner waits, so nothing is allocated
// for a single message, and what is compared often lies close together.
#pragma once

#include "queued/maildir/maildrop_index.h"

namespace letterlock::queued {

// What a stamp takes behind a name.
inline constexpr std::size_t stamp_octets = 2 * sizeof(std::uint64_t);

class MaildropIndexBuilder {
public:
  // At most MOST messages.
  explicit MaildropIndexBuilder(std::size_t most) : most_(most) {
    keys_.reserve(100000);
    entries_.reserve(100000);
  }

  bool full() const { return keys_.size() >= most_ || index_->names_.full(); }
  // Both not when it is full. A file; NAME is what PARSED was parsed from. A message that is added
  // twice, from new/ and from cur/, is one; the place in cur/ counts.
  void add(std::string_view name, const MaildirName& parsed, bool in_cur, const IndexedSizes& sizes,
           const std::optional<FileStamp>& stamp = std::nullopt);
  void add(const PendingMessage& message, const MaildirHost& host);

  std::shared_ptr<const MaildropIndex> finish() &&;

private:
  using Entry = MaildropIndex::Entry;
  // What messages are sorted by.
  struct Key {
    std::uint64_t time;                         // in the order of unsigned numbers
    std::pair<std::uint64_t, std::uint64_t> id; // the message id, if it is one of ours
    std::uint32_t number;                       // of entries_
    bool ours;
  };

  Entry place(std::string_view name, const MaildirName& parsed, std::string_view other_uidl,
              const std::optional<FileStamp>& stamp);
  void sort();
  void sort_by_time();
  int compare_uidls(const Key& a, const Key& b) const;
  bool is_before(const Key& a, const Key& b) const; // of one time
  bool is_same(const Key& a, const Key& b) const;
  bool may_have_like_uidls() const;
  void part_like_uidls();

  std::size_t most_;
  std::vector<Key> keys_;
  std::vector<Entry> entries_;
  std::shared_ptr<MaildropIndex> index_ = std::make_shared<MaildropIndex>();
};

} // namespace letterlock::queued
