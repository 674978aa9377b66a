// Fuzzes the POP3 session: cuts and late answers do not show, output is bounded, only QUIT removes.
//
// The first octet chooses the settings, the second how the store answers, the third the length of a
// message whose octets follow; the rest is what the client sends, or after a line of what else
// happens to the session.
#include "common/mail/wire_size.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3_driver.h"

using namespace letterlock::pop3;
using letterlock::fuzz::require;
using letterlock::mail::wire_size;

namespace {

struct Outcome {
  std::string output;
  Asked asked;
};

void check(const Driver& driver) {
  require(driver.most_output <= output_bound + 2 * content_chunk + 512);
  if (driver.asked.removed)
    require(driver.asked.closed == CloseReason::quit && !driver.asked.removed->empty());
  require(driver.asked.logins <= 1 + static_cast<int>(max_failed_logins));
  // The last may still be open where the client goes without a word.
  require(driver.asked.opened - driver.asked.closed_messages == 0);
}

Outcome drive(const Settings& settings, const FakeStore& store, std::string_view input,
              Driver::Pieces pieces) {
  Driver driver(settings, store, pieces);
  std::string output = driver.send(input);
  check(driver);
  return {std::move(output), driver.asked};
}

// The input comes in pieces of 20 octets, and after each something else happens.
void drive_disturbed(const Settings& settings, const FakeStore& store, std::string_view input,
                     std::string_view events) {
  Driver driver(settings, store, {.input = 5, .output = 50, .content = 3, .later = true});
  for (; !input.empty(); input.remove_prefix(std::min<std::size_t>(input.size(), 20))) {
    driver.send(input.substr(0, 20));
    const unsigned event = events.empty() ? 3 : static_cast<unsigned char>(events.front()) % 4;
    events.remove_prefix(std::min<std::size_t>(events.size(), 1));
    if (event == 0)
      driver.session.timed_out();
    else if (event == 1)
      driver.session.displaced();
    else if (event == 2)
      driver.session.shut_down();
    driver.run();
    // Nothing is awaited now, so each of them ends it at once.
    require(event == 3 || driver.asked.closed);
    check(driver);
  }
}

template <class E> std::optional<E> choose(unsigned choice, unsigned count) {
  if (choice % 2 == 0)
    return std::nullopt;
  return static_cast<E>(choice / 2 % count);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3)
    return 0;
  const unsigned choice = data[0], answers = data[1];
  std::string_view input(reinterpret_cast<const char*>(data) + 3, size - 3);
  const std::string stored(input.substr(0, data[2]));
  input.remove_prefix(stored.size());

  const Settings settings{.hostname = "mx.example.com",
                          .implementation = (choice & 8) != 0 ? "Fuzzed" : "",
                          .tls_available = (choice & 1) != 0,
                          .tls_active = (choice & 2) != 0,
                          .login_allowed_without_tls = true,
                          .utf8_unasked = (choice & 4) != 0};
  FakeStore store;
  store.messages = {{stored, "a", wire_size(stored)}, {"x\n", "b", 3}};
  // What fails, one thing at a time.
  switch (answers % 8) {
  case 1:
    store.login = choose<LoginFault>(answers / 8, 5);
    break;
  case 2:
    store.maildrop = choose<LoginFault>(answers / 8, 5);
    break;
  case 3:
    store.open = choose<ReadFault>(answers / 8, 3);
    break;
  case 4:
    store.listing = choose<ReadFault>(answers / 8, 3);
    store.listing_ends = answers / 64 % 2;
    break;
  case 5:
    store.removed = false;
    break;
  case 6:
    store.content_lost_at = std::min<std::size_t>(answers / 8, stored.size());
    break;
  default:
    break;
  }

  if ((choice & 16) != 0) {
    const auto end = std::min(input.find('\n'), input.size());
    drive_disturbed(settings, store, input.substr(end), input.substr(0, end));
    return 0;
  }
  const Outcome expected = drive(settings, store, input, {});
  for (const std::size_t piece : {1u, 3u, 50u}) {
    for (const bool later : {false, true}) {
      const Outcome other = drive(
          settings, store, input,
          {.input = piece, .output = piece, .content = piece, .entries = piece, .later = later});
      require(other.output == expected.output);
      require(other.asked.removed == expected.asked.removed);
      require(other.asked.closed == expected.asked.closed);
      require(other.asked.logins == expected.asked.logins);
      require(other.asked.complete == expected.asked.complete);
    }
  }
  return 0;
}
