// Maildrop: how many messages a session has, which of them it has marked as deleted, and what it
// knows of the others at the moment.
//
// Sizes and unique ids stay with the store, which is asked for a stretch of them when they are
// needed: a session holds one bit for each message, and that only once one is marked.
#pragma once

#include "libpop3/limits.h"
#include "libpop3/message_number.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::pop3 {

// The octets of messages in a row.
class SizeStretch {
public:
  // False, and nothing is kept, if there are none or one is over max_message_size. Of many,
  // sizes_at_a_time are kept.
  bool assign(std::uint32_t first, std::span<const std::uint64_t> sizes);
  std::optional<std::uint64_t> at(std::uint32_t index) const;

private:
  std::uint32_t first_ = 0;
  std::vector<std::uint64_t> sizes_;
};

// The unique ids of messages in a row.
class UidlStretch {
public:
  // The same if one is not 1 to 70 characters from 0x21 to 0x7E (RFC 1939 §7).
  bool assign(std::uint32_t first, std::span<const std::string_view> uidls);
  // Valid until the next assign().
  std::optional<std::string_view> at(std::uint32_t index) const;

private:
  std::uint32_t first_ = 0;
  std::vector<std::uint32_t> ends_; // of each in texts_; it begins where the one before ends
  std::string texts_;
};

class Maildrop {
public:
  enum class Lookup : std::uint8_t { no_such_message, deleted };

  Maildrop() = default;
  Maildrop(std::uint32_t messages, std::uint64_t octets) : size_(messages), octets_(octets) {}

  // All messages, marked or not; indices run from 0 to here.
  std::uint32_t size() const { return size_; }
  // The messages that are not marked, and their octets.
  std::uint32_t count() const { return size_ - marked_count_; }
  std::uint64_t octets() const { return octets_ > marked_octets_ ? octets_ - marked_octets_ : 0; }

  // The index of an unmarked message.
  std::expected<std::uint32_t, Lookup> find(MessageNumber number) const;

  // For an index below size().
  bool marked(std::uint32_t index) const {
    return marked_count_ != 0 && (marks_[index / 64] >> index % 64 & 1) != 0;
  }
  // For an index from find().
  void mark(std::uint32_t index, std::uint64_t octets);
  void unmark_all();
  // Ascending.
  std::vector<std::uint32_t> marked_indices() const;

private:
  std::uint32_t size_ = 0;
  std::uint64_t octets_ = 0;
  std::uint32_t marked_count_ = 0;
  std::uint64_t marked_octets_ = 0;
  std::vector<std::uint64_t> marks_; // a bit each; empty until the first
};

} // namespace letterlock::pop3
