// MaildropIndex: the messages of one maildrop, numbered, in little memory: 32 octets for each, and
// its name. Immutable, so that sessions and threads share one.
//
// Pure: MaildropIndexBuilder is fed by who lists the directories (list_maildrop). Source:
// docs/spool.md, "Maildir names" and "A maildrop among other programs".
#pragma once

#include "queued/maildir/maildir_name.h"
#include "queued/maildir/name_arena.h"
#include "queued/store/store.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::queued {

// Tells one content of a file from another, without reading it.
struct FileStamp {
  std::uint64_t inode = 0;
  std::int64_t modified = 0; // nanoseconds since 1970
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

struct IndexedSizes {
  std::uint64_t stored = 0; // octets of the file; below 2^48
  std::uint64_t wire = 0;   // octets that POP3 sends
};

// A message that has a record in the journal and no file yet.
struct PendingMessage {
  Id128 message;
  std::int64_t received = 0; // seconds since 1970
  IndexedSizes sizes;        // of the file that it will be
};

// Numbers run from 0, by time, then UIDL, then name. All must be below size(). Views live as long
// as the index.
class MaildropIndex final : public MessageList {
public:
  std::size_t size() const override { return entries_.size(); }
  // No two UIDLs are alike (RFC 1939 §7).
  StoredMessage operator[](std::size_t number) const override;

  // Of the file, as it was listed; of a pending message, as it will be.
  std::string_view name(std::size_t number) const { return name_of(entries_[number]); }
  std::string_view base(std::size_t number) const { return base_of(entries_[number]); } // no flags
  bool in_cur(std::size_t number) const { return entries_[number].in_cur; }
  std::optional<Id128> message_id(std::size_t number) const; // none: not one of ours
  std::uint64_t stored_size(std::size_t number) const { return entries_[number].stored_size; }
  bool is_pending(std::size_t number) const { return entries_[number].pending; }
  // Of a file whose wire size was found by reading it; none: its name told.
  std::optional<FileStamp> stamp(std::size_t number) const;

  // The number of the message with that base.
  std::optional<std::size_t> find(const MaildirName& name) const;
  // Of all files: the sum of their stored sizes.
  std::uint64_t stored_bytes() const { return stored_bytes_; }
  // Octets of memory that it takes.
  std::size_t memory() const;

  // The same with MESSAGES among the others, but for those that have a file. Their files will have
  // HOST in their names.
  std::shared_ptr<const MaildropIndex> with(std::span<const PendingMessage> messages,
                                            const MaildirHost& host) const;

private:
  friend class MaildropIndexBuilder;
  // Behind each name the arena has the UIDL, unless it is a part of the name, and the stamp, if
  // there is one.
  struct Entry {
    std::int64_t received;
    std::uint64_t wire_size;
    std::uint64_t stored_size : 48;
    std::uint64_t in_cur : 1;
    std::uint64_t pending : 1;
    std::uint64_t stamped : 1;
    std::uint64_t renamed : 1; // has another UIDL than its name says
    std::uint32_t offset;      // of the name in the arena
    std::uint8_t name_length, base_length;
    std::uint8_t uidl_at, uidl_length; // relative to the name
  };
  static_assert(sizeof(Entry) == 32);

  std::string_view name_of(const Entry& entry) const {
    return names_.text(entry.offset, entry.name_length);
  }
  std::string_view base_of(const Entry& entry) const {
    return names_.text(entry.offset, entry.base_length);
  }
  std::string_view uidl_of(const Entry& entry) const {
    return names_.text(entry.offset, std::size_t{entry.uidl_at} + entry.uidl_length)
        .substr(entry.uidl_at);
  }

  std::vector<Entry> entries_;
  NameArena names_;
  std::uint64_t stored_bytes_ = 0;
};

} // namespace letterlock::queued
