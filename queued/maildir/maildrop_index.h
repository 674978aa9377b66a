// MaildropIndex: the messages of one maildrop, numbered, in little memory: some 52 octets for one
// of ours, whose name is made again of its parts. Immutable, so that sessions and threads share
// one.
//
// Pure: MaildropIndexBuilder makes it, fed by who lists the directories (list_maildrop). Source:
// docs/spool.md, "Maildir names" and "A maildrop among other programs".
#pragma once

#include "queued/maildir/few_texts.h"
#include "queued/maildir/maildir_name.h"
#include "queued/maildir/name_arena.h"
#include "queued/maildir/own_name.h"
#include "queued/message_store.h"

#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::queued {

class MaildropIndexBuilder;

// Tells one content of a file from another, without reading it.
struct FileStamp {
  std::uint64_t inode = 0;
  std::int64_t modified = 0; // nanoseconds since 1970
  std::uint64_t size = 0;    // octets
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// A message that has a record in the journal, and no file yet, or one that may not be whole.
struct PendingMessage {
  Id128 message;
  std::int64_t received = 0;                    // seconds since 1970
  std::uint64_t stored_size = 0, wire_size = 0; // of the file that it will be
  bool is_hidden = false;                       // it is shown only if there is a file
};

// Numbers run from 0, by time, then UIDL, then name. All must be below size().
class MaildropIndex final : public MessageList {
public:
  std::size_t size() const override { return order_.size(); }
  std::uint64_t octets() const override { return octets_; }
  std::uint64_t wire_size(std::size_t number) const override { return entry(number).wire_size; }
  // No two UIDLs are alike (RFC 1939 §7).
  StoredMessage operator[](std::size_t number) const override;

  // Of the file, as it was listed; of a pending message, as it will be.
  std::string name(std::size_t number) const { return name_of(entry(number)); }
  std::string base(std::size_t number) const { return base_of(entry(number)); } // without flags
  bool in_cur(std::size_t number) const { return entry(number).in_cur; }
  // As own_message_id().
  std::optional<Id128> message_id(std::size_t number) const;
  std::int64_t received(std::size_t number) const { return entry(number).received; }
  std::uint64_t stored_size(std::size_t number) const { return entry(number).stored_size; }
  bool is_pending(std::size_t number) const { return entry(number).pending; }
  // Several files have its base: as a rule one in new and one in cur.
  bool is_twice(std::size_t number) const { return entry(number).twice; }
  // The message ids that several files have: somebody copied one under another name.
  std::set<Id128> ids_of_copies() const;
  // Of a file whose sizes are not those of its name; none: they are.
  std::optional<FileStamp> stamp(std::size_t number) const;

  // The bases of files of MESSAGES that others have given other names: their sizes were read.
  std::vector<std::string> renamed_files_of(std::span<const PendingMessage> messages) const;
  // The number of the message that has the base of this name.
  std::optional<std::size_t> find(std::string_view name) const;
  // Of all files: the sum of their stored sizes.
  std::uint64_t stored_bytes() const { return stored_bytes_; }
  // Octets of memory that it takes.
  std::size_t memory() const;

  // The same, and up to MOST messages those that EARLIER, a listing of the same maildrop, has
  // besides.
  std::shared_ptr<const MaildropIndex> joined_with(const MaildropIndex& earlier,
                                                   std::size_t most) const;
  // The same without the files that have one of the bases WITHOUT, and with MESSAGES among the
  // others. Their files will have HOST in their names; those that have one already, whatever others
  // have put behind its name, have the sizes that are said here.
  std::shared_ptr<const MaildropIndex> with(std::span<const PendingMessage> messages,
                                            const MaildirHost& host,
                                            std::span<const std::string> without = {},
                                            std::span<const Id128> without_messages = {}) const;

private:
  friend class MaildropIndexBuilder;

  // The octets of a message id as numbers, which have the same order.
  struct IdNumbers {
    std::uint64_t high = 0, low = 0;
    static IdNumbers of(const Id128& id);
    Id128 id() const;
    friend auto operator<=>(const IdNumbers&, const IdNumbers&) = default;
  };
  struct Entry {
    IdNumbers id; // of an own name; else `low` is a number in others_
    bool own;     // its name is an OwnName
    bool in_cur, pending, twice;
    std::uint8_t host, info; // of an own name
    std::int64_t received;
    std::uint64_t wire_size, stored_size;
  };
  static_assert(sizeof(Entry) == 48);
  // A name of another kind, in the arena with its UIDL behind it, unless that is a part of it.
  struct Other {
    std::uint32_t offset;
    std::uint8_t name_length, base_length;
    std::uint8_t uidl_at, uidl_length; // from the beginning of the name
    bool renamed;                      // has another UIDL than its name says
    std::optional<FileStamp> stamp;
  };

  const Entry& entry(std::size_t number) const { return at(order_[number]); }
  const Entry& at(std::uint32_t place) const { return pieces_[place / piece][place % piece]; }
  const Other& other(const Entry& entry) const { return others_[entry.id.low]; }
  OwnName own_name(const Entry& entry) const;
  std::string name_of(const Entry& entry) const;
  std::string base_of(const Entry& entry) const;
  std::string uidl_of(const Entry& entry) const;
  void copy_to(MaildropIndexBuilder& builder, std::size_t number) const;

  // Entries are kept in the order of listing, in pieces of one size: to move them would cost as
  // much as to read the names.
  static constexpr std::size_t piece = 1024;
  std::vector<std::unique_ptr<Entry[]>> pieces_;
  std::vector<std::uint32_t> order_; // the places of the messages, by number
  std::vector<Other> others_;
  NameArena names_;
  FewTexts hosts_, infos_;
  std::uint64_t stored_bytes_ = 0, octets_ = 0;
  std::size_t entries_ = 0; // in pieces_
};

} // namespace letterlock::queued
