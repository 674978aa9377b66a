// Dialogues as clients in the field have them, each row one of them or a habit that some have.
// Those with a program's name were recorded from it.
#include "tests/unit/pop3_client.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace letterlock::pop3;

namespace {

struct Dialogue {
  std::string_view who, said;
  // The status of each reply, with the response code if it has one; "(2)" is a reply of so many
  // lines behind the status, "+" a challenge.
  std::string_view heard;
  std::optional<std::vector<std::uint32_t>> removed = {};
  std::string_view password = "correct horse";
};

using Removed = std::vector<std::uint32_t>;

// "OK, OK(2), ERR, ERR[AUTH]".
std::string statuses_of(std::string_view wire) {
  std::string statuses;
  std::size_t lines = 0;
  const auto end_reply = [&] {
    if (lines > 0)
      statuses += "(" + std::to_string(lines) + ")";
    lines = 0;
  };
  while (!wire.empty()) {
    const auto line = wire.substr(0, wire.find("\r\n"));
    wire.remove_prefix(line.size() + 2);
    if (!line.starts_with('+') && !line.starts_with('-')) {
      lines += line == "." ? 0 : 1;
      continue;
    }
    end_reply();
    statuses += statuses.empty() ? "" : ", ";
    if (line == "+ ") {
      statuses += "+";
      continue;
    }
    statuses += line.starts_with("+OK") ? "OK" : "ERR";
    if (const auto code = line.find('['); code != line.npos)
      statuses += line.substr(code, line.find(']') + 1 - code);
  }
  end_reply();
  return statuses;
}

// CAPA has nine lines. The maildrop has two messages; RETR 1 has six
// lines and RETR 2 two.
const Dialogue whole_sessions[] = {
    {"fetchmail, which reads with TOP and asks for LAST",
     "CAPA\r\nUSER main\r\nPASS correct horse\r\nSTAT\r\nLAST\r\nUIDL\r\nLIST 1\r\n"
     "TOP 1 99999999\r\nDELE 1\r\nLIST 2\r\nTOP 2 99999999\r\nDELE 2\r\nQUIT\r\n",
     "OK(9), OK, OK, OK, ERR, OK(2), OK, OK(6), OK, OK, OK(2), OK, OK", Removed{0, 1}},
    {"fetchmail that leaves messages on the server",
     "CAPA\r\nUSER main\r\nPASS correct horse\r\nSTAT\r\nUIDL\r\nLIST 1\r\nTOP 1 99999999\r\n"
     "LIST 2\r\nTOP 2 99999999\r\nQUIT\r\n",
     "OK(9), OK, OK, OK, OK(2), OK, OK(6), OK, OK(2), OK"},
    {"mpop, which pipelines what it is sure of",
     "CAPA\r\nUSER main\r\nPASS correct horse\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nRETR 2\r\n"
     "DELE 1\r\nDELE 2\r\nQUIT\r\n",
     "OK(9), OK, OK, OK, OK(2), OK(2), OK(6), OK(2), OK, OK, OK", Removed{0, 1}},
    {"getmail, without CAPA and STAT, all lists twice",
     "USER main\r\nPASS correct horse\r\nUIDL\r\nLIST\r\nUIDL\r\nLIST\r\nRETR 1\r\nDELE 1\r\n"
     "RETR 2\r\nDELE 2\r\nQUIT\r\n",
     "OK, OK, OK(2), OK(2), OK(2), OK(2), OK(6), OK, OK(2), OK, OK", Removed{0, 1}},
    {"curl, which reads right after the login",
     "CAPA\r\nAUTH PLAIN\r\nAG1haW4AY29ycmVjdCBob3JzZQ==\r\nRETR 1\r\nQUIT\r\n",
     "OK(9), +, OK, OK(6), OK"},
    {"curl that deletes what nobody has read",
     "CAPA\r\nAUTH PLAIN\r\nAG1haW4AY29ycmVjdCBob3JzZQ==\r\nDELE 1\r\nQUIT\r\n",
     "OK(9), +, OK, OK, OK", Removed{0}},
};

const Dialogue habits[] = {
    {"CAPA before and after the login, as JavaMail wants it",
     "CAPA\r\nUSER main\r\nPASS correct horse\r\nCAPA\r\nQUIT\r\n", "OK(9), OK, OK, OK(9), OK"},
    {"verbs in lower case", "user main\r\npass correct horse\r\nstat\r\nuidl 1\r\nquit\r\n",
     "OK, OK, OK, OK, OK"},
    {"spaces at the end of lines",
     "USER main \r\nPASS correct horse\r\nSTAT \r\nLIST 1 \r\nRETR 1  \r\nQUIT \r\n",
     "OK, OK, OK, OK, OK(6), OK"},
    {"a password with spaces around it", "USER main\r\nPASS  two  words \r\nSTAT\r\n", "OK, OK, OK",
     std::nullopt, " two  words "},
    {"AUTH alone, to learn of the mechanisms, then USER",
     "AUTH\r\nUSER main\r\nPASS correct horse\r\nSTAT\r\n", "ERR, OK, OK, OK"},
    {"other mechanisms first, which need a password in clear",
     "AUTH CRAM-MD5\r\nAUTH LOGIN\r\nAPOP main 0123456789abcdef0123456789abcdef\r\nUSER main\r\n"
     "PASS correct horse\r\nSTAT\r\n",
     "ERR, ERR, ERR, OK, OK, OK"},
    {"AUTH PLAIN in one line", "AUTH PLAIN AG1haW4AY29ycmVjdCBob3JzZQ==\r\nSTAT\r\n", "OK, OK"},
    {"AUTH PLAIN given up for USER",
     "AUTH PLAIN\r\n*\r\nUSER main\r\nPASS correct horse\r\nSTAT\r\n", "+, ERR, OK, OK, OK"},
    {"LIST without STAT", "USER main\r\nPASS correct horse\r\nLIST\r\nRETR 2\r\n",
     "OK, OK, OK(2), OK(2)"},
    {"RETR before LIST", "USER main\r\nPASS correct horse\r\nRETR 1\r\nLIST\r\n",
     "OK, OK, OK(6), OK(2)"},
    {"RETR until there is no more",
     "USER main\r\nPASS correct horse\r\nRETR 1\r\nRETR 2\r\nRETR 3\r\n",
     "OK, OK, OK(6), OK(2), ERR"},
    {"UIDL for one message after the other",
     "USER main\r\nPASS correct horse\r\nUIDL 1\r\nUIDL 2\r\nUIDL 3\r\n", "OK, OK, OK, OK, ERR"},
    {"the newest message first",
     "USER main\r\nPASS correct horse\r\nRETR 2\r\nRETR 1\r\nDELE 2\r\nQUIT\r\n",
     "OK, OK, OK(2), OK(6), OK, OK", Removed{1}},
    {"headers alone", "USER main\r\nPASS correct horse\r\nTOP 1 0\r\nTOP 2 0\r\nQUIT\r\n",
     "OK, OK, OK(3), OK(1), OK"},
    {"XTND and XTACACS and what else there was",
     "USER main\r\nPASS correct horse\r\nXTND XLST Message-Id\r\nXTACACS\r\nSTAT\r\n",
     "OK, OK, ERR, ERR, OK"},
    {"NOOP to keep the session", "USER main\r\nPASS correct horse\r\nNOOP\r\nNOOP\r\nSTAT\r\n",
     "OK, OK, OK, OK, OK"},
    {"RSET at the beginning",
     "USER main\r\nPASS correct horse\r\nRSET\r\nSTAT\r\nDELE 1\r\nQUIT\r\n",
     "OK, OK, OK, OK, OK, OK", Removed{0}},
    {"a second thought", "USER main\r\nPASS correct horse\r\nDELE 1\r\nRSET\r\nDELE 2\r\nQUIT\r\n",
     "OK, OK, OK, OK, OK, OK", Removed{1}},
    {"DELE twice", "USER main\r\nPASS correct horse\r\nDELE 1\r\nDELE 1\r\nRETR 1\r\nQUIT\r\n",
     "OK, OK, OK, ERR, ERR, OK", Removed{0}},
    {"goes without QUIT", "USER main\r\nPASS correct horse\r\nRETR 1\r\nDELE 1\r\n",
     "OK, OK, OK(6), OK"},
    {"only looks whether the password is right", "USER main\r\nPASS correct horse\r\nQUIT\r\n",
     "OK, OK, OK"},
    {"is anybody there?", "QUIT\r\n", "OK"},
    {"a mail user's name in another case, and the wrong verb first",
     "HELO client.example\r\nUSER Main@EXAMPLE.com\r\nPASS correct horse\r\nSTAT\r\n",
     "ERR, OK, OK, OK"},
};

void check(const Dialogue& row, std::size_t step) {
  Client client(secure);
  std::string heard;
  for (auto rest = row.said; !rest.empty(); rest.remove_prefix(std::min(step, rest.size())))
    heard += client.send(rest.substr(0, step));
  const auto statuses = statuses_of(heard);
  if (statuses != row.heard)
    print_error("%.*s:\n", static_cast<int>(row.who.size()), row.who.data());
  assert_text_equal(statuses, row.heard);
  if (client.asked.logins > 0)
    assert_text_equal(client.asked.password, row.password);
  assert_true(client.asked.removed == row.removed);
}

// However the octets come, and all at once too, which is pipelining.
template <std::size_t N> void check_all(const Dialogue (&rows)[N]) {
  for (const auto& row : rows)
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, row.said.size()})
      check(row, step);
}

void whole_sessions_of_clients_succeed(void**) {
  check_all(whole_sessions);
}

void habits_of_clients_do_no_harm(void**) {
  check_all(habits);
}

void stls_may_come_without_capa(void**) {
  Client client(clear);
  client.expect_start("STLS\r\n", "+OK");
  client.expect("USER main\r\nPASS x\r\n",
                "+OK send the password\r\n+OK maildrop has 2 messages (53 octets)\r\n");
}

bool has(std::string_view text, std::string_view line) {
  return text.find(line) != text.npos;
}

// As mutt and others do, though RFC 2595 §4 lets them keep what the first one said of STLS alone.
void capa_is_asked_for_again_behind_stls(void**) {
  Client client(clear);
  const auto before = client.send("CAPA\r\n");
  client.expect_start("STLS\r\n", "+OK");
  const auto after = client.send("CAPA\r\n");
  assert_true(has(before, "\r\nSTLS\r\n") && !has(before, "\r\nUSER\r\n"));
  assert_true(has(after, "\r\nUSER\r\n") && !has(after, "\r\nSTLS\r\n"));
  assert_true(has(before, "\r\nUIDL\r\n") && has(after, "\r\nUIDL\r\n"));
}

// A client that cannot tell may say it in clear first; it hears that it must not, and no more.
void a_login_in_clear_is_told_of_stls(void**) {
  Client client(clear);
  client.expect_start("USER main\r\n", "-ERR");
  client.expect_start("PASS correct horse\r\n", "-ERR");
  assert_int_equal(client.asked.logins, 0);
  client.expect_start("STLS\r\n", "+OK");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(whole_sessions_of_clients_succeed),
      cmocka_unit_test(habits_of_clients_do_no_harm),
      cmocka_unit_test(stls_may_come_without_capa),
      cmocka_unit_test(capa_is_asked_for_again_behind_stls),
      cmocka_unit_test(a_login_in_clear_is_told_of_stls),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
