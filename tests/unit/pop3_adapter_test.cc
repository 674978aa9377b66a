// Tests pop3d around its machine: connections, logins, messages, and the loss of each of its peers.
#include "tests/unit/pop3_process.h"

#include <algorithm>
#include <numeric>

namespace {

using namespace letterlock;
using namespace letterlock::test;
using Message = Pop3Process::Message;

const std::vector<Message> two_messages = {{120, "first"}, {340, "second"}};

// ---- Logging in

void login_opens_and_lists_the_maildrop(void**) {
  Pop3Process pop3;
  auto client = pop3.dial();
  client->expect("+OK POP3 server ready on pop.example\r\n");
  client->ask("USER joe\r\n", "+OK send the password\r\n");
  client->send("PASS open sesame\r\n");
  wait_until(pop3.loop, [&] { return pop3.authd->waiting<ipc::Login>() == 1; });
  const auto login = pop3.authd->take<ipc::Login>();
  assert_text_equal(login.user, "joe");
  assert_text_equal(login.password.reveal(), "open sesame");
  assert_text_equal(login.peer, "127.0.0.1");
  const Id128 grant = Id128::random();
  pop3.authd->link.send(ipc::LoginAnswer{login.session, ipc::LoginOutcome::granted, grant});
  assert_true(pop3.queued->take<ipc::OpenMaildrop>().grant == grant);
  pop3.queued->link.send(ipc::MaildropOpened{login.session, ipc::MaildropOutcome::open, 2, 460});
  // The listing is not needed for that, nor for STAT.
  client->expect("+OK maildrop has 2 messages (460 octets)\r\n");
  client->ask("STAT\r\n", "+OK 2 460\r\n");
  pop3.queued->answer_listing = {};
  assert_int_equal(pop3.queued->waiting<ipc::ListMessages>(), 0);
  client->send("UIDL\r\n");
  auto list = pop3.queued->take<ipc::ListMessages>();
  assert_true(list.session == login.session && list.column == ipc::MaildropColumn::uidls);
  assert_true(list.first == 0 && list.most == 2);
  ipc::TextPacker<ipc::MessageUidls::packed_max> first, second;
  assert_true(first.push("first") && second.push("second"));
  pop3.queued->link.send(ipc::MessageUidls{login.session, 0, first.blob()});
  list = pop3.queued->take<ipc::ListMessages>();
  assert_true(list.first == 1 && list.most == 1);
  pop3.queued->link.send(ipc::MessageUidls{login.session, 1, second.blob()});
  client->expect("+OK maildrop has 2 messages (460 octets)\r\n1 first\r\n2 second\r\n.\r\n");
  const std::string line = pop3.take_log("pop3.login");
  assert_true(line.find("user=joe") != line.npos && line.find("result=accepted") != line.npos);
  assert_true(line.find("sesame") == line.npos);
}

void empty_maildrop_is_open_at_once(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in({}, session);
  client->ask("STAT\r\n", "+OK 0 0\r\n");
}

void login_answers_have_their_replies(void**) {
  const struct {
    ipc::LoginOutcome outcome;
    std::string_view reply;
  } rows[] = {
      {ipc::LoginOutcome::refused, "-ERR [AUTH] "},
      {ipc::LoginOutcome::busy, "-ERR [SYS/TEMP] "},
      {ipc::LoginOutcome::delayed, "-ERR [LOGIN-DELAY] "},
      {ipc::LoginOutcome::temporary, "-ERR [SYS/TEMP] "},
  };
  for (const auto& row : rows) {
    Pop3Process pop3;
    auto client = pop3.dial();
    client->expect("+OK POP3 server ready on pop.example\r\n");
    client->send("USER joe\r\nPASS x\r\n");
    const auto login = pop3.authd->take<ipc::Login>();
    pop3.authd->link.send(ipc::LoginAnswer{login.session, row.outcome, {}});
    client->expect("+OK send the password\r\n");
    client->expect(row.reply);
  }
}

void maildrop_answers_have_their_replies(void**) {
  const struct {
    ipc::MaildropOutcome outcome;
    std::string_view reply;
  } rows[] = {
      {ipc::MaildropOutcome::in_use, "-ERR [IN-USE] "},
      {ipc::MaildropOutcome::temporary, "-ERR [SYS/TEMP] "},
      {ipc::MaildropOutcome::refused, "-ERR [SYS/TEMP] "},
  };
  for (const auto& row : rows) {
    Pop3Process pop3;
    auto client = pop3.dial();
    client->expect("+OK POP3 server ready on pop.example\r\n");
    client->send("USER joe\r\nPASS x\r\n");
    Id128 id;
    const auto session = pop3.grant(id);
    pop3.queued->take<ipc::OpenMaildrop>();
    pop3.queued->link.send(ipc::MaildropOpened{session, row.outcome, 0, 0});
    client->expect("+OK send the password\r\n");
    client->expect(row.reply);
    assert_int_equal(pop3.queued->waiting<ipc::CloseMaildrop>(), 0);
  }
}

void each_login_has_its_own_session_id(void**) {
  Pop3Process pop3;
  auto client = pop3.dial();
  client->send("USER joe\r\nPASS x\r\n");
  const auto first = pop3.authd->take<ipc::Login>().session;
  pop3.authd->link.send(ipc::LoginAnswer{first, ipc::LoginOutcome::refused, {}});
  client->send("USER joe\r\nPASS y\r\n");
  assert_int_not_equal(pop3.authd->take<ipc::Login>().session, first);
}

void without_authd_or_queued_logins_fail_at_once(void**) {
  Pop3Process pop3{Pop3Process::Unconfigured()};
  assert_text_equal(pop3.configure({}), "");
  auto client = pop3.dial();
  client->expect("+OK POP3 server ready on pop.example\r\n");
  client->ask("USER joe\r\nPASS x\r\n", "+OK send the password\r\n-ERR [SYS/TEMP] ");
  wait_until(pop3.loop, [&] { return client->received.ends_with("\r\n"); });
  client->received.clear();
  pop3.connect_authd();
  client->send("USER joe\r\nPASS x\r\n");
  Id128 id;
  pop3.grant(id);
  client->expect("+OK send the password\r\n-ERR [SYS/TEMP] ");
}

void losing_authd_fails_the_logins_that_wait(void**) {
  Pop3Process pop3;
  auto client = pop3.dial();
  client->expect("+OK POP3 server ready on pop.example\r\n");
  client->send("USER joe\r\nPASS x\r\n");
  pop3.authd->take<ipc::Login>();
  pop3.authd.reset();
  client->expect("+OK send the password\r\n-ERR [SYS/TEMP] ");
  assert_int_equal(pop3.take_link_lost().role, Role::authd);
}

// ---- Messages

std::string numbered_lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "line " + std::to_string(i) + "\n" + (i % 100 == 0 ? ".dot\n" : "");
  return text;
}

std::string on_the_wire(std::string_view stored) {
  std::string wire;
  bool at_start = true;
  for (const char c : stored) {
    if (at_start && c == '.')
      wire += '.';
    at_start = c == '\n';
    wire += at_start ? "\r\n" : std::string(1, c);
  }
  return wire + ".\r\n";
}

void message_of_many_chunks_is_sent_whole(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  const int before = count_descriptors();
  const std::string stored = numbered_lines(200'000); // more than sockets hold, and many turns
  client->send("RETR 2\r\n");
  const auto open = pop3.queued->take<ipc::OpenMessage>();
  assert_int_equal(open.session, session);
  assert_int_equal(open.index, 1);
  pop3.send_file(session, 1, stored, 340);
  client->pause_reading(true);
  wait_until(pop3.loop, [&] { return count_descriptors() > before; });
  client->pause_reading(false);
  client->expect("+OK 340 octets\r\n");
  client->expect(on_the_wire(stored));
  client->ask("NOOP\r\n", "+OK\r\n");
  assert_int_equal(count_descriptors(), before);
}

void top_reads_no_further_than_asked(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  const int before = count_descriptors();
  client->send("TOP 1 1\r\n");
  pop3.queued->take<ipc::OpenMessage>();
  pop3.send_file(session, 0, "Subject: x\n\n" + numbered_lines(10'000), 120);
  client->expect("+OK top of message follows\r\nSubject: x\r\n\r\nline 0\r\n.\r\n");
  assert_int_equal(count_descriptors(), before);
}

void unavailable_message_is_an_error_and_no_end(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  const struct {
    ipc::MessageFault fault;
    std::string_view reply;
  } rows[] = {{ipc::MessageFault::temporary,
               "-ERR [SYS/TEMP] the message cannot be read now, try later\r\n"},
              {ipc::MessageFault::gone, "-ERR [SYS/PERM] the message is no longer there\r\n"}};
  for (const auto& row : rows) {
    client->send("RETR 2\r\nSTAT\r\n");
    pop3.queued->take<ipc::OpenMessage>();
    pop3.queued->link.send(ipc::MessageUnavailable{session, 1, row.fault});
    client->expect(row.reply);
    client->expect("+OK 2 460\r\n");
  }
}

void file_that_was_cut_ends_the_connection(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  client->send("RETR 2\r\n");
  pop3.queued->take<ipc::OpenMessage>();
  const std::string stored = "A: 1\n\n" + numbered_lines(10'000);
  pop3.queued->link.send(ipc::MessageOpened{session, 1, 340, stored.size() + 1}, make_file(stored));
  const std::string sent = on_the_wire(stored);
  client->expect("+OK 340 octets\r\n" + sent.substr(0, sent.size() - 3));
  client->expect_end();
  client.reset();
  pop3.dial()->expect("+OK ");
  assert_true(pop3.take_log("pop3.session").find("end=content-lost") != std::string::npos);
}

// ---- Removing

void quit_removes_what_was_deleted(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  client->ask("DELE 2\r\n", "+OK message 2 deleted\r\n");
  client->send("QUIT\r\n");
  const auto expunge = pop3.queued->take<ipc::Expunge>();
  assert_int_equal(expunge.session, session);
  assert_true(expunge.last);
  assert_true(expunge.indices.values() == std::vector<std::uint32_t>{1});
  assert_text_equal(client->received, "");
  pop3.queued->link.send(ipc::Expunged{session, expunge.transaction, true});
  client->expect("+OK goodbye\r\n");
  client->expect_end();
  assert_int_equal(pop3.queued->take<ipc::CloseMaildrop>().session, session);
  client.reset();
  auto next = pop3.dial();
  next->expect("+OK ");
  const std::string line = pop3.take_log("pop3.session");
  assert_true(line.find("deleted=1") != line.npos && line.find("end=quit") != line.npos);
}

void long_removals_are_sent_in_parts(void**) {
  Pop3Process pop3;
  std::vector<Message> messages;
  std::string commands;
  std::string replies;
  for (int i = 1; i <= 2001; ++i) {
    messages.push_back({100, "id-" + std::to_string(i)});
    commands += "DELE " + std::to_string(i) + "\r\n";
    replies += "+OK message " + std::to_string(i) + " deleted\r\n";
  }
  std::uint64_t session = 0;
  auto client = pop3.log_in(messages, session);
  client->ask(commands, replies);
  client->send("QUIT\r\n");
  std::vector<std::uint32_t> indices;
  Id128 transaction;
  for (const std::size_t size : {1000u, 1000u, 1u}) {
    const auto part = pop3.queued->take<ipc::Expunge>();
    assert_int_equal(part.indices.values().size(), size);
    assert_int_equal(part.last, size == 1);
    assert_true(indices.empty() || part.transaction == transaction);
    transaction = part.transaction;
    indices.insert(indices.end(), part.indices.values().begin(), part.indices.values().end());
  }
  std::vector<std::uint32_t> all(2001);
  std::iota(all.begin(), all.end(), 0u);
  assert_true(indices == all);
  pop3.queued->link.send(ipc::Expunged{session, transaction, false});
  client->expect("-ERR [SYS/TEMP] some deleted messages not removed\r\n");
  client->expect_end();
}

void dropped_connection_removes_nothing(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  client->ask("DELE 1\r\n", "+OK message 1 deleted\r\n");
  client->hang_up();
  assert_int_equal(pop3.queued->take<ipc::CloseMaildrop>().session, session);
  assert_int_equal(pop3.queued->waiting<ipc::Expunge>(), 0);
  const std::string line = pop3.take_log("pop3.session");
  assert_true(line.find("deleted=0") != line.npos && line.find("end=hung-up") != line.npos);
}

void quit_counts_when_the_client_does_not_wait_for_the_answer(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  client->send("DELE 1\r\nQUIT\r\n");
  ::shutdown(client->fd(), SHUT_WR);
  const auto expunge = pop3.queued->take<ipc::Expunge>();
  pop3.queued->link.send(ipc::Expunged{session, expunge.transaction, true});
  client->expect("+OK message 1 deleted\r\n+OK goodbye\r\n");
}

// ---- Losing queued

void removal_is_sent_again_over_a_fresh_link(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  client->send("DELE 1\r\nDELE 2\r\nQUIT\r\n");
  const auto first = pop3.queued->take<ipc::Expunge>();
  pop3.lose_queued();
  pop3.connect_queued();
  const auto again = pop3.queued->take<ipc::Expunge>();
  assert_true(again.transaction == first.transaction);
  assert_int_equal(again.session, session);
  assert_true(again.last);
  assert_true(again.indices.values() == first.indices.values());
  // The answer to something else is not the answer.
  pop3.queued->link.send(ipc::Expunged{session, Id128::random(), false});
  pop3.queued->link.send(ipc::Expunged{session, first.transaction, true});
  client->expect("+OK message 1 deleted\r\n+OK message 2 deleted\r\n+OK goodbye\r\n");
  client->expect_end();
  assert_int_equal(pop3.queued->waiting<ipc::CloseMaildrop>(), 0);
}

void fresh_link_without_notice_counts_as_lost(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  client->send("DELE 1\r\nQUIT\r\n");
  const auto first = pop3.queued->take<ipc::Expunge>();
  const auto old = std::move(pop3.queued);
  pop3.connect_queued();
  assert_true(pop3.queued->take<ipc::Expunge>().transaction == first.transaction);
}

void other_requests_fail_when_queued_is_lost(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto reading = pop3.log_in(two_messages, session);
  reading->send("RETR 1\r\n");
  pop3.queued->take<ipc::OpenMessage>();
  auto opening = pop3.dial();
  opening->send("USER ann\r\nPASS x\r\n");
  Id128 id;
  pop3.grant(id);
  pop3.queued->take<ipc::OpenMaildrop>();
  pop3.lose_queued();
  opening->expect("+OK POP3 server ready on pop.example\r\n+OK send the password\r\n"
                  "-ERR [SYS/TEMP] ");
  reading->expect("-ERR [SYS/TEMP] the message cannot be read now, try later\r\n"
                  "-ERR [SYS/TEMP] the server ends this session\r\n");
  reading->expect_end();
}

void session_that_outlives_queued_removes_nothing(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  auto other = pop3.log_in({{5, "x"}}, session);
  client->ask("DELE 1\r\n", "+OK message 1 deleted\r\n");
  pop3.lose_queued();
  pop3.connect_queued();
  client->ask("STAT\r\n", "+OK 1 340\r\n");
  client->ask("QUIT\r\n", "-ERR [SYS/TEMP] some deleted messages not removed\r\n");
  client->expect_end();
  other->ask("RETR 1\r\n", "-ERR [SYS/TEMP] the message cannot be read now, try later\r\n"
                           "-ERR [SYS/TEMP] the server ends this session\r\n");
  other->expect_end();
  assert_int_equal(pop3.queued->waiting<ipc::Expunge>(), 0);
  assert_int_equal(pop3.queued->waiting<ipc::OpenMessage>(), 0);
  assert_int_equal(pop3.queued->waiting<ipc::CloseMaildrop>(), 0);
}

// ---- Answers that nobody waits for

void answers_for_nobody_are_ignored(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  const int before = count_descriptors();
  auto& queued = pop3.queued->link;
  queued.send(ipc::MaildropOpened{999, ipc::MaildropOutcome::open, 1, 1});
  queued.send(ipc::MaildropOpened{998, ipc::MaildropOutcome::in_use, 0, 0});
  queued.send(ipc::MessageSizes{997, 0, {}});
  queued.send(ipc::MessageUidls{997, 0, {}});
  queued.send(ipc::MessageOpened{997, 0, 1, 1}, make_file("x"));
  pop3.send_content(997, 0, "x", 3);
  queued.send(ipc::MessageUnavailable{997, 0, ipc::MessageFault::gone});
  queued.send(ipc::Expunged{997, Id128::random(), true});
  // Nor does a session take what it has not asked for.
  queued.send(ipc::MaildropOpened{session, ipc::MaildropOutcome::in_use, 0, 0});
  queued.send(ipc::MessageSizes{session, 0, {}});
  queued.send(ipc::MessageUidls{session, 0, {}});
  queued.send(ipc::MessageOpened{session, 0, 1, 1}, make_file("x"));
  pop3.send_content(session, 0, "x", 3);
  queued.send(ipc::Expunged{session, Id128::random(), true});
  pop3.authd->link.send(ipc::LoginAnswer{999, ipc::LoginOutcome::granted, Id128::random()});
  // A maildrop that was opened for nobody is closed.
  assert_int_equal(pop3.queued->take<ipc::CloseMaildrop>().session, 999);
  client->ask("STAT\r\n", "+OK 2 460\r\n");
  assert_int_equal(pop3.queued->waiting<ipc::CloseMaildrop>(), 0);
  assert_int_equal(count_descriptors(), before);
  assert_false(pop3.queued->closed || pop3.authd->closed);
}

void maildrop_of_a_client_that_went_is_closed(void**) {
  Pop3Process pop3;
  auto client = pop3.dial();
  client->expect("+OK POP3 server ready on pop.example\r\n");
  client->send("USER joe\r\nPASS x\r\n");
  wait_until(pop3.loop, [&] { return pop3.authd->waiting<ipc::Login>() == 1; });
  client->hang_up();
  const auto session = pop3.open_maildrop(two_messages);
  assert_int_equal(pop3.queued->take<ipc::CloseMaildrop>().session, session);
}

void unique_ids_that_do_not_unpack_cost_the_link(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  pop3.queued->answer_listing = [&](const ipc::ListMessages& list) {
    const auto bytes = as_bytes("\x06"
                                "first");
    pop3.queued->link.send(
        ipc::MessageUidls{list.session, 0, *ipc::Blob<ipc::MessageUidls::packed_max>::of(bytes)});
  };
  client->send("UIDL\r\n");
  client->expect("-ERR [SYS/TEMP] the listing cannot be read now, try later\r\n"
                 "-ERR [SYS/TEMP] the server ends this session\r\n");
  assert_int_equal(pop3.take_link_lost().role, Role::queued);
  const std::string line = pop3.take_log("link.breach");
  assert_true(line.find("peer=queued") != line.npos);
}

void listing_that_cannot_be_shown_is_an_error(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in({{1, "with space"}}, session);
  client->ask("UIDL\r\n", "-ERR [SYS/PERM] the listing cannot be read\r\n");
  client->ask("LIST\r\n", "+OK maildrop has 1 message (1 octets)\r\n1 1\r\n.\r\n");
}

// ---- Limits, reload, stop

void at_the_limit_clients_wait_in_the_backlog(void**) {
  Pop3Process pop3(Wish{.connections = 1});
  auto first = pop3.dial();
  first->expect("+OK POP3 server ready on pop.example\r\n");
  auto second = pop3.dial();
  // The loop has turned since for the first one's sake.
  first->ask("CAPA\r\n", "+OK ");
  first->ask("", "capability list follows\r\n");
  assert_text_equal(second->received, "");
  first->hang_up();
  second->expect("+OK POP3 server ready on pop.example\r\n");
}

void reload_keeps_sessions_and_moves_the_listeners(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  assert_text_equal(pop3.configure({.insecure_auth = false}), "");
  client->ask("STAT\r\n", "+OK 2 460\r\n");
  auto next = pop3.dial();
  next->expect("+OK POP3 server ready on pop.example\r\n");
  next->ask("USER joe\r\n", "-ERR logging in needs TLS\r\n");
}

void bad_generation_is_refused_with_the_reason(void**) {
  Pop3Process pop3;
  assert_text_equal(pop3.configure({.kind = ipc::ListenerKind::pop3s}),
                    "pop3s_listen = 127.0.0.1:110 needs a certificate");
  assert_int_equal(
      pop3.configure({.certificates = {"nonsense"}}).find("/etc/letterlock/chain.pem: "), 0);
}

void stop_tells_the_clients_and_ends(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto idle = pop3.log_in(two_messages, session);
  auto quitting = pop3.log_in(two_messages, session);
  quitting->send("DELE 1\r\nQUIT\r\n");
  const auto expunge = pop3.queued->take<ipc::Expunge>();
  pop3.service.stop(std::chrono::minutes(1));
  idle->expect("-ERR [SYS/TEMP] the server ends this session\r\n");
  idle->expect_end();
  // What is under way is finished.
  pop3.queued->link.send(ipc::Expunged{session, expunge.transaction, true});
  quitting->expect("+OK message 1 deleted\r\n+OK goodbye\r\n");
  quitting->expect_end();
  idle.reset();
  quitting.reset();
  pop3.run_to_its_end();
}

void stop_does_not_wait_longer_than_the_grace(void**) {
  Pop3Process pop3;
  std::uint64_t session = 0;
  auto client = pop3.log_in(two_messages, session);
  client->send("RETR 1\r\n");
  pop3.queued->take<ipc::OpenMessage>();
  pop3.service.stop(std::chrono::milliseconds(20));
  pop3.run_to_its_end();
  char octet = 0;
  assert_int_equal(::recv(client->fd(), &octet, 1, 0), 0);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(login_opens_and_lists_the_maildrop),
      cmocka_unit_test(empty_maildrop_is_open_at_once),
      cmocka_unit_test(login_answers_have_their_replies),
      cmocka_unit_test(maildrop_answers_have_their_replies),
      cmocka_unit_test(each_login_has_its_own_session_id),
      cmocka_unit_test(without_authd_or_queued_logins_fail_at_once),
      cmocka_unit_test(losing_authd_fails_the_logins_that_wait),
      cmocka_unit_test(message_of_many_chunks_is_sent_whole),
      cmocka_unit_test(top_reads_no_further_than_asked),
      cmocka_unit_test(unavailable_message_is_an_error_and_no_end),
      cmocka_unit_test(file_that_was_cut_ends_the_connection),
      cmocka_unit_test(quit_removes_what_was_deleted),
      cmocka_unit_test(long_removals_are_sent_in_parts),
      cmocka_unit_test(dropped_connection_removes_nothing),
      cmocka_unit_test(quit_counts_when_the_client_does_not_wait_for_the_answer),
      cmocka_unit_test(removal_is_sent_again_over_a_fresh_link),
      cmocka_unit_test(fresh_link_without_notice_counts_as_lost),
      cmocka_unit_test(other_requests_fail_when_queued_is_lost),
      cmocka_unit_test(session_that_outlives_queued_removes_nothing),
      cmocka_unit_test(answers_for_nobody_are_ignored),
      cmocka_unit_test(maildrop_of_a_client_that_went_is_closed),
      cmocka_unit_test(unique_ids_that_do_not_unpack_cost_the_link),
      cmocka_unit_test(listing_that_cannot_be_shown_is_an_error),
      cmocka_unit_test(at_the_limit_clients_wait_in_the_backlog),
      cmocka_unit_test(reload_keeps_sessions_and_moves_the_listeners),
      cmocka_unit_test(bad_generation_is_refused_with_the_reason),
      cmocka_unit_test(stop_tells_the_clients_and_ends),
      cmocka_unit_test(stop_does_not_wait_longer_than_the_grace),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
