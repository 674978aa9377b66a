// What bounds a session and what ends it, row by row of docs/smtp.md: budgets, time, room, a new
// configuration, the end of the service.
#include "tests/unit/smtp_talk.h"

using namespace letterlock;
using namespace letterlock::smtpd;
using namespace letterlock::test;

namespace {

// Before its content has begun a message goes where the new configuration says, or nowhere.
void recipients_are_judged_again_by_a_new_configuration(void**) {
  const auto table = [](std::optional<AccountId> catchall, std::optional<AccountId> alice) {
    auto made = std::make_shared<RecipientTable>();
    assert_true(made->add_domain(*mail::Domain::parse("ours.example"), catchall).has_value());
    if (alice)
      assert_true(made->add_route(*mail::Mailbox::parse("alice@ours.example"), *alice).has_value());
    return made;
  };
  const std::string changed = "451 4.3.0 Recipients have changed, try again\r\n";
  const auto reload = [](Talk& talk, std::shared_ptr<const RecipientPolicy> policy) {
    talk.session.on_reload(std::make_shared<SessionSettings>(settings()), std::move(policy));
  };
  const auto begun = [](Talk& talk) -> Talk& {
    return talk.rcpt().quietly("RCPT TO:<\"Alice\"@ours.example>\r\n");
  };
  for (const auto& [catchall, alice] :
       {std::pair<std::optional<AccountId>, std::optional<AccountId>>{1, std::nullopt},
        {1, 3},
        {std::nullopt, 2}}) {
    Talk data;
    reload(begun(data), table(catchall, alice));
    assert_text_equal(data.say("DATA\r\nRSET\r\nMAIL FROM:<>\r\n").heard(),
                      changed + std::string(ok) + std::string(sender_ok));
    assert_text_equal(data.asked(), "");
    Talk chunk;
    reload(begun(chunk), table(catchall, alice));
    assert_text_equal(chunk.say("BDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<>\r\n").heard(),
                      changed + std::string(sender_ok));
  }
  Talk same;
  reload(begun(same), table(std::nullopt, 2));
  reload(same, table(1, 2)); // and back
  assert_text_equal(same.say("DATA\r\n").heard(), go_ahead);
  reload(same, table(1, std::nullopt));
  same.say("x\r\n.\r\n");
  assert_text_equal(same.asked(),
                    "begin(0) commit(<a@b.example> 1:x@ours.example 2:Alice@ours.example)");
  reload(same, table(std::nullopt, std::nullopt));
  same.commit();
  assert_text_equal(same.heard(), accepted);

  Talk chunks;
  begun(chunks).quietly("BDAT 3\r\nx\r\n");
  reload(chunks, table(1, std::nullopt));
  chunks.say("BDAT 0 LAST\r\n").commit();
  assert_text_equal(chunks.heard(), accepted);
}

// A policy under which the first account's room is for so many octets.
class NearlyFull final : public RecipientPolicy {
public:
  std::expected<Recipient, RecipientRefusal> judge(const mail::ForwardPath& path,
                                                   std::uint64_t size) const override {
    auto recipient = recipients()->judge(path);
    if (recipient && recipient->account == 1 && size > 500)
      return std::unexpected(RecipientRefusal::full);
    return recipient;
  }
  std::optional<AccountId> account_of(const mail::Mailbox& address) const override {
    return recipients()->account_of(address);
  }
};

void a_full_account_is_refused_for_the_time_being_and_alone(void**) {
  Talk talk;
  talk.session.on_reload(std::make_shared<SessionSettings>(settings()),
                         std::make_shared<NearlyFull>());
  talk.greeted().quietly("MAIL FROM:<a@b.example> SIZE=501\r\n");
  const std::string full = "452 4.2.2 Mailbox full, try again later\r\n";
  assert_text_equal(talk.say("RCPT TO:<x@ours.example>\r\n").heard(), full);
  assert_text_equal(talk.say("RCPT TO:<alice@ours.example>\r\n").heard(), recipient_ok);
  // The client could not know: none is one refusal too many until it has named all that it may.
  for (std::size_t i = 1; i < settings().recipients; ++i)
    assert_text_equal(talk.say("RCPT TO:<x@ours.example>\r\n").heard(), full);
  assert_text_equal(talk.say("DATA\r\n").heard(), go_ahead);
  assert_text_equal(talk.say("x\r\n.\r\n").asked(),
                    "begin(501) commit(<a@b.example> 2:alice@ours.example)");
  talk.commit().heard();
  talk.quietly("MAIL FROM:<a@b.example> SIZE=500\r\n");
  assert_text_equal(talk.say("RCPT TO:<x@ours.example>\r\n").heard(), recipient_ok);
}

void who_names_full_accounts_without_end_is_sent_away(void**) {
  Talk talk;
  auto few = settings();
  few.recipients = 2;
  few.refused_attempts = 1;
  talk.session.on_reload(std::make_shared<SessionSettings>(few), std::make_shared<NearlyFull>());
  talk.greeted().quietly("MAIL FROM:<a@b.example> SIZE=501\r\n");
  const std::string full = "452 4.2.2 Mailbox full, try again later\r\n";
  for (int i = 0; i < 3; ++i)
    assert_text_equal(talk.say("RCPT TO:<x@ours.example>\r\n").heard(), full);
  assert_true(talk.say("RCPT TO:<x@ours.example>\r\n").heard().starts_with("421 4.7.0 "));
}

// RSET after each message that could not be taken is what a client should say.
void rset_after_mail_is_no_idling(void**) {
  Talk full;
  full.session.on_reload(std::make_shared<SessionSettings>(settings()),
                         std::make_shared<NearlyFull>());
  full.greeted();
  for (int i = 0; i < 300; ++i)
    full.say("MAIL FROM:<a@b.example> SIZE=501\r\nRCPT TO:<x@ours.example>\r\nRSET\r\n");
  assert_true(full.session.wants_input());
  assert_true(full.heard().ends_with(ok));

  Talk refused;
  refused.greeted();
  for (int i = 0; i < 300; ++i)
    refused.say("MAIL FROM:<>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\nx\r\n.\r\n")
        .commit(std::unexpected(StorageFault::full))
        .say("RSET\r\n");
  assert_true(refused.session.wants_input());
  assert_true(refused.heard().ends_with(ok));

  // One more of them for each is idling.
  for (int i = 0; i <= 100; ++i)
    refused.say("MAIL FROM:<>\r\nRSET\r\nRSET\r\n");
  assert_true(refused.heard().ends_with("Too many commands without mail, closing\r\n"));
}

// The line is answered LIMIT times, and then no more.
void check_budget(Talk& talk, std::string_view line, int limit, std::string_view end) {
  for (int i = 0; i < limit; ++i)
    talk.say(line);
  assert_true(talk.session.wants_input());
  talk.heard();
  assert_text_equal(talk.say(line).heard(), end);
  assert_text_equal(talk.asked(), "offence close");
}

void budgets_end_the_connection(void**) {
  Talk bad, recipients, idle;
  check_budget(bad, "FOO\r\n", 10, "421 4.7.0 mx.ours.example Too many errors, closing\r\n");
  check_budget(recipients.mail(), "RCPT TO:<a@else.example>\r\n", 100,
               "421 4.7.0 mx.ours.example Too many refusals, closing\r\n");
  check_budget(idle, "NOOP\r\n", 100,
               "421 4.7.0 mx.ours.example Too many commands without mail, closing\r\n");
  auto one = settings();
  one.transactions = 1;
  Talk talk(one);
  talk.content().say("x\r\n.\r\n").commit().heard();
  assert_text_equal(talk.say("MAIL FROM:<>\r\n").heard(),
                    "421 4.7.0 mx.ours.example Too many messages, connect again\r\n");
}

void a_rate_of_messages_that_is_used_up_ends_the_connection(void**) {
  Talk talk;
  talk.adapter.admits = false;
  talk.greeted().say("MAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\n");
  assert_text_equal(talk.heard(),
                    "421 4.7.0 mx.ours.example Too many messages from you, try again later\r\n");
  assert_text_equal(talk.asked(), "close");
}

void many_errors_are_answered_slowly(void**) {
  Talk talk;
  talk.waits_in_tarpit = false;
  talk.mail();
  for (int i = 0; i < 10; ++i)
    talk.say(i % 2 == 0 ? "FOO\r\n" : "RCPT TO:<x@else.example>\r\n");
  talk.heard();
  talk.say("NOOP\r\nFOO\r\nNOOP\r\n");
  assert_true(talk.session.phase() == Session::Phase::tarpit);
  assert_false(talk.session.wants_input());
  assert_text_equal(talk.heard(), "");
  talk.session.on_timeout(); // there is none in it
  talk.session.on_tarpit_over();
  assert_text_equal(talk.heard(), std::string(ok) + "500 5.5.2 Command not recognized\r\n");
  assert_text_equal(talk.feed().heard(), ok);
  talk.session.on_tarpit_over(); // not now
  assert_text_equal(talk.heard(), "");

  talk.say("FOO\r\n").session.on_shutdown();
  assert_text_equal(talk.heard(), "500 5.5.2 Command not recognized\r\n"
                                  "421 4.3.2 mx.ours.example Shutting down, try again later\r\n");

  auto peer = Talk::client();
  peer.trusted = true;
  Talk trusted(settings(), peer);
  trusted.waits_in_tarpit = false;
  trusted.mail();
  for (int i = 0; i < 50; ++i)
    trusted.say("RCPT TO:<x@else.example>\r\n");
  assert_true(trusted.session.phase() == Session::Phase::command);
}

void timeouts_close(void**) {
  const std::string_view timeout = "421 4.4.2 mx.ours.example Timeout, closing\r\n";
  Talk idle;
  idle.session.on_timeout();
  assert_text_equal(idle.heard(), timeout);
  assert_text_equal(idle.asked(), "close");
  Talk content;
  content.content().say("x\r\n").session.on_timeout();
  assert_text_equal(content.heard(), timeout);
  assert_text_equal(content.asked(), "abort close");
  Talk handshake;
  handshake.quietly("STARTTLS\r\n").session.on_timeout();
  assert_text_equal(handshake.heard(), "");
  assert_text_equal(handshake.asked(), "close");
}

void shutdown_waits_for_the_message_in_the_air(void**) {
  const std::string shutdown = "421 4.3.2 mx.ours.example Shutting down, try again later\r\n";
  Talk idle;
  idle.rcpt().session.on_shutdown();
  assert_text_equal(idle.heard(), shutdown);
  assert_text_equal(idle.asked(), "close");
  Talk content;
  content.content().session.on_shutdown();
  content.say("x\r\n.\r\nNOOP\r\n");
  assert_text_equal(content.heard(), "");
  content.commit();
  assert_text_equal(content.heard(), std::string(accepted) + shutdown);
  Talk handshake;
  handshake.quietly("STARTTLS\r\n").session.on_shutdown();
  handshake.session.on_tls_established(tls13);
  assert_text_equal(handshake.heard(), shutdown);
}

void a_shutdown_does_not_wait_for_ever(void**) {
  const std::string shutdown = "421 4.3.2 mx.ours.example Shutting down, try again later\r\n";
  Talk content;
  content.content().say("x\r\n").session.on_shutdown();
  content.session.on_shutdown_overdue();
  assert_text_equal(content.heard(), shutdown);
  assert_text_equal(content.asked(), "abort close");
  content.session.on_shutdown_overdue();
  assert_text_equal(content.heard() + content.asked(), "");
  Talk chunks;
  chunks.rcpt().quietly("BDAT 3\r\nx\r\n").session.on_shutdown();
  chunks.session.on_shutdown_overdue();
  assert_text_equal(chunks.heard(), shutdown);
  assert_text_equal(chunks.asked(), "abort close");
  Talk storage;
  storage.adapter.start = StorageStart::later;
  storage.content().session.on_shutdown_overdue();
  assert_text_equal(storage.heard(), shutdown);
  // It may be stored: nothing is said that could be wrong.
  Talk commit;
  commit.content().quietly("x\r\n.\r\n").session.on_shutdown_overdue();
  assert_text_equal(commit.heard() + commit.asked(), "");
  Talk handshake;
  handshake.quietly("STARTTLS\r\n").session.on_shutdown_overdue();
  assert_text_equal(handshake.heard() + handshake.asked(), "");
}

void access_that_is_withdrawn_is_told_between_messages(void**) {
  const std::string withdrawn = "421 4.7.0 mx.ours.example Access withdrawn, closing\r\n";
  Talk idle;
  idle.greeted().session.on_access_withdrawn();
  assert_text_equal(idle.heard(), withdrawn);
  Talk content;
  content.content().session.on_access_withdrawn();
  content.say("x\r\n.\r\n").commit();
  assert_text_equal(content.heard(), std::string(accepted) + withdrawn);
}

void a_new_configuration_counts_from_the_next_command(void**) {
  Talk talk;
  talk.content();
  auto other = settings();
  other.hostname = "new.example";
  other.content.size = 1;
  talk.session.on_reload(std::make_shared<SessionSettings>(other),
                         std::make_shared<RecipientTable>());
  talk.say("A: b\r\n.\r\n").commit();
  assert_text_equal(talk.heard(), accepted);
  assert_text_equal(talk.say("HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<x@ours.example>\r\n").heard(),
                    "250 new.example\r\n250 2.1.0 Sender OK\r\n550 5.7.1 Relaying denied\r\n");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(recipients_are_judged_again_by_a_new_configuration),
      cmocka_unit_test(a_full_account_is_refused_for_the_time_being_and_alone),
      cmocka_unit_test(who_names_full_accounts_without_end_is_sent_away),
      cmocka_unit_test(rset_after_mail_is_no_idling),
      cmocka_unit_test(budgets_end_the_connection),
      cmocka_unit_test(a_rate_of_messages_that_is_used_up_ends_the_connection),
      cmocka_unit_test(many_errors_are_answered_slowly),
      cmocka_unit_test(timeouts_close),
      cmocka_unit_test(shutdown_waits_for_the_message_in_the_air),
      cmocka_unit_test(a_shutdown_does_not_wait_for_ever),
      cmocka_unit_test(access_that_is_withdrawn_is_told_between_messages),
      cmocka_unit_test(a_new_configuration_counts_from_the_next_command),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
