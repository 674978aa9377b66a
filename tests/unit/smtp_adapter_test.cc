// smtpd's service in its loop: clients on loopback sockets at one side, queued at the other.
#include "tests/unit/smtp_scene.h"

#include <csignal>

using namespace letterlock;
using namespace letterlock::test;
using namespace std::chrono_literals;

namespace {

void a_small_message_is_stored_and_answered(void**) {
  SmtpScene scene;
  auto client = scene.connect();
  client->send("EHLO client.example.net\r\nMAIL FROM:<from@example.net>\r\n"
               "RCPT TO:<to@example.com>\r\nRCPT TO:<second@example.com>\r\nDATA\r\n"
               "Subject: hi\r\n\r\n..dot\r\n.\r\nQUIT\r\n");
  scene.expect(*client, "220 mx.example.com ");
  scene.expect(*client, "354 ");
  scene.expect(*client, "\r\n250 2.0.0 Accepted ");
  assert_int_equal(scene.queued.messages.size(), 1);
  const auto& message = scene.queued.messages[0];
  scene.expect(*client, message.transaction.hex() + "\r\n221 ");
  scene.expect_end(*client);
  assert_false(message.again);
  assert_true(message.received + 60 > static_cast<std::uint64_t>(std::time(nullptr)));
  assert_text_equal(message.reverse_path, "from@example.net");
  assert_int_equal(message.recipients.size(), 2);
  assert_text_equal(message.recipients[0], "7 to@example.com");
  assert_text_equal(message.recipients[1], "8 second@example.com");
  assert_text_equal(message.content, "Subject: hi\n\n.dot\n");
  assert_true(message.crc_is_right);
  assert_int_equal(message.size, 18);
  assert_int_equal(message.wire_size, 21);
  assert_int_equal(message.header_size, 12);
  assert_int_equal(message.scratch, 0);
  assert_true(message.trace.starts_with("Received: from client.example.net ([127.0.0.1])"));
  assert_true(scene.queued.requests.empty());
}

void a_null_sender_is_empty(void**) {
  SmtpScene scene;
  auto client = scene.connect();
  client->send("HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\nx\r\n.\r\n");
  scene.expect(*client, "Accepted ");
  assert_text_equal(scene.queued.messages.at(0).reverse_path, "");
}

void a_long_message_goes_through_a_scratch_file(void**) {
  SmtpScene scene;
  auto client = scene.client_in_data();
  client->send(body_of(3u << 20) + ".\r\n");
  scene.expect(*client, "Accepted ");
  const auto& message = scene.queued.messages.at(0);
  assert_true(message.scratch != 0 && message.crc_is_right);
  assert_true(message.content == body_of(3u << 20, "\n"));
  assert_true(scene.queued.requests.size() >= 3);
  assert_int_equal(scene.queued.requests[0].scratch, 0);
  assert_int_equal(scene.queued.requests[0].bytes, 1u << 20);
  assert_int_equal(scene.queued.requests[1].scratch, message.scratch);
  assert_int_equal(scene.queued.requests[1].bytes, 2u << 20);
  assert_true(scene.queued.returned.empty());
}

void content_of_middling_length_waits_for_its_lease_after_its_end(void**) {
  SmtpScene scene;
  scene.queued.answers_scratch = false;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 ");
  client->send(body_of(100 * 1024) + ".\r\n");
  scene.until([&] { return !scene.queued.requests.empty(); });
  scene.queued.answer_scratch(scene.queued.requests[0]);
  scene.expect(*client, "Accepted ");
  assert_true(scene.queued.messages.at(0).content == body_of(100 * 1024, "\n"));
}

void a_declared_size_is_leased_before_354(void**) {
  SmtpScene scene;
  scene.queued.answers_scratch = false;
  auto client = scene.client_in_data(" SIZE=200000");
  scene.until([&] { return !scene.queued.requests.empty(); });
  scene.expect(*client, "250 2.1.5 ");
  assert_true(scene.queued.requests[0].bytes >= 200000);
  assert_true(client->wire.find("354") == std::string::npos);
  scene.queued.answer_scratch(scene.queued.requests[0]);
  scene.expect(*client, "354 ");
  client->send("short\r\n.\r\n"); // small enough for frames after all
  scene.expect(*client, "Accepted ");
  assert_text_equal(scene.queued.messages.at(0).content, "short\n");
  assert_int_equal(scene.queued.returned.size(), 1);
}

// Else one client could keep all others out by what it says that it will send.
void a_declared_size_books_no_more_than_the_first_lease(void**) {
  constexpr std::uint64_t declared = 3u << 20;
  SmtpScene scene;
  auto client = scene.client_in_data(" SIZE=" + std::to_string(declared));
  scene.expect(*client, "354 ");
  const auto& requests = scene.queued.requests;
  assert_int_equal(requests.at(0).bytes, 1u << 20);
  const auto expected = requests.at(0).expected;
  assert_true(expected >= declared && expected < declared + (1u << 20));
  client->send(body_of(declared - 1024) + ".\r\n");
  scene.expect(*client, "Accepted ");
  assert_true(scene.queued.messages.at(0).content == body_of(declared - 1024, "\n"));
  // It grows as content comes, to what was declared and not beyond.
  assert_int_equal(requests.size(), 3);
  assert_int_equal(requests[1].bytes, 2u << 20);
  assert_int_equal(requests[2].bytes, expected);
}

void a_first_chunk_books_no_more_than_the_first_lease(void**) {
  SmtpScene scene;
  auto client = scene.connect();
  client->send("EHLO client.example.net\r\nMAIL FROM:<from@example.net>\r\n"
               "RCPT TO:<to@example.com>\r\nBDAT 52428800\r\n");
  scene.until([&] { return !scene.queued.requests.empty(); });
  assert_int_equal(scene.queued.requests[0].bytes, 1u << 20);
  assert_int_equal(scene.queued.requests[0].expected, 50u << 20);
}

void a_declared_size_may_be_refused_instead_of_354(void**) {
  SmtpScene scene;
  scene.queued.scratch_refusal = ipc::CommitOutcome::full;
  auto client = scene.client_in_data(" SIZE=200000");
  scene.expect(*client, "452 4.3.1 ");
}

void a_refused_scratch_file_is_452_after_the_data(void**) {
  SmtpScene scene;
  scene.queued.scratch_refusal = ipc::CommitOutcome::over_quota;
  auto client = scene.client_in_data();
  client->send(body_of(300 * 1024) + ".\r\nNOOP\r\n");
  scene.expect(*client, "354 ");
  scene.expect(*client, "\r\n452 4.2.2 ");
  scene.expect(*client, "\r\n250 2.0.0 OK\r\n");
  assert_true(scene.queued.messages.empty());
}

void a_refused_extension_gives_the_lease_back(void**) {
  SmtpScene scene;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 ");
  client->send(body_of(512 * 1024));
  scene.until([&] { return scene.queued.leases() == 1; });
  scene.queued.scratch_refusal = ipc::CommitOutcome::full;
  client->send(body_of(1024 * 1024) + ".\r\n");
  scene.expect(*client, "452 4.3.1 ");
  assert_int_equal(scene.queued.returned.size(), 1);
}

void outcomes_become_replies(void**) {
  const std::pair<ipc::CommitOutcome, const char*> rows[] = {
      {ipc::CommitOutcome::durable, "250 2.0.0 "},
      {ipc::CommitOutcome::full, "452 4.3.1 "},
      {ipc::CommitOutcome::over_quota, "452 4.2.2 "},
      {ipc::CommitOutcome::failed, "451 4.3.0 "},
      {ipc::CommitOutcome::refused, "554 5.3.0 "}};
  for (const auto& [outcome, reply] : rows) {
    SmtpScene scene;
    scene.queued.answer = outcome;
    auto client = scene.client_in_data();
    client->send("x\r\n.\r\n");
    scene.expect(*client, "354 ");
    scene.expect(*client, std::string("\r\n") + reply);
  }
}

void an_outcome_in_doubt_ends_the_connection_without_an_answer(void**) {
  SmtpScene scene;
  scene.queued.answer = ipc::CommitOutcome::in_doubt;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 End data with <CR><LF>.<CR><LF>\r\n");
  client->send("x\r\n.\r\n");
  scene.expect_end(*client);
  assert_text_equal(client->wire, "");
}

// The link is lost with a commit unanswered: it is made again, and the client hears of it once.
void commit_is_sent_again_on_the_next_link(const std::string& body, const std::string& stored) {
  SmtpScene scene;
  scene.queued.answer = std::nullopt;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 End data with <CR><LF>.<CR><LF>\r\n");
  client->send(body + ".\r\n");
  scene.until([&] { return scene.queued.messages.size() == 1; });
  scene.lose_queued();
  scene.queued.answer = ipc::CommitOutcome::durable;
  scene.connect_queued();
  scene.expect(*client, "250 2.0.0 Accepted ");
  client->send("QUIT\r\n");
  scene.expect_end(*client);
  // The number of the message may have a 250 in it.
  assert_true(client->wire.find("\r\n250") == std::string::npos);
  assert_int_equal(scene.queued.messages.size(), 2);
  const auto& first = scene.queued.messages[0];
  const auto& second = scene.queued.messages[1];
  assert_true(!first.again && second.again);
  assert_true(first.transaction == second.transaction);
  assert_true(second.content == stored && second.crc_is_right);
  assert_true(first.trace == second.trace && first.received == second.received);
  assert_true(scene.queued.returned.empty());
}

void a_commit_is_sent_again_on_the_next_link(void**) {
  commit_is_sent_again_on_the_next_link("x\r\n", "x\n");
}

void a_commit_is_sent_again_with_its_content_in_a_new_scratch_file(void**) {
  commit_is_sent_again_on_the_next_link(body_of(2u << 20), body_of(2u << 20, "\n"));
}

void content_goes_on_in_a_new_scratch_file_on_the_next_link(void**) {
  SmtpScene scene;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 ");
  client->send(body_of(512 * 1024));
  scene.until([&] { return scene.queued.leases() == 1 && client->all_sent(); });
  scene.lose_queued();
  client->send("in between\r\n");
  scene.connect_queued();
  client->send("last\r\n.\r\n");
  scene.expect(*client, "Accepted ");
  const auto& message = scene.queued.messages.at(0);
  assert_false(message.again);
  assert_true(message.crc_is_right);
  assert_true(message.content == body_of(512 * 1024, "\n") + "in between\nlast\n");
}

void a_second_loss_while_content_is_copied_costs_nothing(void**) {
  SmtpScene scene;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 ");
  client->send(body_of(4u << 20));
  scene.until([&] { return scene.queued.leases() == 1 && client->all_sent(); });
  scene.lose_queued();
  scene.connect_queued();
  scene.until([&] { return scene.queued.leases() == 1; });
  scene.lose_queued();
  scene.connect_queued();
  client->send("last\r\n.\r\n");
  scene.expect(*client, "Accepted ");
  const auto& message = scene.queued.messages.at(0);
  assert_true(message.crc_is_right && message.content == body_of(4u << 20, "\n") + "last\n");
  assert_true(scene.queued.returned.empty());
}

void content_begins_when_queued_comes(void**) {
  SmtpScene scene;
  scene.lose_queued();
  auto client = scene.client_in_data();
  scene.expect(*client, "250 2.1.5 ");
  assert_true(client->wire.find("354") == std::string::npos);
  scene.connect_queued();
  scene.expect(*client, "354 ");
}

void without_queued_nothing_is_begun(void**) {
  SmtpScene scene({.relink = 50ms});
  scene.lose_queued();
  auto client = scene.client_in_data();
  scene.expect(*client, "451 4.3.0 ");
}

void a_message_that_was_never_sent_is_refused_in_the_end(void**) {
  SmtpScene scene({.relink = 50ms});
  auto client = scene.client_in_data();
  scene.expect(*client, "354 ");
  scene.lose_queued();
  client->send("x\r\n.\r\n");
  scene.expect(*client, "451 4.3.0 ");
}

// Its message has come to queued, which does not answer.
auto unanswered_client(SmtpScene& scene) {
  scene.queued.answer = std::nullopt;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 End data with <CR><LF>.<CR><LF>\r\n");
  client->send("x\r\n.\r\n");
  scene.until([&] { return scene.queued.messages.size() == 1; });
  return client;
}

void a_message_whose_fate_is_unknown_gets_no_answer(void**) {
  SmtpScene scene({.relink = 50ms});
  auto client = unanswered_client(scene);
  scene.lose_queued();
  scene.expect_end(*client);
  assert_text_equal(client->wire, "");
}

// It has the patience of a commit again, and not what the lost link has left.
void a_message_that_was_sent_again_is_waited_for(void**) {
  SmtpScene scene({.relink = 500ms});
  auto client = unanswered_client(scene);
  scene.lose_queued();
  scene.connect_queued();
  scene.until([&] { return scene.queued.messages.size() == 2; });
  bool is_over = false;
  io::Timer later(scene.context.loop, [&] { is_over = true; });
  later.start(700ms);
  scene.until([&] { return is_over; });
  assert_false(client->closed);
  scene.queued.commit_outcome(scene.queued.messages[1].transaction, ipc::CommitOutcome::durable);
  scene.expect(*client, "250 2.0.0 Accepted ");
}

// It may be what ends queued each time.
void a_message_that_loses_link_after_link_is_given_up(void**) {
  SmtpScene scene;
  auto client = unanswered_client(scene);
  for (std::size_t sent = 1; sent <= 3; ++sent) {
    scene.until([&] { return scene.queued.messages.size() == sent; });
    scene.lose_queued();
    scene.connect_queued();
  }
  scene.expect_end(*client);
  assert_text_equal(client->wire, "");
  assert_int_equal(scene.queued.messages.size(), 3);
}

void a_client_that_leaves_gives_its_scratch_file_back_and_sends_nothing(void**) {
  SmtpScene scene;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 ");
  client->send(body_of(512 * 1024));
  scene.until([&] { return scene.queued.leases() == 1; });
  client.reset();
  scene.until([&] { return !scene.queued.returned.empty() && scene.service.sessions() == 0; });
  assert_int_equal(scene.queued.leases(), 0);
  assert_true(scene.queued.messages.empty());
}

void a_lease_for_a_client_that_left_goes_back(void**) {
  SmtpScene scene;
  scene.queued.answers_scratch = false;
  auto client = scene.client_in_data(" SIZE=100000");
  scene.until([&] { return !scene.queued.requests.empty(); });
  client.reset();
  // The connection is not read while it waits for room, so the end shows when that is there.
  scene.queued.answer_scratch(scene.queued.requests[0]);
  scene.until([&] { return !scene.queued.returned.empty() && scene.service.sessions() == 0; });
}

void a_message_outlives_its_client(void**) {
  SmtpScene scene;
  scene.queued.answer = std::nullopt;
  auto client = scene.client_in_data();
  client->send("x\r\n.\r\n");
  scene.until([&] { return scene.queued.messages.size() == 1; });
  client.reset();
  scene.service.stop(1h);
  scene.queued.commit_outcome(scene.queued.messages[0].transaction, ipc::CommitOutcome::durable);
  scene.context.loop.run();
  assert_int_equal(scene.service.sessions(), 0);
}

// RFC 5321 §4.1.1.4: who has sent a message hears what became of it, though it sends no more.
void who_has_closed_its_half_hears_the_answer(void**) {
  SmtpScene scene;
  scene.queued.answer = std::nullopt;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 ");
  client->send("x\r\n.\r\n");
  scene.until([&] { return client->all_sent(); });
  ::shutdown(client->fd(), SHUT_WR);
  scene.until([&] { return scene.queued.messages.size() == 1; });
  scene.queued.commit_outcome(scene.queued.messages[0].transaction, ipc::CommitOutcome::durable);
  scene.expect(*client, "Accepted ");
  scene.expect_end(*client);
}

void a_connection_over_the_limit_waits(void**) {
  SmtpScene scene;
  scene.configure(1);
  auto first = scene.connect();
  scene.expect(*first, "220 ");
  auto second = scene.connect();
  first->send("NOOP\r\n");
  scene.expect(*first, "250 ");
  assert_int_equal(scene.service.sessions(), 1);
  assert_text_equal(second->wire, "");
  first->send("QUIT\r\n");
  scene.expect_end(*first);
  first.reset();
  scene.expect(*second, "220 ");
}

void a_silent_client_is_told_so(void**) {
  SmtpScene scene({.command = 20ms});
  auto client = scene.connect();
  scene.expect(*client, "421 4.4.2 ");
  scene.expect_end(*client);
}

void a_client_that_reads_no_replies_is_dropped(void**) {
  SmtpScene scene({.send = 50ms});
  auto client = scene.connect();
  scene.expect(*client, "220 ");
  client->watch().want_read(false);
  const int small = 4096;
  ::setsockopt(client->fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  client->send("EHLO c\r\nMAIL FROM:<>\r\n");
  std::string recipients;
  for (int i = 0; i < 1000; ++i)
    recipients += "RCPT TO:<a@example.com>\r\n";
  scene.until([&] {
    if (client->all_sent())
      client->send(recipients);
    return scene.service.sessions() == 0;
  });
}

void a_command_by_octets_has_the_time_of_one(void**) {
  SmtpScene scene({.command = 200ms});
  auto client = scene.connect();
  scene.expect(*client, "220 ");
  io::Timer drip(scene.context.loop, [&] {
    client->send("N");
    drip.start(20ms);
  });
  drip.start(20ms);
  scene.expect(*client, "421 4.4.2 ");
}

void a_store_that_is_silent_gets_the_connection_closed(void**) {
  SmtpScene scene({.commit = 20ms});
  scene.queued.answer = std::nullopt;
  auto client = scene.client_in_data();
  scene.expect(*client, "354 End data with <CR><LF>.<CR><LF>\r\n");
  client->send("x\r\n.\r\n");
  scene.expect_end(*client);
  assert_text_equal(client->wire, "");
}

void the_end_waits_for_messages_in_the_air(void**) {
  SmtpScene scene;
  scene.queued.answer = std::nullopt;
  auto idle = scene.connect();
  scene.expect(*idle, "220 ");
  auto busy = scene.client_in_data();
  busy->send("x\r\n.\r\n");
  scene.until([&] { return scene.queued.messages.size() == 1; });
  scene.service.stop(1h);
  scene.expect(*idle, "421 4.3.2 ");
  scene.queued.commit_outcome(scene.queued.messages[0].transaction, ipc::CommitOutcome::durable);
  scene.expect(*busy, "Accepted ");
  scene.expect(*busy, "421 4.3.2 ");
  scene.expect_end(*busy);
  idle.reset();
  busy.reset();
  scene.context.loop.run(); // ends
  assert_int_equal(scene.service.sessions(), 0);
}

// Who is amid a message is told 421 then; who waits for its outcome is told nothing that may be
// wrong.
void the_end_comes_after_the_grace(void**) {
  smtpd::Timeouts timeouts;
  timeouts.farewell = 20ms;
  SmtpScene scene(timeouts);
  scene.queued.answer = std::nullopt;
  auto waiting = scene.client_in_data();
  waiting->send("x\r\n.\r\n");
  scene.until([&] { return scene.queued.messages.size() == 1; });
  scene.expect(*waiting, "354 End data with <CR><LF>.<CR><LF>\r\n");
  auto client = scene.client_in_data();
  client->send("unfinished");
  scene.expect(*client, "354 ");
  scene.service.stop(20ms);
  scene.context.loop.run(); // ends
  // What was written last may not have been read yet.
  scene.expect(*client, "421 4.3.2 mx.example.com Shutting down, try again later\r\n");
  scene.expect_end(*client);
  assert_text_equal(waiting->wire, "");
}

void open_sessions_take_the_new_generation(void**) {
  SmtpScene scene;
  auto client = scene.connect();
  scene.expect(*client, "220 ");
  scene.service.begin_generation(2);
  scene.settings.hostname = "other.example.com";
  scene.settings.max_message_size = 1000000;
  scene.service.on(scene.settings);
  scene.service.on(ipc::LocalDomain{"example.org", true, 9});
  scene.service.prepare();
  assert_true(scene.prepared.has_value());
  scene.service.switch_generation();
  client->send("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<a@example.org>\r\n");
  scene.expect(*client, "250-other.example.com\r\n");
  scene.expect(*client, "SIZE 1000000\r\n");
  scene.expect(*client, "550 5.7.1 ");
  scene.expect(*client, "250 2.1.5 ");
}

void what_cannot_be_used_is_refused_with_the_reason(void**) {
  SmtpScene scene;
  scene.begin(10);
  scene.service.on(ipc::AddressRoute{"no address", 9});
  scene.service.prepare();
  assert_false(scene.prepared.has_value());
  assert_text_equal(scene.prepared.error().text, "\"no address\" is no address");
  auto client = scene.connect(); // the generation before goes on
  scene.expect(*client, "220 ");
}

void many_messages_on_one_connection_are_answered_in_order(void**) {
  SmtpScene scene;
  auto client = scene.connect();
  std::string script = "EHLO c\r\n";
  for (int i = 0; i < 200; ++i)
    script += "MAIL FROM:<a@example.net>\r\nRCPT TO:<to@example.com>\r\nDATA\r\n" +
              std::to_string(i) + "\r\n.\r\n";
  client->send(script + "QUIT\r\n");
  scene.expect(*client, "221 ");
  assert_int_equal(scene.queued.messages.size(), 200);
  for (std::size_t i = 0; i < 200; ++i)
    assert_text_equal(scene.queued.messages[i].content, std::to_string(i) + "\n");
}

void when_memory_is_scarce_content_goes_to_files_at_once(void**) {
  SmtpScene scene;
  smtpd::DeliveryQueue deliveries(scene.context, 1s);
  FakeQueued queued;
  SocketPair pair;
  queued.use(scene.context.loop, std::move(pair.a));
  deliveries.connect(ipc::Peer{Role::queued, 0, 9}, std::move(pair.b));
  smtpd::ContentMemory memory(10);
  const auto spool = [&] {
    return smtpd::ContentSpool(scene.context.loop, deliveries.scratch_desk(), memory, 1u << 20);
  };
  auto first = spool();
  assert_true(first.begin(0) == smtpd::StorageStart::ready);
  assert_true(first.append(as_bytes("0123456789")).has_value());
  assert_true(memory.scarce() && !first.takes_more());
  auto second = spool();
  assert_true(second.begin(0) == smtpd::StorageStart::later);
  scene.until([&] { return second.started() && first.takes_more(); });
  assert_false(memory.scarce());
  assert_int_equal(queued.leases(), 2);
}

} // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_small_message_is_stored_and_answered),
      cmocka_unit_test(a_null_sender_is_empty),
      cmocka_unit_test(a_long_message_goes_through_a_scratch_file),
      cmocka_unit_test(content_of_middling_length_waits_for_its_lease_after_its_end),
      cmocka_unit_test(a_declared_size_is_leased_before_354),
      cmocka_unit_test(a_declared_size_books_no_more_than_the_first_lease),
      cmocka_unit_test(a_first_chunk_books_no_more_than_the_first_lease),
      cmocka_unit_test(a_declared_size_may_be_refused_instead_of_354),
      cmocka_unit_test(a_refused_scratch_file_is_452_after_the_data),
      cmocka_unit_test(a_refused_extension_gives_the_lease_back),
      cmocka_unit_test(outcomes_become_replies),
      cmocka_unit_test(an_outcome_in_doubt_ends_the_connection_without_an_answer),
      cmocka_unit_test(a_commit_is_sent_again_on_the_next_link),
      cmocka_unit_test(a_commit_is_sent_again_with_its_content_in_a_new_scratch_file),
      cmocka_unit_test(content_goes_on_in_a_new_scratch_file_on_the_next_link),
      cmocka_unit_test(a_second_loss_while_content_is_copied_costs_nothing),
      cmocka_unit_test(content_begins_when_queued_comes),
      cmocka_unit_test(without_queued_nothing_is_begun),
      cmocka_unit_test(a_message_that_was_never_sent_is_refused_in_the_end),
      cmocka_unit_test(a_message_whose_fate_is_unknown_gets_no_answer),
      cmocka_unit_test(a_message_that_was_sent_again_is_waited_for),
      cmocka_unit_test(a_message_that_loses_link_after_link_is_given_up),
      cmocka_unit_test(a_client_that_leaves_gives_its_scratch_file_back_and_sends_nothing),
      cmocka_unit_test(a_lease_for_a_client_that_left_goes_back),
      cmocka_unit_test(a_message_outlives_its_client),
      cmocka_unit_test(who_has_closed_its_half_hears_the_answer),
      cmocka_unit_test(a_connection_over_the_limit_waits),
      cmocka_unit_test(a_silent_client_is_told_so),
      cmocka_unit_test(a_client_that_reads_no_replies_is_dropped),
      cmocka_unit_test(a_command_by_octets_has_the_time_of_one),
      cmocka_unit_test(a_store_that_is_silent_gets_the_connection_closed),
      cmocka_unit_test(the_end_waits_for_messages_in_the_air),
      cmocka_unit_test(the_end_comes_after_the_grace),
      cmocka_unit_test(open_sessions_take_the_new_generation),
      cmocka_unit_test(what_cannot_be_used_is_refused_with_the_reason),
      cmocka_unit_test(many_messages_on_one_connection_are_answered_in_order),
      cmocka_unit_test(when_memory_is_scarce_content_goes_to_files_at_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
