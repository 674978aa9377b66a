// The session, row by row of docs/smtp.md: what the client says, what it hears, what is asked of
// the adapter.
#include "common/base/crc32c.h"
#include "tests/unit/smtp_talk.h"

using namespace letterlock;
using namespace letterlock::smtpd;
using namespace letterlock::test;

namespace {

const std::string bare_line_feed = "500 5.5.2 Bare LF in command, lines end in CR LF\r\n";

void the_greeting_names_the_host(void**) {
  Recorder adapter;
  Session session(std::make_shared<SessionSettings>(settings()), recipients(), Talk::client(),
                  adapter);
  session.on_connect();
  assert_text_equal(adapter.wire, "220 mx.ours.example ESMTP Letterlock\r\n");
  assert_true(session.wants_input());
}

void who_talks_before_the_greeting_is_sent_away(void**) {
  Recorder adapter;
  Session session(std::make_shared<SessionSettings>(settings()), recipients(), Talk::client(),
                  adapter);
  assert_true(session.wants_input());
  assert_int_equal(session.on_input(as_bytes("EHLO c\r\n")), 0);
  assert_text_equal(adapter.wire,
                    "554 5.5.1 mx.ours.example Input before the greeting, closing\r\n");
  assert_text_equal(adapter.log, "offence close");
  session.on_connect();
  assert_false(session.wants_input());
}

void ehlo_lists_what_is_offered(void**) {
  Talk talk;
  assert_text_equal(talk.say("EHLO c\r\n").heard(),
                    "250-mx.ours.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
                    "250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-SMTPUTF8\r\n"
                    "250-LIMITS RCPTMAX=1000 MAILMAX=1000\r\n250 HELP\r\n");
  auto without = settings();
  without.offer_starttls = without.offer_smtputf8 = false;
  without.recipients = 100;
  without.transactions = 7;
  Talk bare(without);
  assert_text_equal(bare.say("EHLO c\r\n").heard(),
                    "250-mx.ours.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
                    "250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n"
                    "250-LIMITS RCPTMAX=100 MAILMAX=7\r\n250 HELP\r\n");
}

void help_names_what_can_be_said(void**) {
  const std::string_view without_tls =
      "214-2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY EXPN HELP\r\n"
      "214 2.0.0 See RFC 5321\r\n";
  Talk clear;
  assert_text_equal(clear.say("HELP\r\n").heard(), help);
  clear.quietly("STARTTLS\r\n").session.on_tls_established(tls13);
  assert_text_equal(clear.say("HELP\r\n").heard(), without_tls);
  auto bare = settings();
  bare.offer_starttls = false;
  assert_text_equal(Talk(bare).say("HELP\r\n").heard(), without_tls);
}

void state_start(void**) {
  check_rows([](Talk&) {},
             {
                 {"HELO c\r\n", helo},
                 {"MAIL FROM:<a@b>\r\n", need_hello},
                 {"RCPT TO:<x@ours.example>\r\n", need_hello},
                 {"DATA\r\n", need_hello},
                 {"RSET\r\n", ok},
                 {"NOOP\r\n", ok},
                 {"HELP\r\n", help},
                 {"HELP MAIL\r\n", help},
                 {"VRFY x\r\n", "252 2.0.0 Cannot verify, try RCPT\r\n"},
                 {"EXPN x\r\n", "252 2.0.0 Cannot expand, try RCPT\r\n"},
                 {"AUTH PLAIN AGEAYg==\r\n", "502 5.5.1 Command not implemented\r\n"},
                 {"POST / HTTP/1.1\r\nNOOP\r\n", "500 5.5.2 This is SMTP, closing\r\n"},
                 {"STARTTLS\r\n", "220 2.0.0 Ready to start TLS\r\n"},
                 {"QUIT\r\n", "221 2.0.0 mx.ours.example Goodbye\r\n"},
                 {"EHLO\r\n", "501 A host name is needed\r\n"},
                 {"FOO\r\n", "500 5.5.2 Command not recognized\r\n"},
                 {"NOOP\rNOOP\r\n", "500 5.5.2 Control character in command\r\n"},
                 {"NOOP\n", bare_line_feed},
                 {"NOOP\nNOOP\r\n", bare_line_feed},
                 {"NOOP\nNOOP\nNOOP\r\nNOOP\r\n", bare_line_feed + std::string(ok)},
             });
}

void state_greeted(void**) {
  check_rows([](Talk& talk) { talk.greeted(); },
             {
                 {"HELO c\r\n", helo},
                 {"MAIL FROM:<a@b>\r\n", "250 2.1.0 Sender OK\r\n"},
                 {"MAIL FROM:<>\r\n", "250 2.1.0 Sender OK\r\n"},
                 {"MAIL FROM:<a@ours.example>\r\n", "250 2.1.0 Sender OK\r\n"},
                 {"MAIL FROM:<a@b> SIZE=1000\r\n", "250 2.1.0 Sender OK\r\n"},
                 {"MAIL FROM:<a@b> SIZE=1001\r\n", "552 5.3.4 Message too big\r\n"},
                 {"MAIL FROM:<\xc3\xbc@b>\r\n", "553 5.6.7 Address needs SMTPUTF8\r\n"},
                 {"MAIL FROM:<\xc3\xbc@b> SMTPUTF8\r\n", "250 2.1.0 Sender OK\r\n"},
                 {"MAIL FROM:<a@b> FOO=1\r\n", "555 5.5.4 Parameter not recognized\r\n"},
                 {"MAIL FROM:<a@b> SIZE=1 SIZE=1\r\n", "501 5.5.4 Parameter given twice\r\n"},
                 {"MAIL FROM:a@b\r\n", "501 5.1.7 Bad sender address syntax\r\n"},
                 {"RCPT TO:<x@ours.example>\r\n", need_mail},
                 {"DATA\r\n", need_mail},
                 {"RSET\r\n", ok},
                 {"STARTTLS\r\n", "220 2.0.0 Ready to start TLS\r\n"},
             });
}

void state_mail(void**) {
  check_rows(
      [](Talk& talk) { talk.mail(); },
      {
          {"HELO c\r\nRCPT TO:<x@ours.example>\r\n", std::string(helo) + std::string(need_mail)},
          {"MAIL FROM:<a@b>\r\n", nested_mail},
          {"RCPT TO:<x@ours.example>\r\n", recipient_ok},
          {"RCPT TO:<Postmaster>\r\n", recipient_ok},
          {"RCPT TO:<@r.example:\"x y\"@OURS.example>\r\n", recipient_ok},
          {"RCPT TO:<x@strict.example>\r\n", "550 5.1.1 No such user here\r\n"},
          {"RCPT TO:<\"SPAM\"@ours.example>\r\n", "550 5.1.1 No such user here\r\n"},
          {"RCPT TO:<x@else.example>\r\n", "550 5.7.1 Relaying denied\r\n"},
          {"RCPT TO:<\xc3\xbc@ours.example>\r\n", "553 5.6.7 Address needs SMTPUTF8\r\n"},
          {"RCPT TO:<x>\r\n", "501 5.1.3 Bad recipient address syntax\r\n"},
          {"DATA\r\n", "554 5.5.1 No valid recipients\r\n"},
          {"RSET\r\nDATA\r\n", std::string(ok) + std::string(need_mail)},
          {"STARTTLS\r\n", no_tls_now},
      });
}

void state_rcpt(void**) {
  check_rows([](Talk& talk) { talk.rcpt(); },
             {
                 {"MAIL FROM:<a@b>\r\n", nested_mail},
                 {"RCPT TO:<alice@ours.example>\r\n", recipient_ok},
                 {"RCPT TO:<x@else.example>\r\nDATA\r\n",
                  "550 5.7.1 Relaying denied\r\n354 End data with <CR><LF>.<CR><LF>\r\n"},
                 {"DATA\r\n", go_ahead},
                 {"DATA x\r\n", "501 5.5.4 Syntax error in argument\r\n"},
                 {"RSET\r\nDATA\r\n", std::string(ok) + std::string(need_mail)},
                 {"HELO c\r\nDATA\r\n", std::string(helo) + std::string(need_mail)},
                 {"STARTTLS\r\n", no_tls_now},
                 {"QUIT\r\n", "221 2.0.0 mx.ours.example Goodbye\r\n"},
             });
}

void a_message_is_committed_with_all_that_is_known(void**) {
  Talk talk;
  talk.say("EHLO client.example\r\n").heard();
  talk.say("MAIL FROM:<Sender@b.example> SIZE=20 BODY=8BITMIME\r\nRCPT TO:<x@ours.example>\r\n"
           "RCPT TO:<alice@ours.example>\r\nRCPT TO:<y@ours.example>\r\nRCPT "
           "TO:<\"X\"@OURS.example>\r\nDATA\r\n");
  assert_text_equal(talk.heard(),
                    "250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n250 2.1.5 Recipient OK\r\n"
                    "250 2.1.5 Recipient OK\r\n250 2.1.5 Recipient OK\r\n"
                    "354 End data with <CR><LF>.<CR><LF>\r\n");
  assert_int_equal(talk.adapter.sends, 3); // greeting, EHLO, and one for all that was pipelined
  talk.say("A: b\r\n\r\n..body\r\n.\r\nQUIT\r\n");
  assert_text_equal(talk.heard(), "");
  assert_true(talk.session.phase() == Session::Phase::commit);
  assert_text_equal(talk.asked(), "begin(20) commit(<Sender@b.example> 1:x@ours.example "
                                  "1:y@ours.example 2:alice@ours.example)");
  const auto& commit = *talk.adapter.committed;
  assert_text_equal(talk.adapter.content, "A: b\n\n.body\n");
  assert_int_equal(commit.crc32c, crc32c(0, as_bytes(talk.adapter.content)));
  assert_int_equal(commit.counts.stored_size, 12);
  assert_int_equal(commit.counts.wire_size, 15);
  assert_int_equal(commit.counts.header_size, 5);
  assert_true(commit.envelope.body == Body::eight_bit_mime);
  assert_text_equal(commit.trace,
                    "Received: from client.example ([192.0.2.7]) by mx.ours.example with ESMTP\n"
                    "\tid 00000000000000000000000000000001;\n"
                    "\tSat, 21 Nov 2026 22:27:39 +0000\n");
  talk.commit();
  assert_text_equal(talk.heard(), std::string(accepted) + "221 2.0.0 mx.ours.example Goodbye\r\n");
  assert_text_equal(talk.asked(), "close");
}

void the_only_recipient_stands_in_received(void**) {
  Talk talk;
  talk.quietly("HELO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\n.\r\n");
  assert_text_equal(talk.adapter.committed->trace,
                    "Received: from client.example ([192.0.2.7]) by mx.ours.example with SMTP\n"
                    "\tid 00000000000000000000000000000001 for <postmaster@ours.example>;\n"
                    "\tSat, 21 Nov 2026 22:27:39 +0000\n");
}

void the_answer_of_the_storage_is_the_answer_to_the_message(void**) {
  const std::pair<StorageFault, std::string_view> rows[] = {
      {StorageFault::full, "452 4.3.1 Not enough storage, try again later\r\n"},
      {StorageFault::over_quota, "452 4.2.2 Mailbox full, try again later\r\n"},
      {StorageFault::failed, "451 4.3.0 Storage failed, try again later\r\n"},
      {StorageFault::refused, "554 5.3.0 Message refused\r\n"},
  };
  for (const auto& [fault, reply] : rows) {
    Talk talk; // at the commit
    talk.content().say("x\r\n.\r\n").commit(std::unexpected(fault));
    assert_text_equal(talk.heard(), reply);
    assert_text_equal(talk.asked(), "commit(<a@b.example> 1:x@ours.example)");
    assert_text_equal(talk.say("DATA\r\n").heard(), need_mail);

    Talk early; // instead of 354
    early.adapter.begin_fault = fault;
    early.rcpt().say("DATA\r\nNOOP\r\n");
    assert_text_equal(early.heard(), std::string(reply) + std::string(ok));
    assert_text_equal(early.asked(), "begin(0)");

    Talk amid; // between two pieces of content
    amid.content().say("x\r\n").session.on_storage_refused(fault);
    amid.say("y\r\n.\r\n");
    assert_text_equal(amid.heard(), reply);
    assert_text_equal(amid.asked(), "");
  }
}

void content_that_does_not_fit_is_read_to_its_end(void**) {
  Talk talk;
  talk.adapter.room = 3;
  talk.content().say("x\r\n").say("QUIT\r\n").say("QUIT\r\n.\r\nNOOP\r\n");
  assert_text_equal(talk.heard(),
                    "452 4.3.1 Not enough storage, try again later\r\n250 2.0.0 OK\r\n");
  assert_text_equal(talk.asked(), "");
}

void storage_may_take_its_time(void**) {
  Talk talk;
  talk.adapter.start = StorageStart::later;
  talk.rcpt().say("DATA\r\n");
  assert_text_equal(talk.heard(), "");
  assert_false(talk.session.wants_input());
  talk.session.on_storage_ready();
  assert_text_equal(talk.heard(), go_ahead);
  talk.say("x\r\n.\r\n").commit();
  assert_text_equal(talk.heard(), accepted);

  Talk refused;
  refused.adapter.start = StorageStart::later;
  refused.rcpt().say("DATA\r\n").session.on_storage_refused(StorageFault::over_quota);
  assert_text_equal(refused.heard(), "452 4.2.2 Mailbox full, try again later\r\n");
}

void bad_content_is_dropped_and_refused_at_its_end(void**) {
  std::string hops, header;
  for (int i = 0; i < 51; ++i)
    hops += "Received: x\r\n";
  const std::pair<std::string, std::string_view> rows[] = {
      {"x\n.\r\nMAIL FROM:<e@vil>\r\n.\r\n", "550 5.6.11 Bare CR, bare LF or NUL in message\r\n"},
      {"x\r.\r\n.\r\n", "550 5.6.11 Bare CR, bare LF or NUL in message\r\n"},
      {"\r\n" + std::string(997, 'x') + "\r\n.\r\n", "552 5.3.4 Message too big\r\n"},
      {hops + "\r\n.\r\n", "554 5.4.6 Too many hops\r\n"},
  };
  for (const auto& [input, reply] : rows) {
    Talk talk;
    talk.content().say(input);
    assert_text_equal(talk.heard(), reply);
    assert_text_equal(talk.asked(), "abort");
    talk.say("MAIL FROM:<a@b>\r\n");
    assert_text_equal(talk.heard(), "250 2.1.0 Sender OK\r\n");
  }
}

void messages_follow_each_other(void**) {
  Talk talk;
  talk.content().say("x\r\n.\r\n").commit().heard();
  talk.say("MAIL FROM:<>\r\nRCPT TO:<alice@ours.example>\r\nDATA\r\ny\r\n.\r\n").heard();
  talk.commit();
  assert_text_equal(talk.heard(), "250 2.0.0 Accepted 00000000000000000000000000000002\r\n");
  assert_text_equal(talk.adapter.content, "y\n");
}

void input_waits_while_a_commit_is_pending(void**) {
  Talk talk;
  talk.content();
  const std::string_view input = "x\r\n.\r\nNOOP\r\n";
  assert_int_equal(talk.session.on_input(as_bytes(input)), 6);
  assert_int_equal(talk.session.on_input(as_bytes(input.substr(6))), 0);
  talk.session.on_timeout();
  talk.session.on_storage_refused(StorageFault::full);
  assert_text_equal(talk.heard(), "");
  talk.commit();
  assert_int_equal(talk.session.on_input(as_bytes(input.substr(6))), 6);
  assert_text_equal(talk.heard(), std::string(accepted) + std::string(ok));
}

void starttls_forgets_everything(void**) {
  Talk talk;
  talk.greeted().say("STARTTLS\r\n");
  assert_text_equal(talk.heard(), "220 2.0.0 Ready to start TLS\r\n");
  assert_text_equal(talk.asked(), "tls");
  assert_false(talk.session.wants_input());
  talk.session.on_tls_established(tls13);
  assert_text_equal(talk.say("MAIL FROM:<a@b>\r\n").heard(), need_hello);
  assert_text_equal(talk.say("STARTTLS\r\n").heard(), "503 5.5.1 TLS is already on\r\n");
  assert_true(talk.say("EHLO c\r\n").heard().find("STARTTLS") == std::string::npos);
  talk.quietly("MAIL FROM:<>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\n.\r\n");
  assert_true(talk.adapter.committed->trace.find(
                  "with ESMTPS\n\t(TLSv1.3 AEAD-AES256-GCM-SHA384) id") != std::string::npos);
}

void input_behind_starttls_ends_the_session(void**) {
  Talk talk;
  talk.greeted().say("STARTTLS\r\nMAIL FROM:<a@b>\r\n");
  assert_text_equal(talk.heard(), "421 4.7.0 mx.ours.example Input after STARTTLS, closing\r\n");
  assert_text_equal(talk.asked(), "offence close");

  Talk late;
  late.greeted().say("STARTTLS\r\n").heard();
  assert_int_equal(late.session.on_input(as_bytes("NOOP\r\n")), 0);
  assert_text_equal(late.heard(), "");
  assert_text_equal(late.asked(), "tls offence close");
  late.session.on_tls_established(tls13);
  assert_false(late.session.wants_input());
}

void starttls_that_is_not_offered_is_refused(void**) {
  auto without = settings();
  without.offer_starttls = false;
  Talk talk(without);
  assert_text_equal(talk.say("STARTTLS\r\n").heard(), "502 5.5.1 STARTTLS not offered\r\n");
  auto peer = Talk::client();
  peer.tls_first = true;
  Talk inside(settings(), peer);
  inside.session.on_tls_established(tls13);
  inside.session.on_connect();
  inside.heard();
  assert_text_equal(inside.say("STARTTLS\r\n").heard(), "503 5.5.1 TLS is already on\r\n");
}

void a_session_may_begin_inside_tls(void**) {
  auto peer = Talk::client();
  peer.tls_first = true;
  Talk talk(settings(), peer);
  assert_true(talk.session.phase() == Session::Phase::tls);
  assert_false(talk.session.wants_input());
  assert_text_equal(talk.heard(), "");
  talk.session.on_tls_established(tls13);
  assert_text_equal(talk.heard(), "");
  talk.session.on_connect();
  assert_text_equal(talk.heard(), "220 mx.ours.example ESMTP Letterlock\r\n");
  assert_true(talk.say("EHLO c\r\n").heard().find("STARTTLS") == std::string::npos);
  assert_true(talk.say("HELP\r\n").heard().find("STARTTLS") == std::string::npos);
  talk.quietly("MAIL FROM:<>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\n.\r\n");
  assert_true(talk.adapter.committed->trace.find("with ESMTPS\n\t(TLSv1.3 ") != std::string::npos);

  Talk early(settings(), peer);
  early.session.on_tls_established(tls13);
  assert_text_equal(early.say("EHLO c\r\n").heard(),
                    "554 5.5.1 mx.ours.example Input before the greeting, closing\r\n");
  assert_text_equal(early.asked(), "offence close");

  Talk at_the_end(settings(), peer);
  at_the_end.session.on_shutdown();
  assert_text_equal(at_the_end.heard(), "");
  at_the_end.session.on_tls_established(tls13);
  assert_text_equal(at_the_end.heard(),
                    "421 4.3.2 mx.ours.example Shutting down, try again later\r\n");
  at_the_end.session.on_connect();
  assert_text_equal(at_the_end.heard(), "");
}

void smtputf8_that_is_not_offered_is_unknown(void**) {
  auto without = settings();
  without.offer_smtputf8 = false;
  Talk talk(without);
  talk.quietly("EHLO c\r\n");
  assert_text_equal(talk.say("MAIL FROM:<a@b> SMTPUTF8\r\n").heard(),
                    "555 5.5.4 Parameter not recognized\r\n");
}

void smtputf8_shows_in_received(void**) {
  Talk talk;
  talk.quietly("EHLO c\r\nMAIL FROM:<\xc3\xbc@b> SMTPUTF8\r\nRCPT "
               "TO:<\xc3\xbc@ours.example>\r\nDATA\r\n.\r\n");
  assert_true(talk.adapter.committed->trace.find("with UTF8SMTP\n\tid") != std::string::npos);
  assert_true(talk.adapter.committed->envelope.smtputf8);
}

void recipients_of_a_message_are_limited(void**) {
  auto few = settings();
  few.recipients = 2;
  Talk talk(few);
  talk.rcpt();
  assert_text_equal(talk.say("RCPT TO:<y@ours.example>\r\nRCPT TO:<z@ours.example>\r\n"
                             "RCPT TO:<x@ours.example>\r\nDATA\r\n")
                        .heard(),
                    std::string(recipient_ok) + "452 4.5.3 Too many recipients\r\n" +
                        std::string(recipient_ok) + std::string(go_ahead));
}

void a_line_that_is_too_long_is_one_error(void**) {
  Talk talk;
  talk.say(std::string(5000, 'x')).say(std::string(5000, 'x') + "\r\nNOOP\r\n");
  assert_text_equal(talk.heard(), "500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n");
}

void a_lost_connection_drops_content_but_not_a_commit(void**) {
  Talk content;
  content.content().say("x\r\n").session.on_disconnect();
  assert_text_equal(content.asked(), "abort");
  Talk commit;
  commit.content().say("x\r\n.\r\n").asked();
  commit.session.on_disconnect();
  commit.commit();
  assert_text_equal(commit.asked() + commit.heard(), "");
}

void no_cut_of_the_input_changes_the_dialogue(void**) {
  const std::string input =
      "EHLO c\r\nFOO\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nRCPT TO:<y@else.example>\r\n"
      "DATA\r\nA: b\r\n\r\n..x\r\n.\r\nMAIL FROM:<>\r\nRCPT "
      "TO:<x@ours.example>\r\nDATA\r\nx\n.\r\n\r\n.\r\n"
      "NOOP\nNOOP\r\nQUIT\r\nNOOP\r\n";
  const auto run = [&](std::size_t cut, std::size_t step) {
    Talk talk;
    for (std::string_view rest = input; !rest.empty();) {
      const auto piece = rest.substr(0, rest.size() == input.size() && cut > 0 ? cut : step);
      rest.remove_prefix(piece.size());
      talk.say(piece);
      if (talk.session.phase() == Session::Phase::commit)
        talk.commit();
    }
    return talk.heard() + talk.asked();
  };
  const auto whole = run(0, input.size());
  assert_true(whole.find("221 2.0.0") != std::string::npos);
  assert_text_equal(run(0, 1), whole);
  for (std::size_t cut = 1; cut < input.size(); ++cut)
    assert_text_equal(run(cut, input.size()), whole);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_greeting_names_the_host),
      cmocka_unit_test(who_talks_before_the_greeting_is_sent_away),
      cmocka_unit_test(ehlo_lists_what_is_offered),
      cmocka_unit_test(help_names_what_can_be_said),
      cmocka_unit_test(state_start),
      cmocka_unit_test(state_greeted),
      cmocka_unit_test(state_mail),
      cmocka_unit_test(state_rcpt),
      cmocka_unit_test(a_message_is_committed_with_all_that_is_known),
      cmocka_unit_test(the_only_recipient_stands_in_received),
      cmocka_unit_test(the_answer_of_the_storage_is_the_answer_to_the_message),
      cmocka_unit_test(content_that_does_not_fit_is_read_to_its_end),
      cmocka_unit_test(storage_may_take_its_time),
      cmocka_unit_test(bad_content_is_dropped_and_refused_at_its_end),
      cmocka_unit_test(messages_follow_each_other),
      cmocka_unit_test(input_waits_while_a_commit_is_pending),
      cmocka_unit_test(starttls_forgets_everything),
      cmocka_unit_test(input_behind_starttls_ends_the_session),
      cmocka_unit_test(starttls_that_is_not_offered_is_refused),
      cmocka_unit_test(a_session_may_begin_inside_tls),
      cmocka_unit_test(smtputf8_that_is_not_offered_is_unknown),
      cmocka_unit_test(smtputf8_shows_in_received),
      cmocka_unit_test(recipients_of_a_message_are_limited),
      cmocka_unit_test(a_line_that_is_too_long_is_one_error),
      cmocka_unit_test(a_lost_connection_drops_content_but_not_a_commit),
      cmocka_unit_test(no_cut_of_the_input_changes_the_dialogue),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
