// Garbage, half messages and broken rules on every link of every program: the link is lost, the
// program and its other links are not, and a fresh link works.
#include "tests/unit/process_scene.h"

#include <openssl/ssl.h>

#include <functional>
#include <random>
#include <vector>

using namespace letterlock;
using namespace letterlock::test;

namespace {

// ---- What is done to a link

void send_raw(int socket, Bytes octets, int descriptor = -1) {
  iovec part = {.iov_base = const_cast<std::byte*>(octets.data()), .iov_len = octets.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
  }
  assert_int_equal(::sendmsg(socket, &message, MSG_NOSIGNAL), octets.size());
}

ipc::Buffer garbage() {
  std::mt19937 random(1); // the same at each run
  ipc::Buffer octets(5000);
  for (std::byte& octet : octets)
    octet = static_cast<std::byte>(random() & 0xff);
  return octets;
}

template <ipc::Message M> ipc::Buffer frame_of(std::uint64_t sequence = 0) {
  ipc::Buffer frame;
  ipc::write_frame(frame, M{}, sequence);
  return frame;
}

ipc::Buffer header_of(std::uint16_t type, std::uint16_t flags, std::uint32_t length) {
  ipc::Buffer frame;
  ipc::FieldCodec<ipc::FrameHeader>::write(frame, {type, flags, length, 0});
  return frame;
}

// Calls back for the first type that may be sent and has something in it.
template <Role From, Role To, class Use> void with_first_routed(bool carries, Use use) {
  bool done = false;
  for_each_type(ipc::route<From, To>{}, [&](auto m) {
    using M = typename decltype(m)::type;
    constexpr bool is_empty = std::tuple_size_v<decltype(M::fields())> == 0;
    if (!done && !is_empty && (M::carries != ipc::Carries::nothing) == carries) {
      done = true;
      use(m);
    }
  });
}

struct Abuse {
  const char* name;
  std::function<void(int socket)> commit;
  bool hang_up = false; // and then our end is closed
};

// All that P can do wrong on its fresh link to R.
template <Role P, Role R> std::vector<Abuse> abuses() {
  std::vector<Abuse> all = {
      {"its end", [](int) {}, true},
      {"garbage", [](int socket) { send_raw(socket, garbage()); }},
      {"half a header", [](int socket) { send_raw(socket, Bytes(garbage()).first(7)); }, true},
      {"an unrouted message",
       [](int socket) { send_raw(socket, frame_of<ipc::BeginGeneration>()); }},
      {"an unknown type",
       [](int socket) { send_raw(socket, header_of(ipc::Messages::size, 0, 0)); }},
      {"a frame too long",
       [](int socket) { send_raw(socket, header_of(0, 0, ipc::payload_max + 1)); }},
  };
  with_first_routed<P, R>(false, [&](auto m) {
    using M = typename decltype(m)::type;
    all.push_back({"half a message",
                   [](int socket) {
                     const auto frame = frame_of<M>();
                     send_raw(socket, Bytes(frame).first(frame.size() - 1));
                   },
                   true});
    all.push_back({"a gap in the sequence", [](int socket) { send_raw(socket, frame_of<M>(3)); }});
    all.push_back({"a surplus descriptor",
                   [](int socket) { send_raw(socket, frame_of<M>(), STDERR_FILENO); }});
    all.push_back({"an empty payload",
                   [](int socket) { send_raw(socket, header_of(ipc::type_number<M>, 0, 0)); }});
  });
  with_first_routed<P, R>(true, [&](auto m) {
    using M = typename decltype(m)::type;
    all.push_back({"a missing descriptor", [](int socket) { send_raw(socket, frame_of<M>()); }});
    all.push_back({"a descriptor of another kind",
                   [](int socket) { send_raw(socket, frame_of<M>(), socket); }});
  });
  return all;
}

// ---- What shows that a program does its work on all its links

std::string client_hello() {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> client(SSL_new(context.get()), SSL_free);
  BIO* const output = BIO_new(BIO_s_mem());
  SSL_set_bio(client.get(), BIO_new(BIO_s_mem()), output);
  SSL_set_connect_state(client.get());
  SSL_do_handshake(client.get());
  return written_to(output);
}

// Begins a handshake, for which the program needs a signature of keyd's.
template <Role R> Client ask_for_signature(ProcessScene<R>& scene) {
  Client client(scene.installation.port(R == Role::smtpd ? ipc::ListenerKind::smtp
                                                         : ipc::ListenerKind::pop3s));
  if constexpr (R == Role::smtpd) {
    client.expect("220 ");
    client.send("EHLO client.example\r\n");
    client.expect("250 HELP");
    client.send("STARTTLS\r\n");
    client.expect("220 ");
  }
  client.send(client_hello());
  return client;
}

template <Role R> void see_signature_wanted(ProcessScene<R>& scene) {
  const Client client = ask_for_signature(scene);
  const auto request = scene.template await<Role::keyd, ipc::Sign>();
  scene.template send<Role::keyd>(ipc::Signed{request.request, {}});
}

void see_all_links_work(ProcessScene<Role::smtpd>& scene) {
  Client client(scene.installation.port(ipc::ListenerKind::smtp));
  client.expect("220 ");
  client.send("HELO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n");
  client.expect("354 ");
  client.send("Subject: x\r\n\r\n.\r\n");
  const auto commit = scene.await<Role::queued, ipc::Commit>();
  scene.send<Role::queued>(ipc::Committed{commit.transaction, ipc::CommitOutcome::durable});
  client.expect("250 2.0.0 Accepted");
  see_signature_wanted(scene);
  Client named(scene.installation.port(ipc::ListenerKind::smtp), "127.0.0.2");
  const auto question = scene.await<Role::resolvd, ipc::LookUpNames>();
  assert_text_equal(question.address, "127.0.0.2");
  scene.send<Role::resolvd>(ipc::NamesFound{question.request, ipc::LookupOutcome::none, {}});
  named.expect("554 5.7.1 ");
}

void see_all_links_work(ProcessScene<Role::pop3d>& scene) {
  Client client(scene.installation.port(ipc::ListenerKind::pop3));
  client.expect("+OK");
  client.send("USER main\r\nPASS right\r\n");
  const auto login = scene.await<Role::authd, ipc::Login>();
  scene.send<Role::authd>(
      ipc::LoginAnswer{login.session, ipc::LoginOutcome::granted, Id128::random()});
  const auto open = scene.await<Role::queued, ipc::OpenMaildrop>();
  scene.send<Role::queued>(ipc::MaildropOpened{open.session, ipc::MaildropOutcome::in_use, 0, 0});
  client.expect("-ERR [IN-USE]");
  see_signature_wanted(scene);
}

void see_all_links_work(ProcessScene<Role::queued>& scene) {
  scene.send<Role::smtpd>(ipc::ScratchRequest{7, 0, 1000, 0});
  assert_int_equal((scene.await<Role::smtpd, ipc::ScratchLeased>().session), 7);
  scene.send<Role::pop3d>(ipc::OpenMaildrop{8, Id128::random()});
  assert_true((scene.await<Role::pop3d, ipc::MaildropOpened>().outcome) ==
              ipc::MaildropOutcome::refused);
  const Id128 grant = Id128::random();
  scene.send<Role::authd>(ipc::Grant{grant, 1, 0});
  assert_true((scene.await<Role::authd, ipc::GrantTaken>().grant) == grant);
}

void see_all_links_work(ProcessScene<Role::authd>& scene) {
  ipc::Login login;
  login.session = 9;
  login.user = Text<320>::cut(account);
  login.password = *ipc::PasswordSecret::from(password);
  scene.send<Role::pop3d>(login);
  const auto grant = scene.await<Role::queued, ipc::Grant>();
  scene.send<Role::queued>(ipc::GrantTaken{grant.grant});
  const auto answer = scene.await<Role::pop3d, ipc::LoginAnswer>();
  assert_true(answer.session == 9 && answer.outcome == ipc::LoginOutcome::granted &&
              answer.grant == grant.grant);
}

void see_all_links_work(ProcessScene<Role::keyd>& scene) {
  const ipc::Sign unknown_key{11, {}, ipc::SignatureKind::ecdsa, {}};
  scene.send<Role::smtpd>(unknown_key);
  assert_int_equal((scene.await<Role::smtpd, ipc::Signed>().request), 11);
  scene.send<Role::pop3d>(unknown_key);
  assert_int_equal((scene.await<Role::pop3d, ipc::Signed>().request), 11);
}

// Nobody is at the port of its server; of this domain it knows itself that nothing is in it.
void see_all_links_work(ProcessScene<Role::resolvd>& scene) {
  scene.send<Role::smtpd>(ipc::LookUpAddresses{12, "mail.invalid", ipc::AddressFamily::ipv6});
  const auto answer = scene.await<Role::smtpd, ipc::AddressesFound>();
  assert_true(answer.request == 12 && answer.outcome == ipc::LookupOutcome::none);
}

// ---- Tests

template <Role R> void survives_abuse_of_every_link(void**) {
  ProcessScene<R> scene;
  see_all_links_work(scene);
  scene.for_each_peer([&]<Role P>() {
    for (const Abuse& abuse : abuses<P, R>()) {
      print_message("%s, from %s: %s\n", std::string(role_name(R)).c_str(),
                    std::string(role_name(P)).c_str(), abuse.name);
      scene.template tie<P>();
      abuse.commit(scene.socket_of(P));
      if (abuse.hang_up)
        scene.hang_up(P);
      // keyd is listened to only while it is asked.
      std::optional<Client> asking;
      if constexpr (P == Role::keyd)
        asking.emplace(ask_for_signature(scene));
      scene.template await_link_lost<P>();
      scene.template tie<P>();
      see_all_links_work(scene);
    }
  });
  scene.stop();
}

// A silent peer in the middle of a message holds up nobody else; then it goes on.
void half_a_message_may_be_finished(void**) {
  ProcessScene<Role::queued> scene;
  const Id128 grant = Id128::random();
  ipc::Buffer frame;
  ipc::write_frame(frame, ipc::Grant{grant, 1, 0}, 0);
  send_raw(scene.socket_of(Role::authd), Bytes(frame).first(20));
  scene.send<Role::smtpd>(ipc::ScratchRequest{7, 0, 1000, 0});
  scene.await<Role::smtpd, ipc::ScratchLeased>();
  send_raw(scene.socket_of(Role::authd), Bytes(frame).subspan(20));
  assert_true((scene.await<Role::authd, ipc::GrantTaken>().grant) == grant);
  scene.stop();
}

// Who asks without end gets one signature a turn; what does not fit into the queue is refused at
// once.
void signatures_are_made_in_turn(void**) {
  ProcessScene<Role::keyd> scene;
  constexpr std::uint64_t waiting = 16, surplus = 3;
  ipc::Buffer frames;
  for (std::uint64_t i = 0; i < 1 + waiting + surplus; ++i)
    ipc::write_frame(frames, ipc::Sign{i, {}, ipc::SignatureKind::ecdsa, {}}, i);
  send_raw(scene.socket_of(Role::smtpd), frames);
  std::vector<std::uint64_t> order;
  for (const auto& answer : scene.await<Role::smtpd, ipc::Signed>(1 + waiting + surplus))
    order.push_back(answer.request);
  std::vector<std::uint64_t> expected = {0};
  for (std::uint64_t i = 0; i < surplus; ++i)
    expected.push_back(1 + waiting + i);
  for (std::uint64_t i = 0; i < waiting; ++i)
    expected.push_back(1 + i);
  assert_true(order == expected);
  scene.send<Role::pop3d>(ipc::Sign{11, {}, ipc::SignatureKind::ecdsa, {}});
  assert_int_equal((scene.await<Role::pop3d, ipc::Signed>().request), 11);
  scene.stop();
}

// Log channels keep records apart, so what is wrong with one costs that line alone.
void logd_survives_garbage_for_lines(void**) {
  ProcessScene<Role::logd> scene;
  auto [smtpd, from_smtpd] = make_socketpair(SOCK_SEQPACKET);
  auto [pop3d, from_pop3d] = make_socketpair(SOCK_SEQPACKET);
  scene.parent().send(ipc::LogSource{Role::smtpd, 0}, std::move(from_smtpd));
  scene.parent().send(ipc::LogSource{Role::pop3d, 0}, std::move(from_pop3d));
  const auto line = [](std::string_view text) {
    ipc::Buffer frame;
    ipc::write_frame(frame, ipc::LogLine{ipc::Severity::info, 0, Text<1500>::cut(text)}, 0);
    return frame;
  };
  const auto log_has = [&](std::string_view text) {
    std::ifstream file(scene.installation.path("log/letterlock.log"));
    const std::string log{std::istreambuf_iterator<char>(file), {}};
    return log.find(text) != std::string::npos;
  };
  send_raw(smtpd.get(), garbage());
  send_raw(smtpd.get(), Bytes(line("cut")).first(20));
  send_raw(smtpd.get(), frame_of<ipc::Stop>());
  send_raw(smtpd.get(), line("with a descriptor"), STDERR_FILENO);
  send_raw(smtpd.get(), line("after the garbage"));
  send_raw(pop3d.get(), line("of another process"));
  scene.wait_until([&] { return log_has("after the garbage") && log_has("of another process"); });
  assert_false(log_has(" cut"));
  scene.stop();
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(survives_abuse_of_every_link<Role::smtpd>),
      cmocka_unit_test(survives_abuse_of_every_link<Role::pop3d>),
      cmocka_unit_test(survives_abuse_of_every_link<Role::queued>),
      cmocka_unit_test(survives_abuse_of_every_link<Role::authd>),
      cmocka_unit_test(survives_abuse_of_every_link<Role::keyd>),
      cmocka_unit_test(survives_abuse_of_every_link<Role::resolvd>),
      cmocka_unit_test(signatures_are_made_in_turn),
      cmocka_unit_test(half_a_message_may_be_finished),
      cmocka_unit_test(logd_survives_garbage_for_lines),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
