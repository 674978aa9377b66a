// Reading ahead for a client that asks for messages in any order, with answers of any kind at any
// time: each turn gets its own message in the end, and no more is held than may be.
//
// Each step is an octet: what happens, and to which message.
#include "pop3d/read_ahead.h"
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

#include <deque>

using namespace letterlock;
using namespace letterlock::pop3d;
using fuzz::require;

namespace {

constexpr std::uint32_t messages = 40;

// Which message it is stands in its size.
MessageResult answer_about(std::uint32_t index, unsigned kind) {
  if (kind == 0)
    return std::unexpected(pop3::ReadFault::temporary);
  if (kind == 1)
    return std::unexpected(pop3::ReadFault::gone);
  if (kind == 2)
    return Message{index, MessageFile{UniqueFd(::dup(0)), index}};
  return Message{index, std::to_string(index)};
}

// As the session's adapter uses it: the client waits for one message at a time.
class Client {
public:
  explicit Client(AheadBudget& budget) : budget_(budget), ahead_(budget) { ahead_.begin(messages); }

  void step(fuzz::Input& input) {
    const unsigned what = input.octet();
    const auto index = static_cast<std::uint32_t>(input.under(messages));
    switch (what % 8) {
    case 0: // the store answers
    case 1:
      return answer(index, what / 8 % 4);
    case 2: // the client asks for that message
      return ask(index);
    case 3: // for the next one
    case 4:
      return ask(next_);
    case 5: // it has pipelined that one
      ahead_.expect(index);
      return send();
    case 6: // whether the link takes any more
      link_is_full_ = what / 8 % 2 == 1;
      return;
    default: // the link is lost, and the session with it
      if (what != 7)
        return;
      ahead_.clear();
      on_their_way_.clear();
      waiting_.reset();
    }
  }

  void answer_all() {
    while (!on_their_way_.empty())
      answer(0, 3);
    require(!waiting_);
  }

  void check() const { require(budget_.used() <= ReadAhead::most_ahead); }

private:
  void send() {
    for (const std::uint32_t index : ahead_.wanted()) {
      require(index < messages && ahead_.asked(index));
      if (link_is_full_)
        ahead_.not_asked(index);
      else
        on_their_way_.push_back(index);
    }
  }

  void ask(std::uint32_t index) {
    if (waiting_ || index >= messages)
      return;
    next_ = index + 1;
    if (const auto result = ahead_.turn(index)) {
      check_content(index, *result);
    } else {
      waiting_ = index;
      asked_alone_ = !ahead_.asked(index);
      if (asked_alone_)
        on_their_way_.push_back(index);
    }
    send();
  }

  void answer(std::uint32_t which, unsigned kind) {
    if (on_their_way_.empty())
      return;
    const auto at =
        on_their_way_.begin() + static_cast<std::ptrdiff_t>(which % on_their_way_.size());
    const std::uint32_t index = *at;
    on_their_way_.erase(at);
    const auto now = ahead_.arrived(index, answer_about(index, kind));
    if (now)
      check_content(index, *now);
    send();
    if (!now || waiting_ != index)
      return;
    if (!*now && now->error() == pop3::ReadFault::temporary && !asked_alone_) {
      asked_alone_ = true;
      on_their_way_.push_back(index);
    } else {
      waiting_.reset();
    }
  }

  static void check_content(std::uint32_t index, const MessageResult& result) {
    require(!result || result->wire_size == index);
  }

  AheadBudget& budget_;
  ReadAhead ahead_;
  std::uint32_t next_ = 0;
  std::optional<std::uint32_t> waiting_; // the message whose turn it is
  bool asked_alone_ = false;
  bool link_is_full_ = false;
  std::deque<std::uint32_t> on_their_way_; // requests that are not answered
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  AheadBudget budget;
  {
    Client client(budget);
    for (int steps = 0; steps < 1000 && !input.at_end(); ++steps) {
      client.step(input);
      client.check();
    }
    client.answer_all();
  }
  require(budget.used() == 0);
  return 0;
}
