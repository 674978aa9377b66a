// Maildrop: the messages of one session in their order, with the marks that DELE sets.
//
// A snapshot: what arrives later is seen by the next session (RFC 1939 §4). Holds sizes and unique
// ids alone, some 16 octets a message beside its unique id.
#pragma once

#include "pop3d/limits.h"
#include "pop3d/message_number.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::pop3d {

// One message as the store lists it. The unique id is borrowed. An entry that cannot be made must
// not be left out of a listing, since the ones behind it would change their indices: the listing
// has failed then.
class MaildropEntry {
public:
  // None if the size is over max_wire_size, or the unique id is not 1 to 70 characters from 0x21 to
  // 0x7E (RFC 1939 §7).
  static std::optional<MaildropEntry> from(std::uint64_t wire_size, std::string_view uidl);

  std::uint64_t wire_size() const { return wire_size_; }
  std::string_view uidl() const { return uidl_; }

private:
  MaildropEntry(std::uint64_t wire_size, std::string_view uidl)
      : wire_size_(wire_size), uidl_(uidl) {}
  std::uint64_t wire_size_;
  std::string_view uidl_;
};

class Maildrop {
public:
  enum class Lookup : std::uint8_t { no_such_message, deleted };

  // False, and nothing is added, when there are max_messages already.
  bool add(const MaildropEntry& entry);

  // All messages, marked or not; indices run from 0 to here.
  std::uint32_t size() const { return static_cast<std::uint32_t>(rows_.size()); }
  // The messages that are not marked, and their octets.
  std::uint32_t count() const { return count_; }
  std::uint64_t octets() const { return octets_; }

  // The index of an unmarked message.
  std::expected<std::uint32_t, Lookup> find(MessageNumber number) const;

  // For an index below size().
  bool marked(std::uint32_t index) const { return rows_[index].marked; }
  std::uint64_t wire_size(std::uint32_t index) const { return rows_[index].wire_size; }
  std::string_view uidl(std::uint32_t index) const;

  // For an index from find().
  void mark(std::uint32_t index);
  void unmark_all();
  // Ascending.
  std::vector<std::uint32_t> marked_indices() const;

private:
  struct Row {
    std::uint64_t wire_size;
    std::uint32_t uidl_end; // in uidls_; it begins where the one before ends
    bool marked = false;
  };

  std::vector<Row> rows_;
  std::string uidls_;
  std::uint32_t count_ = 0;
  std::uint64_t octets_ = 0;
};

} // namespace letterlock::pop3d
