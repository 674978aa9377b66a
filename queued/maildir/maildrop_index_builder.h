// MaildropIndexBuilder: makes a MaildropIndex of names in any order. Pure.
//
// A maildrop may have many messages and is listed while its owner waits, so nothing is allocated
// for a single message, and nothing is moved that need not be.
#pragma once

#include "queued/maildir/maildrop_index.h"

namespace letterlock::queued {

class MaildropIndexBuilder {
public:
  // At most MOST messages.
  explicit MaildropIndexBuilder(std::size_t most) : most_(most) {}

  bool full() const { return index_->entries_ >= most_ || index_->names_.full(); }
  // These not when it is full. A message that is added twice, from new/ and from cur/, is
  // one; the place in cur/ counts.
  //
  // A file whose name tells its sizes: PARSED is what OwnName makes of NAME.
  void add(std::string_view name, const OwnName& parsed, bool in_cur);
  // Any other: PARSED is what MaildirName makes of NAME.
  void add(std::string_view name, const MaildirName& parsed, bool in_cur, std::uint64_t wire_size,
           const FileStamp& stamp);
  void add(const PendingMessage& message, const MaildirHost& host);
  // A file with the name of MESSAGE and more, in which anything may be by now.
  void add(std::string_view name, const MaildirName& parsed, bool in_cur,
           const PendingMessage& message);
  // The file that was added last is one of several with its base, of which the others are not.
  void has_a_twin();

  std::shared_ptr<const MaildropIndex> finish() &&;

private:
  using Entry = MaildropIndex::Entry;
  using Other = MaildropIndex::Other;
  // The time of a message, relative to others, and below it the place of its entry: 32 bits each.
  using Word = std::uint64_t;

  Entry& add();
  std::uint64_t keep(std::string_view name, const MaildirName& parsed,
                     const std::optional<FileStamp>& stamp);
  void append(Other& other, std::string_view name, std::string_view uidl);

  Entry& at(Word word) const {
    const auto place = static_cast<std::uint32_t>(word);
    return index_->pieces_[place / MaildropIndex::piece][place % MaildropIndex::piece];
  }
  std::vector<Word> in_order_of_time() const;
  void prefetch(const std::vector<Word>& words, std::size_t i) const;
  int compare_uidls(const Entry& a, const Entry& b) const;
  bool is_before(const Entry& a, const Entry& b) const; // of one time
  bool is_same(const Entry& a, const Entry& b) const;   // of one time
  void part_like_uidls();
  void rename(Entry& entry, const std::string& uidl);
  void shrink();

  std::size_t most_;
  std::shared_ptr<MaildropIndex> index_ = std::make_shared<MaildropIndex>();
};

} // namespace letterlock::queued
