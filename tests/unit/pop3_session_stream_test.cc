// The POP3 session with pieces of any size, slow peers, large maildrops and answers out of turn.
#include "common/mail/wire_size.h"
#include "pop3d/session.h"
#include "tests/unit/check.h"
#include "tests/unit/pop3_driver.h"
#include "tests/unit/pop3_reference.h"

#include <string>

using namespace letterlock::pop3d;
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
      login + "CAPA\r\nSTAT\r\nLIST\r\nUIDL 2\r\nRETR 1\r\nTOP 2 1\r\nDELE 2\r\nLIST 2\r\n" +
      std::string(1100, 'y') + "\r\nUSER x\r\nRETR 3\r\nRETR 0\r\nQUIT\r\nNOOP\r\n";
  Driver whole(tls, three_messages());
  const std::string expected = whole.send(input);
  assert_true(expected.ends_with("+OK goodbye\r\n"));
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    Driver driver(tls, three_messages());
    const std::string first = driver.send(input.substr(0, cut));
    assert_text_equal(first + driver.send(input.substr(cut)), expected);
    assert_true(driver.asked.expunged == std::vector<std::uint32_t>{1});
  }
  for (std::size_t piece = 1; piece < 64; ++piece) {
    Driver driver(tls, three_messages(), {.input = piece, .output = piece, .content = piece});
    assert_text_equal(driver.send(input), expected);
  }
}

void a_message_arrives_whole_whatever_the_pieces(void**) {
  std::string stored = "Subject: long\n\n";
  for (int i = 0; i < 4000; ++i)
    stored += (i % 7 == 0 ? "." : "") + std::string(static_cast<std::size_t>(i % 90), 'x') + "\n";
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

void a_large_listing_is_produced_as_it_is_sent(void**) {
  FakeStore store;
  std::string expected;
  for (int i = 1; i <= 100'000; ++i) {
    store.messages.push_back({"", "unique-" + std::to_string(i), 1});
    expected += std::to_string(i) + " unique-" + std::to_string(i) + "\r\n";
  }
  Driver driver(tls, store, {.input = 100, .output = 5000});
  driver.send(login);
  assert_text_equal(driver.send("UIDL\r\n"),
                    "+OK maildrop has 100000 messages (100000 octets)\r\n" + expected + ".\r\n");
  assert_true(driver.most_output <= output_bound + 512);
}

// The peer sends commands for ever and reads nothing.
void pipelining_without_reading_stops_the_input(void**) {
  Session session(tls);
  session.on_input(login);
  session.take_request();
  session.on_login(LoginResult::accepted);
  session.on_listing_complete(StoreResult::done);
  std::string commands;
  for (int i = 0; i < 100'000; ++i)
    commands += "LIST\r\n";
  const std::size_t consumed = session.on_input(commands);
  assert_true(consumed < commands.size());
  assert_int_equal(consumed % 6, 0);
  assert_false(session.wants_input());
  assert_int_equal(session.on_input(commands), 0);
  assert_true(session.output().size() <= output_bound + 512);
  session.on_sent(session.output().size());
  assert_true(session.wants_input());
}

void no_input_is_consumed_while_an_answer_is_awaited(void**) {
  Session session(tls);
  const std::string input = login + "STAT\r\nQUIT\r\n";
  assert_int_equal(session.on_input(input), login.size());
  assert_int_equal(session.on_input("STAT\r\n"), 0);
  assert_true(session.take_request().has_value());
  assert_int_equal(session.on_input("STAT\r\n"), 0);
  session.on_login(LoginResult::accepted);
  assert_int_equal(session.on_input("STAT\r\n"), 0);
  session.on_listing_complete(StoreResult::done);
  assert_int_equal(session.on_input("STAT\r\n"), 6);
  assert_int_equal(session.lines_received(), 3);
}

void no_content_is_asked_for_while_output_waits(void**) {
  Session session(tls);
  session.on_input(login);
  session.take_request();
  session.on_login(LoginResult::accepted);
  const auto entry = *MaildropEntry::from(1'000'000, "a");
  assert_true(session.on_listing({&entry, 1}));
  session.on_listing_complete(StoreResult::done);
  session.on_input("RETR 1\r\n");
  assert_int_equal(std::get<OpenMessage>(*session.take_request()).index, 0);
  session.on_message_opened(StoreResult::done);
  const std::string chunk(content_chunk, '\n');
  while (auto request = session.take_request()) {
    assert_int_equal(std::get<ReadContent>(*request).most, content_chunk);
    assert_true(session.on_content(chunk) == Appetite::more);
  }
  assert_true(session.output().size() >= output_bound);
  assert_true(session.output().size() <= output_ceiling);
  session.on_sent(session.output().size());
  assert_true(session.take_request().has_value());
}

void top_lets_the_message_go_early(void**) {
  Session session(tls);
  session.on_input(login);
  session.take_request();
  session.on_login(LoginResult::accepted);
  const auto entry = *MaildropEntry::from(1'000'000, "a");
  session.on_listing({&entry, 1});
  session.on_listing_complete(StoreResult::done);
  session.on_input("TOP 1 1\r\n");
  assert_true(std::get<OpenMessage>(*session.take_request()).extent == Extent{1});
  session.on_message_opened(StoreResult::done);
  session.take_request();
  assert_true(session.on_content("A: 1\n\none\ntwo\n") == Appetite::enough);
  assert_false(session.take_request().has_value());
  assert_true(session.wants_input());
  assert_true(session.output().ends_with("A: 1\r\n\r\none\r\n.\r\n"));
}

void answers_out_of_turn_are_ignored(void**) {
  Session session(tls);
  const auto all_answers = [&session] {
    const auto entry = *MaildropEntry::from(1, "a");
    assert_false(session.on_listing({&entry, 1}));
    session.on_listing_complete(StoreResult::done);
    session.on_message_opened(StoreResult::done);
    assert_true(session.on_content("x") == Appetite::enough);
    session.on_content_end(StoreResult::done);
    session.on_expunged(StoreResult::done);
    session.on_tls_started();
  };
  const std::string greeting(session.output());
  all_answers();
  session.on_login(LoginResult::accepted);
  assert_text_equal(session.output(), greeting);
  session.on_input(login);
  session.on_login(LoginResult::accepted); // before the request was taken
  assert_true(std::holds_alternative<Login>(*session.take_request()));
  all_answers();
  session.on_timeout();
  session.on_login(LoginResult::accepted);
  all_answers();
  assert_text_equal(session.output(), "");
  assert_true(std::get<Close>(*session.take_request()).reason == CloseReason::timeout);
}

// What is asked for and not yet taken does not happen once the session has ended.
void an_expunge_that_was_not_taken_is_dropped_by_the_timeout(void**) {
  Session session(tls);
  session.on_input(login);
  session.take_request();
  session.on_login(LoginResult::accepted);
  const auto entry = *MaildropEntry::from(1, "a");
  session.on_listing({&entry, 1});
  session.on_listing_complete(StoreResult::done);
  session.on_input("DELE 1\r\nQUIT\r\n");
  session.on_timeout();
  assert_true(std::holds_alternative<Close>(*session.take_request()));
  assert_false(session.take_request().has_value());
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_split_of_the_input_gives_the_same_output),
      cmocka_unit_test(a_message_arrives_whole_whatever_the_pieces),
      cmocka_unit_test(list_says_the_octets_that_retr_sends),
      cmocka_unit_test(a_large_listing_is_produced_as_it_is_sent),
      cmocka_unit_test(pipelining_without_reading_stops_the_input),
      cmocka_unit_test(no_input_is_consumed_while_an_answer_is_awaited),
      cmocka_unit_test(no_content_is_asked_for_while_output_waits),
      cmocka_unit_test(top_lets_the_message_go_early),
      cmocka_unit_test(answers_out_of_turn_are_ignored),
      cmocka_unit_test(an_expunge_that_was_not_taken_is_dropped_by_the_timeout),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
