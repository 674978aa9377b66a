// The POP3 session with pieces of any size, slow peers, large maildrops, late answers and answers
// out of turn.
#include "common/mail/wire_size.h"
#include "tests/unit/check.h"
#include "tests/unit/pop3_driver.h"
#include "tests/unit/pop3_reference.h"

#include <array>
#include <string>

using namespace letterlock::pop3;
using letterlock::mail::wire_size;

namespace {

const Settings tls{.hostname = "mx.example.com", .tls_active = true};
const std::string login = "USER me\r\nPASS b\r\n";

// Replies may exceed the bound by one chunk of content that doubles.
constexpr std::size_t output_ceiling = output_bound + 2 * content_chunk + 512;

FakeMessage message(std::string stored, std::string uidl) {
  const auto size = wire_size(stored);
  return {std::move(stored), std::move(uidl), size};
}

FakeStore three_messages() {
  FakeStore store;
  store.messages = {message("A: 1\n\nbody\n.\n", "a"), message("\n.dots\n..\n", "b"),
                    message("B: 2\nno end", "c")};
  return store;
}

void every_split_of_the_input_gives_the_same_output(void**) {
  const std::string input =
      "AUTH PLAIN\r\n*\r\n" + login +
      "CAPA\r\nSTAT\r\nLIST\r\nUIDL 2\r\nRETR 1\r\nTOP 2 1\r\nDELE 2\r\nLIST 2\r\n" +
      std::string(2100, 'y') + "\r\nUSER x\r\nRETR 3\r\nRETR 0\r\nQUIT\r\nNOOP\r\n";
  Driver whole(tls, three_messages());
  const std::string expected = whole.send(input);
  assert_true(expected.ends_with("+OK goodbye\r\n"));
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    Driver driver(tls, three_messages(), {.later = cut % 2 == 0});
    const std::string first = driver.send(input.substr(0, cut));
    assert_text_equal(first + driver.send(input.substr(cut)), expected);
    assert_true(driver.asked.removed == std::vector<std::uint32_t>{1});
  }
  for (std::size_t piece = 1; piece < 64; ++piece) {
    Driver driver(tls, three_messages(),
                  {.input = piece,
                   .output = piece,
                   .content = piece,
                   .entries = piece,
                   .later = piece % 2 == 0});
    assert_text_equal(driver.send(input), expected);
  }
}

std::string long_message() {
  std::string stored = "Subject: long\n\n";
  for (int i = 0; i < 4000; ++i)
    stored += (i % 7 == 0 ? "." : "") + std::string(static_cast<std::size_t>(i % 90), 'x') + "\n";
  return stored;
}

void a_message_arrives_whole_whatever_the_pieces(void**) {
  const std::string stored = long_message();
  FakeStore store;
  store.messages = {message(stored, "a")};
  const std::string expected = reference_encoding(stored, {});
  for (const std::size_t piece : {1000u, 4096u, 16384u, 100000u}) {
    Driver driver(tls, store, {.input = 10, .output = piece, .content = piece});
    driver.send(login);
    const std::string reply = driver.send("RETR 1\r\n");
    assert_text_equal(reply.substr(reply.find('\n') + 1), expected);
    assert_true(driver.most_output <= output_ceiling);
  }
}

// The header is looked through before the message is promised, and then read again.
void a_long_header_is_read_in_pieces(void**) {
  for (const bool international : {false, true}) {
    std::string stored = "Received: with UTF8SMTP\n";
    for (std::size_t i = 0; stored.size() < 3 * content_chunk; ++i)
      stored += "X-Field: " + std::to_string(i) + "\n";
    stored += international ? "Subject: gr\xc3\xbcn\n\nbody\n" : "Subject: plain\n\nbody\n";
    FakeStore store;
    store.messages = {message(stored, "a")};
    for (const std::size_t piece : {100u, 5000u, 100000u}) {
      Driver driver(tls, store, {.content = piece});
      driver.send(login);
      const std::string reply = driver.send("RETR 1\r\n");
      if (international)
        assert_text_equal(reply.substr(0, 11), "-ERR [UTF8]");
      else
        assert_text_equal(reply.substr(reply.find('\n') + 1), reference_encoding(stored, {}));
      assert_int_equal(driver.asked.closed_messages, 1);
    }
  }
}

void an_endless_header_is_sent_as_it_is(void**) {
  const std::string stored = std::string(max_header_scan, 'x') + "\nSubject: gr\xc3\xbcn\n\nbody\n";
  FakeStore store;
  store.messages = {message(stored, "a")};
  Driver driver(tls, store, {.output = 100'000});
  driver.send(login);
  const std::string reply = driver.send("RETR 1\r\n");
  assert_text_equal(reply.substr(reply.find('\n') + 1), reference_encoding(stored, {}));
}

void list_says_the_octets_that_retr_sends(void**) {
  FakeStore store;
  store.messages = {message("A: 1\n\nno dots\n\nat line starts", "a")};
  Driver driver(tls, store);
  driver.send(login);
  const std::string content =
      driver.send("RETR 1\r\n").substr(std::string("+OK 38 octets\r\n").size());
  assert_text_equal(driver.send("LIST 1\r\n"),
                    "+OK 1 " + std::to_string(content.size() - 3) + "\r\n");
}

FakeStore many_messages(std::uint32_t count) {
  FakeStore store;
  for (std::uint32_t i = 1; i <= count; ++i)
    store.messages.push_back({"", "unique-" + std::to_string(i), i});
  return store;
}

void a_large_listing_is_produced_as_it_is_sent(void**) {
  const FakeStore store = many_messages(100'000);
  std::string sizes, uidls;
  for (std::uint32_t i = 1; i <= 100'000; ++i) {
    sizes += std::to_string(i) + " " + std::to_string(i) + "\r\n";
    uidls += std::to_string(i) + " unique-" + std::to_string(i) + "\r\n";
  }
  const std::string summary = "+OK maildrop has 100000 messages (5000050000 octets)\r\n";
  Driver driver(tls, store, {.input = 100, .output = 5000});
  driver.send(login);
  assert_int_equal(driver.asked.lists, 0);
  assert_text_equal(driver.send("UIDL\r\n"), summary + uidls + ".\r\n");
  assert_int_equal(driver.asked.lists, 100'000 / uidls_at_a_time);
  assert_text_equal(driver.send("LIST\r\n"), summary + sizes + ".\r\n");
  assert_int_equal(driver.asked.lists, 100'000 / uidls_at_a_time + 100'000 / sizes_at_a_time);
  assert_true(driver.most_output <= output_bound + 512);
}

// What is known of the listing is used again; each message is asked for at most once in a row.
void neighbours_are_not_asked_for_twice(void**) {
  Driver driver(tls, many_messages(2000), {.entries = 100});
  driver.send(login);
  for (std::uint32_t i = 1; i <= 1000; ++i) {
    const std::string number = std::to_string(i);
    assert_text_equal(driver.send("DELE " + number + "\r\n"),
                      "+OK message " + number + " deleted\r\n");
    const std::string next = std::to_string(i + 1);
    assert_text_equal(driver.send("UIDL " + next + "\r\n"),
                      "+OK " + next + " unique-" + next + "\r\n");
  }
  assert_int_equal(driver.asked.lists, 20);
  assert_text_equal(driver.send("STAT\r\n"), "+OK 1000 1500500\r\n");
}

// The peer sends commands for ever and reads nothing.
void pipelining_without_reading_stops_the_input(void**) {
  Driver driver(tls, three_messages());
  driver.send(login);
  std::string commands;
  for (int i = 0; i < 100'000; ++i)
    commands += "LIST\r\n";
  const std::size_t consumed = driver.session.input(commands);
  assert_true(consumed < commands.size());
  assert_int_equal(consumed % 6, 0);
  assert_false(driver.session.wants_input());
  assert_int_equal(driver.session.input(commands), 0);
  assert_true(driver.session.output().size() <= output_bound + 512);
  driver.session.sent(driver.session.output().size());
  assert_true(driver.session.wants_input());
}

// A handler that keeps what it was asked for and answers nothing.
struct Silent : Handler {
  void authenticate(std::string_view, std::string_view) override { ++asked; }
  void open_maildrop() override { ++asked; }
  void list(Column, std::uint32_t, std::uint32_t) override { ++asked; }
  void expect_message(std::uint32_t index, const Extent& e) override {
    expected.push_back(index);
    extents.push_back(e);
  }
  void open_message(std::uint32_t, const Extent& e) override { ++asked, extent = e; }
  void read_message(std::uint64_t at, std::size_t most) override {
    ++asked, offset = at;
    assert_int_equal(most, content_chunk);
  }
  void close_message(bool c) override { ++closed_messages, complete = c; }
  void remove_messages(std::span<const std::uint32_t>) override { ++asked; }
  void start_tls() override { ++asked; }
  void close(CloseReason r) override { reason = r; }

  // Whether something was asked for since the last time.
  bool take() { return std::exchange(asked, 0) == 1; }

  int asked = 0;
  int closed_messages = 0;
  bool complete = false;
  std::uint64_t offset = 0;
  Extent extent;
  std::vector<std::uint32_t> expected;
  std::vector<Extent> extents;
  std::optional<CloseReason> reason;
};

// A session in TRANSACTION, all output sent.
struct Quiet {
  explicit Quiet(std::uint32_t messages = 100) {
    session.input(login);
    assert_true(handler.take());
    session.authenticated();
    assert_true(handler.take());
    session.maildrop_opened(messages, 1000);
    send();
  }
  void send() { session.sent(session.output().size()); }
  Silent handler;
  Session session{tls, handler};
};

void no_input_is_consumed_while_an_answer_is_awaited(void**) {
  Silent handler;
  Session session(tls, handler);
  const std::string input = login + "STAT\r\nQUIT\r\n";
  assert_int_equal(session.input(input), login.size());
  assert_int_equal(session.input("STAT\r\n"), 0);
  session.authenticated();
  assert_int_equal(session.input("STAT\r\n"), 0);
  assert_int_equal(handler.asked, 2);
  session.maildrop_opened(3, 10);
  assert_int_equal(session.input("STAT\r\n"), 6);
  assert_int_equal(session.lines_received(), 3);
}

void no_content_is_asked_for_while_output_waits(void**) {
  Quiet client;
  client.session.input("RETR 1\r\n");
  assert_true(client.handler.take());
  client.session.message_opened(1'000'000);
  const std::string chunk(content_chunk, '\n');
  for (std::uint64_t at = 0; client.handler.take(); at += content_chunk) {
    assert_int_equal(client.handler.offset, at);
    client.session.content(chunk, false);
  }
  assert_true(client.session.output().size() >= output_bound);
  assert_true(client.session.output().size() <= output_ceiling);
  client.send();
  assert_true(client.handler.take());
  assert_int_equal(client.handler.closed_messages, 0);
}

void top_lets_the_message_go_early(void**) {
  Quiet client;
  client.session.input("TOP 1 1\r\n");
  assert_true(client.handler.extent == Extent{1});
  client.session.message_opened(1'000'000);
  client.session.content("A: 1\n\none\ntwo\n", false);
  assert_int_equal(client.handler.closed_messages, 1);
  assert_true(client.handler.complete);
  assert_true(client.session.wants_input());
  assert_true(client.session.output().ends_with("A: 1\r\n\r\none\r\n.\r\n"));
}

void pipelined_retrievals_are_announced(void**) {
  Quiet client;
  const std::string input = "RETR 1\r\nDELE 1\r\nRETR 3\r\nTOP 5 7\r\nRETR 101\r\nRETR 4\r\nRET";
  const std::size_t consumed = client.session.input(input);
  assert_int_equal(consumed, 8);
  assert_true(client.handler.expected == (std::vector<std::uint32_t>{2, 4, 3}));
  assert_true(client.handler.extents[1] == Extent{7});
  client.session.message_opened(5);
  client.session.content("x\n", true);
  assert_true(client.handler.asked == 2); // open, read
  // What was looked at is not looked at again.
  client.session.input(input.substr(consumed));
  client.session.sizes_listed(std::vector<std::uint64_t>{1});
  client.session.input(input.substr(16));
  assert_int_equal(client.handler.expected.size(), 3);
  client.session.message_opened(5);
  client.session.content("x\n", true);
  client.session.input(input.substr(24) + "R 9\r\nRETR 8\r\n");
  assert_true(client.handler.expected == (std::vector<std::uint32_t>{2, 4, 3, 8, 7}));
}

void no_more_retrievals_are_announced_than_the_bound(void**) {
  Quiet client;
  std::string input;
  for (unsigned i = 1; i <= 100; ++i)
    input += "RETR " + std::to_string(i) + "\r\n";
  for (unsigned i = 1; i <= 100; ++i) {
    input.erase(0, client.session.input(input));
    const unsigned announced = std::min(99u, i - 1 + most_expected);
    assert_int_equal(client.handler.expected.size(), announced);
    assert_int_equal(client.handler.expected.back(), announced);
    client.session.message_opened(5);
    client.session.content("x\n", true);
    client.send();
  }
  assert_text_equal(input, "");
}

void answers_out_of_turn_are_ignored(void**) {
  Silent handler;
  Session session(tls, handler);
  const auto all_answers_but_login = [&session] {
    const std::vector<std::uint64_t> sizes = {1};
    const std::vector<std::string_view> uidls = {"a"};
    session.maildrop_opened(1, 1);
    session.sizes_listed(sizes);
    session.uidls_listed(uidls);
    session.listing_failed(ReadFault::temporary);
    session.message_opened(1);
    session.message_unavailable(ReadFault::gone);
    session.content("x", true);
    session.content("", false);
    session.content_lost();
    session.messages_removed(true);
    session.tls_started();
  };
  const std::string greeting(session.output());
  all_answers_but_login();
  session.authenticated();
  session.login_failed(LoginFault::refused);
  assert_text_equal(session.output(), greeting);
  session.input(login);
  assert_true(handler.take());
  all_answers_but_login();
  session.timed_out();
  session.authenticated();
  session.login_failed(LoginFault::refused);
  all_answers_but_login();
  assert_text_equal(session.output(), "");
  assert_true(handler.reason == CloseReason::timeout);
  assert_int_equal(handler.asked, 0);
  // Nor does the end come twice.
  handler.reason.reset();
  session.displaced();
  session.shut_down();
  assert_false(handler.reason.has_value());
}

void the_wrong_listing_is_no_answer(void**) {
  Quiet client;
  client.session.input("LIST 2\r\n");
  const std::vector<std::string_view> uidls = {"a"};
  client.session.uidls_listed(uidls);
  assert_text_equal(client.session.output(), "");
  client.session.sizes_listed(std::vector<std::uint64_t>{7});
  assert_text_equal(client.session.output(), "+OK 2 7\r\n");
}

void a_listing_that_cannot_be_is_a_fault(void**) {
  Quiet client;
  const std::string reply = "-ERR [SYS/PERM] the listing cannot be read\r\n";
  client.session.input("LIST 1\r\n");
  client.session.sizes_listed({});
  assert_text_equal(client.session.output(), reply);
  client.send();
  client.session.input("UIDL\r\n");
  client.session.uidls_listed(std::array<std::string_view, 1>{"with space"});
  assert_text_equal(client.session.output(), reply);
}

void a_message_that_is_open_is_closed_at_the_end(void**) {
  Quiet client;
  client.session.input("RETR 1\r\n");
  client.session.message_opened(100'000);
  client.session.content("A: 1\n\nx", false);
  client.session.timed_out();
  assert_int_equal(client.handler.closed_messages, 1);
  assert_false(client.handler.complete);
  assert_true(client.handler.reason == CloseReason::timeout);
}

// The expected number of nested calls is one, however many commands are answered in the call.
struct Nesting : Handler {
  explicit Nesting(const Settings& settings) : session(settings, *this) {}
  void authenticate(std::string_view, std::string_view) override {
    within([&] { session.authenticated(); });
  }
  void open_maildrop() override {
    within([&] { session.maildrop_opened(1, 3); });
  }
  void list(Column, std::uint32_t, std::uint32_t) override {
    within([&] { session.sizes_listed(std::array<std::uint64_t, 1>{3}); });
  }
  void open_message(std::uint32_t, const Extent&) override {
    within([&] { session.message_opened(3); });
  }
  void read_message(std::uint64_t, std::size_t) override {
    within([&] { session.content("x\n", true); });
  }
  void close_message(bool) override {
    within([] {});
  }
  void remove_messages(std::span<const std::uint32_t>) override {
    within([&] { session.messages_removed(true); });
  }
  void start_tls() override {}
  void close(CloseReason) override {
    within([] {});
  }

  template <class Answer> void within(Answer answer) {
    deepest = std::max(deepest, ++depth);
    ++calls;
    answer();
    --depth;
  }
  Session session;
  int depth = 0, deepest = 0, calls = 0;
};

void answers_in_the_call_do_not_nest(void**) {
  Nesting handler(tls);
  std::string input = login;
  for (int i = 0; i < 1000; ++i)
    input += "RETR 1\r\n";
  assert_int_equal(handler.session.input(input + "LIST 1\r\nDELE 1\r\nQUIT\r\n"),
                   input.size() + 22);
  assert_int_equal(handler.deepest, 1);
  assert_int_equal(handler.calls, 2 + 3 * 1000 + 1 + 2);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_split_of_the_input_gives_the_same_output),
      cmocka_unit_test(a_message_arrives_whole_whatever_the_pieces),
      cmocka_unit_test(a_long_header_is_read_in_pieces),
      cmocka_unit_test(an_endless_header_is_sent_as_it_is),
      cmocka_unit_test(list_says_the_octets_that_retr_sends),
      cmocka_unit_test(a_large_listing_is_produced_as_it_is_sent),
      cmocka_unit_test(neighbours_are_not_asked_for_twice),
      cmocka_unit_test(pipelining_without_reading_stops_the_input),
      cmocka_unit_test(no_input_is_consumed_while_an_answer_is_awaited),
      cmocka_unit_test(no_content_is_asked_for_while_output_waits),
      cmocka_unit_test(top_lets_the_message_go_early),
      cmocka_unit_test(pipelined_retrievals_are_announced),
      cmocka_unit_test(no_more_retrievals_are_announced_than_the_bound),
      cmocka_unit_test(answers_out_of_turn_are_ignored),
      cmocka_unit_test(the_wrong_listing_is_no_answer),
      cmocka_unit_test(a_listing_that_cannot_be_is_a_fault),
      cmocka_unit_test(a_message_that_is_open_is_closed_at_the_end),
      cmocka_unit_test(answers_in_the_call_do_not_nest),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
