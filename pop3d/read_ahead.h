// ReadAhead: the messages of one session that are asked for before the client does.
//
// Messages are mostly fetched one after the other, so once a client has asked for two in a row, the
// following ones are opened while it still reads: one, two, four, and so on up to most_ahead at a
// time. What it has pipelined is known outright (expect()). Only short messages come as content and
// are worth it; a long one is a descriptor, of which one is kept at most, and reading ahead goes on
// one by one until a short one comes again.
//
// Pure: the session's adapter sends the requests and hands in the answers. Bounded in number by
// most_ahead, in memory by that and by AheadBudget, which all sessions share.
#pragma once

#include "common/base/unique_fd.h"
#include "libpop3/handler.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace letterlock::pop3d {

// A message as queued gives it.
struct MessageFile {
  UniqueFd file;
  std::uint64_t stored_size{};
};
struct Message {
  std::uint64_t wire_size{};
  std::variant<std::string, MessageFile> content;
};
using MessageResult = std::expected<Message, pop3::ReadFault>;

// Messages that all sessions together may have ahead of their clients.
class AheadBudget {
public:
  static constexpr std::size_t most = 1024; // of 16,000 octets at most each

  // False, and nothing is taken, if there is none left.
  bool take() {
    if (used_ == most)
      return false;
    ++used_;
    return true;
  }
  void give_back() { --used_; }
  std::size_t used() const { return used_; }

private:
  std::size_t used_ = 0;
};

class ReadAhead {
public:
  static constexpr std::uint32_t most_ahead = 32; // of one session

  // BUDGET must outlive this.
  explicit ReadAhead(AheadBudget& budget) : budget_(budget) {}
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead() { clear(); }

  // The maildrop is open and has so many messages.
  void begin(std::uint32_t messages) { messages_ = messages; }

  // The client has asked for the message in what it has pipelined.
  void expect(std::uint32_t index);
  // It is the message's turn. What there is of it, once. None: it has to be asked for, unless
  // asked() says that it is on its way.
  std::optional<MessageResult> turn(std::uint32_t index);
  bool asked(std::uint32_t index) const;

  // The messages that are to be asked for now, in that order; they count as asked.
  std::vector<std::uint32_t> wanted();
  // It could not be asked for after all.
  void not_asked(std::uint32_t index) { erase(index); }
  // An answer. It is handed back if its turn has come meanwhile, or if it is no answer to wanted().
  std::optional<MessageResult> arrived(std::uint32_t index, MessageResult result);

  // Nothing that was asked for will come any more.
  void clear();

private:
  struct Entry {
    std::uint32_t index;
    bool pipelined;
    bool asked = false;
    bool turn_came = false; // and the client waits
    std::optional<MessageResult> message = std::nullopt;
  };

  Entry* find(std::uint32_t index);
  void add(std::uint32_t index, bool pipelined);
  void erase(std::uint32_t index);
  template <class Condition> void erase_if(Condition condition);
  void look_further();
  bool holds_a_file() const;

  AheadBudget& budget_;
  std::uint32_t messages_ = 0;
  std::uint32_t next_ = 0;   // the message behind the one that had its turn last
  std::uint32_t window_ = 0; // how many are asked for ahead of a client that reads in order
  bool long_ones_ = false;   // the last that came was long
  std::vector<Entry> entries_;
};

} // namespace letterlock::pop3d
