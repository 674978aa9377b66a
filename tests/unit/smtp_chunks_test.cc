// BDAT, row by row of docs/smtp.md: chunks, what may stand between them, and what fails.
#include "common/base/crc32c.h"
#include "tests/unit/smtp_talk.h"

using namespace letterlock;
using namespace letterlock::smtpd;
using namespace letterlock::test;

namespace {

constexpr std::string_view chunk_ok = "250 2.0.0 Chunk OK\r\n";
constexpr std::string_view no_recipients = "554 5.5.1 No valid recipients\r\n";
constexpr std::string_view mixed = "503 5.5.1 DATA after BDAT, message dropped\r\n";
constexpr std::string_view too_big = "552 5.3.4 Message too big\r\n";
constexpr std::string_view bad_line_end = "550 5.6.11 Bare CR, bare LF or NUL in message\r\n";
constexpr std::string_view syntax = "421 4.7.0 mx.ours.example Syntax error in BDAT, closing\r\n";

std::string operator+(std::string_view a, std::string_view b) {
  return std::string(a) + std::string(b);
}

void one_chunk_is_a_message(void**) {
  Talk talk;
  talk.rcpt().say("BDAT 14 LAST\r\nA: b\r\n\r\nbody\r\nNOOP\r\n");
  assert_true(talk.session.phase() == Session::Phase::commit);
  assert_text_equal(talk.heard(), "");
  assert_text_equal(talk.asked(), "begin(14) commit(<a@b.example> 1:x@ours.example)");
  assert_text_equal(talk.adapter.content, "A: b\n\nbody\n");
  const auto& commit = *talk.adapter.committed;
  assert_int_equal(commit.counts.stored_size, 11);
  assert_int_equal(commit.counts.wire_size, 14);
  assert_int_equal(commit.counts.header_size, 5);
  assert_int_equal(commit.crc32c, crc32c(0, as_bytes(talk.adapter.content)));
  talk.commit();
  assert_text_equal(talk.heard(), accepted + ok);
}

// It is all body then, and what is put before it must end in an empty line.
void a_message_without_a_header_begins_behind_an_empty_line(void**) {
  const struct {
    std::string_view content;
    bool is_missing;
  } table[] = {
      {"A: b\r\n\r\nx\r\n", false}, {"\r\nx\r\n", false}, {"", false}, {" folded\r\n", true},
      {"two words\r\n", true},      {"x\r\n", true},      {"x", true}, {": y\r\n", true},
      {"A: b\r\nx\r\n", false}};
  for (const auto& row : table) {
    Talk talk;
    talk.rcpt().say("BDAT " + std::to_string(row.content.size()) + " LAST\r\n" + row.content);
    assert_true(talk.session.phase() == Session::Phase::commit);
    assert_int_equal(talk.adapter.committed->trace.ends_with("\n\n"), row.is_missing);
  }
}

// The storage may drop the message while an error is answered slowly.
void what_is_dropped_in_the_tarpit_is_not_stored(void**) {
  Talk talk;
  talk.waits_in_tarpit = false;
  talk.rcpt();
  for (int i = 0; i < 10; ++i)
    talk.say("RCPT TO:<x@else.example>\r\n");
  talk.say("BDAT 3\r\nx\r\nFOO\r\n").heard();
  assert_true(talk.session.phase() == Session::Phase::tarpit);
  talk.asked();
  talk.session.on_storage_refused(StorageFault::full);
  talk.session.on_tarpit_over();
  talk.feed().heard();
  talk.say("BDAT 3 LAST\r\ny\r\n");
  assert_text_equal(talk.heard(), "452 4.3.1 Not enough storage, try again later\r\n");
  assert_text_equal(talk.asked(), "");
}

void messages_in_chunks(void**) {
  struct {
    std::string_view said, heard, stored;
  } const table[] = {
      // Line ends may be cut.
      {"BDAT 4\r\nA: bBDAT 1\r\n\rBDAT 3 LAST\r\n\n\r\n",
       "250 2.0.0 Chunk OK\r\n250 2.0.0 Chunk OK\r\n", "A: b\n\n"},
      {"BDAT 3\r\nx\r\nBDAT 0 LAST\r\n", chunk_ok, "x\n"},
      {"BDAT 0\r\nBDAT 3 LAST\r\nx\r\n", chunk_ok, "x\n"},
      {"BDAT 0 LAST\r\n", "", ""},
      // Dots are dots.
      {"BDAT 16 LAST\r\n\r\n.\r\n..x\r\n\r\n.\r\n.", "", "\n.\n..x\n\n.\n.\n"},
      // A last line without its end gets it.
      {"BDAT 1 LAST\r\nx", "", "x\n"},
      {"BDAT 3\r\nx\r\nBDAT 1 LAST\r\ny", chunk_ok, "x\ny\n"},
      // Content that looks like commands, and commands between chunks.
      {"BDAT 6\r\nQUIT\r\nNOOP\r\nVRFY x\r\nHELP\r\nBDAT 0 LAST\r\n",
       "250 2.0.0 Chunk OK\r\n250 2.0.0 OK\r\n252 2.0.0 Cannot verify, try RCPT\r\n"
       "214-2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY EXPN HELP STARTTLS\r\n"
       "214 2.0.0 See RFC 5321\r\n",
       "QUIT\n"},
      {"BDAT 3\r\nx\r\nMAIL FROM:<>\r\nRCPT TO:<y@ours.example>\r\nSTARTTLS\r\nBDAT 0 LAST\r\n",
       "250 2.0.0 Chunk OK\r\n503 5.5.1 Sender already given\r\n"
       "503 5.5.1 Not between the chunks of a message\r\n"
       "503 5.5.1 Not within a mail transaction\r\n",
       "x\n"},
  };
  for (const auto& row : table) {
    Talk talk;
    talk.rcpt().say(row.said);
    assert_text_equal(talk.heard(), row.heard);
    assert_true(talk.session.phase() == Session::Phase::commit);
    assert_text_equal(talk.adapter.content, row.stored);
    talk.commit();
    assert_text_equal(talk.heard(), accepted);
  }
}

void replies_to_pipelined_chunks_leave_together(void**) {
  Talk talk;
  talk.greeted();
  const int before = talk.adapter.sends;
  talk.say("MAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nBDAT 3\r\nx\r\nBDAT 3 LAST\r\ny\r\n");
  assert_int_equal(talk.adapter.sends, before + 1);
  assert_text_equal(talk.heard(), "250 2.1.0 Sender OK\r\n" + (recipient_ok + chunk_ok));
}

// Each chunk is read whole and refused; the content is a command that must not be obeyed.
void chunks_out_of_order_are_read_and_refused(void**) {
  check_rows([](Talk&) {}, {
                               {"BDAT 6\r\nQUIT\r\nNOOP\r\n", need_hello + ok},
                               {"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", need_hello + ok},
                               {"BDAT 0 LAST\r\nNOOP\r\n", need_hello + ok},
                           });
  check_rows([](Talk& talk) { talk.greeted(); }, {
                                                     {"BDAT 6\r\nQUIT\r\nNOOP\r\n", need_mail + ok},
                                                     {"BDAT 0 LAST\r\nNOOP\r\n", need_mail + ok},
                                                 });
  check_rows([](Talk& talk) { talk.mail(); },
             {
                 {"BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<>\r\n",
                  (no_recipients + need_mail) + "250 2.1.0 Sender OK\r\n"},
                 {"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", no_recipients + ok},
             });
}

void bdat_after_the_last_chunk_is_refused(void**) {
  Talk talk;
  talk.rcpt().say("BDAT 3 LAST\r\nx\r\nBDAT 6 LAST\r\nQUIT\r\n");
  talk.commit();
  assert_text_equal(talk.heard(), accepted + need_mail);
}

void data_and_bdat_are_not_mixed(void**) {
  Talk talk;
  talk.rcpt().say("BDAT 3\r\nx\r\nDATA\r\n");
  assert_text_equal(talk.heard(), chunk_ok + mixed);
  assert_text_equal(talk.asked(), "begin(3) abort");
  talk.say("BDAT 6 LAST\r\nQUIT\r\nDATA\r\n");
  assert_text_equal(talk.heard(), need_mail + need_mail);
  talk.say("MAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\n");
  assert_text_equal(talk.heard(), "250 2.1.0 Sender OK\r\n" + (recipient_ok + go_ahead));
}

void rset_and_helo_and_quit_drop_the_chunks(void**) {
  const std::pair<std::string_view, std::string> rows[] = {
      {"RSET\r\n", std::string(ok)},
      {"HELO c\r\n", std::string(helo)},
      {"QUIT\r\n", "221 2.0.0 mx.ours.example Goodbye\r\n"},
  };
  for (const auto& [said, heard] : rows) {
    Talk talk;
    talk.rcpt().say("BDAT 3\r\nx\r\n");
    talk.heard();
    talk.asked();
    assert_text_equal(talk.say(said).heard(), heard);
    assert_text_equal(talk.asked(), said == "QUIT\r\n" ? "abort close" : "abort");
  }
  Talk talk;
  talk.rcpt().say("BDAT 3\r\nx\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\n");
  assert_text_equal(talk.heard(), chunk_ok + (ok + need_mail));
}

void a_bare_line_end_anywhere_fails_the_message(void**) {
  using namespace std::string_view_literals;
  struct {
    std::string_view said, heard;
  } const table[] = {
      {"BDAT 4 LAST\r\nx\ny\nNOOP\r\n"sv, "550 5.6.11 Bare CR, bare LF or NUL in message\r\n"
                                          "250 2.0.0 OK\r\n"sv},
      {"BDAT 3 LAST\r\nx\0yNOOP\r\n"sv, "550 5.6.11 Bare CR, bare LF or NUL in message\r\n"
                                        "250 2.0.0 OK\r\n"sv},
      // At the end of the last chunk nothing can follow the CR; at the end of another it may.
      {"BDAT 2 LAST\r\nx\rNOOP\r\n"sv, "550 5.6.11 Bare CR, bare LF or NUL in message\r\n"
                                       "250 2.0.0 OK\r\n"sv},
      {"BDAT 2\r\nx\rBDAT 0 LAST\r\n"sv, "250 2.0.0 Chunk OK\r\n"
                                         "550 5.6.11 Bare CR, bare LF or NUL in message\r\n"sv},
      {"BDAT 2\r\nx\rBDAT 1 LAST\r\ny"sv, "250 2.0.0 Chunk OK\r\n"
                                          "550 5.6.11 Bare CR, bare LF or NUL in message\r\n"sv},
      {"BDAT 1\r\nxBDAT 1 LAST\r\n\n"sv, "250 2.0.0 Chunk OK\r\n"
                                         "550 5.6.11 Bare CR, bare LF or NUL in message\r\n"sv},
      // What was in the pipeline is thrown away.
      {"BDAT 2\r\n\n\nBDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\n"sv,
       "550 5.6.11 Bare CR, bare LF or NUL in message\r\n"
       "503 5.5.1 Say MAIL first\r\n503 5.5.1 Say MAIL first\r\n"sv},
  };
  for (const auto& row : table) {
    Talk talk;
    talk.rcpt().say(row.said);
    assert_text_equal(talk.heard(), row.heard);
    assert_true(talk.asked().ends_with(" abort"));
    assert_false(talk.adapter.committed.has_value());
  }
}

void chunks_over_the_size_limit_are_read_and_refused(void**) {
  Talk alone; // 1,000 octets are allowed
  alone.rcpt().say("BDAT 1001 LAST\r\n" + std::string(1001, 'x') + "NOOP\r\n");
  assert_text_equal(alone.heard(), too_big + ok);
  assert_text_equal(alone.asked(), "");

  Talk second;
  second.rcpt().say("BDAT 1000\r\n" + std::string(998, 'x') + "\r\nBDAT 1\r\nyBDAT 0 LAST\r\n");
  assert_text_equal(second.heard(), chunk_ok + (too_big + need_mail));
  assert_text_equal(second.asked(), "begin(1000) abort");

  Talk exact;
  exact.rcpt().say("BDAT 500\r\n" + std::string(500, 'x') + "BDAT 500 LAST\r\n" +
                   std::string(498, 'x') + "\r\n");
  exact.commit();
  assert_text_equal(exact.heard(), chunk_ok + accepted);

  // Completing the last line may be what is too much.
  Talk completed;
  completed.rcpt().say("BDAT 999 LAST\r\n" + std::string(999, 'x'));
  assert_text_equal(completed.heard(), too_big);

  // The number is larger than any message; all of it would be read.
  Talk huge;
  huge.rcpt().say("BDAT 18446744073709551615\r\nQUIT\r\n");
  assert_text_equal(huge.heard(), "");
  assert_true(huge.session.phase() == Session::Phase::content);
  huge.session.on_timeout();
  assert_text_equal(huge.heard(), "421 4.4.2 mx.ours.example Timeout, closing\r\n");
}

void hops_are_counted_across_chunks(void**) {
  Talk talk;
  talk.rcpt();
  for (int i = 0; i < 50; ++i)
    talk.say("BDAT 13\r\nReceived: x\r\n");
  assert_true(talk.heard().ends_with(chunk_ok));
  talk.say("BDAT 13\r\nReceived: x\r\nNOOP\r\n");
  assert_text_equal(talk.heard(), "554 5.4.6 Too many hops\r\n" + std::string(ok));
}

// Whatever follows a BDAT that cannot be read might be content.
void a_bdat_that_cannot_be_read_ends_the_session(void**) {
  for (const std::string_view said :
       {"BDAT\r\nQUIT\r\n", "BDAT x LAST\r\nQUIT\r\n", "bdat 6 FIRST\r\nQUIT\r\n",
        "BDAT 18446744073709551616\r\nQUIT\r\n", "BDAT6 LAST\r\nQUIT\r\n"}) {
    Talk talk;
    talk.rcpt().say(said);
    assert_text_equal(talk.heard(), syntax);
    assert_text_equal(talk.asked(), "offence close");
    Talk amid;
    amid.rcpt().quietly("BDAT 3\r\nx\r\n").say(said);
    assert_text_equal(amid.heard(), syntax);
    assert_text_equal(amid.asked(), "offence abort close");
  }
}

// Nor is a chunk's content obeyed when its line is no line, or no command.
void a_bdat_whose_line_is_faulty_ends_the_session(void**) {
  using namespace std::string_view_literals;
  const std::string padded = "BDAT 6 LAST" + std::string(2048, ' ') + "\r\nQUIT\r\n";
  for (const std::string_view said :
       {"BDAT 6 LAST\nQUIT\r\nNOOP\r\n"sv, "BDAT 6 LAST\r\r\nQUIT\r\n"sv, "BDAT\t6\r\nQUIT\r\n"sv,
        "bdat 6 LAST\0\r\nQUIT\r\n"sv, "BDAT\nQUIT\r\nNOOP\r\n"sv, std::string_view(padded)})
    for (std::size_t cut = 0; cut <= 6; ++cut) {
      Talk talk;
      talk.rcpt().say(said.substr(0, cut)).say(said.substr(cut));
      assert_text_equal(talk.heard(), syntax);
      assert_text_equal(talk.asked(), "offence close");
    }
}

void storage_may_take_its_time_or_refuse(void**) {
  Talk later;
  later.adapter.start = StorageStart::later;
  later.rcpt().say("BDAT 6 LAST\r\nQUIT\r\n");
  assert_true(later.session.phase() == Session::Phase::storage);
  assert_false(later.session.wants_input());
  later.session.on_storage_ready();
  later.feed().commit();
  assert_text_equal(later.heard(), accepted);
  assert_text_equal(later.adapter.content, "QUIT\n");

  Talk empty; // nothing of the chunk is to come
  empty.adapter.start = StorageStart::later;
  empty.rcpt().say("BDAT 0 LAST\r\n").session.on_storage_ready();
  assert_true(empty.session.phase() == Session::Phase::commit);

  const std::string_view full = "452 4.3.1 Not enough storage, try again later\r\n";
  Talk at_once;
  at_once.adapter.begin_fault = StorageFault::full;
  at_once.rcpt().say("BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n");
  assert_text_equal(at_once.heard(), full + need_mail);
  assert_text_equal(at_once.asked(), "begin(6)");

  Talk refused;
  refused.adapter.start = StorageStart::later;
  refused.rcpt().say("BDAT 6\r\nQUIT\r\nNOOP\r\n").session.on_storage_refused(StorageFault::full);
  refused.feed();
  assert_text_equal(refused.heard(), full + ok);
  assert_text_equal(refused.asked(), "begin(6)");

  Talk none; // refused with nothing to read
  none.adapter.start = StorageStart::later;
  none.rcpt().say("BDAT 0 LAST\r\n").session.on_storage_refused(StorageFault::full);
  assert_text_equal(none.heard(), full);

  Talk amid; // in the middle of a chunk
  amid.rcpt().say("BDAT 6\r\nQU").session.on_storage_refused(StorageFault::full);
  amid.say("IT\r\nNOOP\r\n");
  assert_text_equal(amid.heard(), full + ok);

  Talk between;
  between.rcpt().quietly("BDAT 3\r\nx\r\n").session.on_storage_refused(StorageFault::full);
  assert_text_equal(between.heard(), "");
  assert_text_equal(between.say("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n").heard(), full + ok);
  assert_text_equal(between.asked(), "");

  Talk room;
  room.adapter.room = 3;
  room.rcpt().say("BDAT 6\r\nQUIT\r\nNOOP\r\n");
  assert_text_equal(room.heard(), full + ok);
}

void the_end_waits_for_the_message_in_chunks(void**) {
  const std::string_view shutdown = "421 4.3.2 mx.ours.example Shutting down, try again later\r\n";
  Talk commit;
  commit.rcpt().quietly("BDAT 3\r\nx\r\n").session.on_shutdown();
  assert_text_equal(commit.heard(), "");
  commit.say("BDAT 3 LAST\r\ny\r\n").commit();
  assert_text_equal(commit.heard(), accepted + shutdown);
  for (const auto& [said, heard] :
       {std::pair("RSET\r\n", ok), std::pair("HELO c\r\n", helo), std::pair("DATA\r\n", mixed),
        std::pair("BDAT 2 LAST\r\n\n\n", bad_line_end),
        std::pair("BDAT 99999\r\n", std::string_view())}) {
    Talk talk;
    talk.rcpt().quietly("BDAT 3\r\nx\r\n").session.on_shutdown();
    talk.say(said);
    if (heard.empty())
      talk.say(std::string(99999, 'x'));
    assert_text_equal(talk.heard(), (heard.empty() ? too_big : heard) + shutdown);
    assert_text_equal(talk.asked(), "abort close");
  }
}

void a_lost_connection_drops_the_chunks(void**) {
  Talk talk;
  talk.rcpt().quietly("BDAT 3\r\nx\r\n").session.on_disconnect();
  assert_text_equal(talk.asked(), "abort");
  Talk silent;
  silent.rcpt().quietly("BDAT 3\r\nx\r\n").session.on_timeout();
  assert_text_equal(silent.asked(), "abort close");
}

void budgets_hold_for_chunks(void**) {
  Talk refused;
  refused.greeted();
  for (int i = 0; i < 100; ++i)
    refused.say("BDAT 1 LAST\r\nx");
  assert_true(refused.session.wants_input());
  refused.heard();
  refused.say("BDAT 1 LAST\r\nx");
  assert_text_equal(refused.heard(), "421 4.7.0 mx.ours.example Too many refusals, closing\r\n");
  assert_text_equal(refused.asked(), "offence close");

  Talk empty;
  empty.rcpt();
  for (int i = 0; i < 200; ++i)
    empty.say("BDAT 0\r\n");
  assert_true(empty.heard().ends_with("Too many commands without mail, closing\r\n"));
  assert_text_equal(empty.asked(), "begin(0) offence abort close");
}

void no_cut_of_the_input_changes_the_dialogue(void**) {
  const std::string input =
      "EHLO c\r\nBDAT 5\r\nNOOP\nMAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\n"
      "BDAT 7\r\nA: b\r\n\rBDAT 8\r\n\n.\r\n.\r\n.NOOP\r\nBDAT 2 LAST\r\n\r\n"
      "MAIL FROM:<>\r\nRCPT TO:<x@ours.example>\r\nBDAT 4\r\n\r\n\r\nBDAT 2\r\n\n\nBDAT 6 "
      "LAST\r\nQUIT\r\nMAIL FROM:<>\r\nRCPT TO:<x@ours.example>\r\nBDAT 2000 LAST\r\n" +
      std::string(2000, 'x') +
      "MAIL FROM:<>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\nx\r\n.\r\n"
      "BDAT 0 LAST\r\nBDAT\r\nNOOP\r\n";
  const auto run = [&](std::size_t cut, std::size_t step) {
    Talk talk;
    std::string contents;
    for (std::string_view rest = input; !rest.empty();) {
      const auto piece = rest.substr(0, rest.size() == input.size() && cut > 0 ? cut : step);
      rest.remove_prefix(piece.size());
      talk.say(piece);
      while (talk.session.phase() == Session::Phase::commit) {
        contents += talk.adapter.content + '|';
        talk.commit();
      }
    }
    return talk.heard() + talk.asked() + contents;
  };
  const auto whole = run(0, input.size());
  assert_true(whole.find(syntax) != std::string::npos);
  assert_true(whole.ends_with("A: b\n\n.\n.\n.\n|x\n|"));
  assert_text_equal(run(0, 1), whole);
  for (std::size_t cut = 1; cut < input.size(); ++cut)
    assert_text_equal(run(cut, input.size()), whole);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(one_chunk_is_a_message),
      cmocka_unit_test(a_message_without_a_header_begins_behind_an_empty_line),
      cmocka_unit_test(what_is_dropped_in_the_tarpit_is_not_stored),
      cmocka_unit_test(messages_in_chunks),
      cmocka_unit_test(replies_to_pipelined_chunks_leave_together),
      cmocka_unit_test(chunks_out_of_order_are_read_and_refused),
      cmocka_unit_test(bdat_after_the_last_chunk_is_refused),
      cmocka_unit_test(data_and_bdat_are_not_mixed),
      cmocka_unit_test(rset_and_helo_and_quit_drop_the_chunks),
      cmocka_unit_test(a_bare_line_end_anywhere_fails_the_message),
      cmocka_unit_test(chunks_over_the_size_limit_are_read_and_refused),
      cmocka_unit_test(hops_are_counted_across_chunks),
      cmocka_unit_test(a_bdat_that_cannot_be_read_ends_the_session),
      cmocka_unit_test(a_bdat_whose_line_is_faulty_ends_the_session),
      cmocka_unit_test(storage_may_take_its_time_or_refuse),
      cmocka_unit_test(the_end_waits_for_the_message_in_chunks),
      cmocka_unit_test(a_lost_connection_drops_the_chunks),
      cmocka_unit_test(budgets_hold_for_chunks),
      cmocka_unit_test(no_cut_of_the_input_changes_the_dialogue),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
