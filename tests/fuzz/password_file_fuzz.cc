// The passwords file: what is read and written again reads as the same; setting a password changes
// that one and nothing else; who logs in is who the file says, in any case.
#include "authd/login_table.h"
#include "common/conf/password_file.h"
#include "tests/fuzz/fuzz.h"

using namespace letterlock;
using fuzz::require;

namespace {

using Entries = std::vector<conf::PasswordEntry>;

bool is_same(const conf::PasswordEntry& a, const conf::PasswordEntry& b) {
  return a.account == b.account && a.verifier.reveal() == b.verifier.reveal();
}
bool are_same(const Entries& a, const Entries& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), is_same);
}

std::string written(const Entries& entries) {
  std::string text;
  for (const auto& entry : entries)
    (((text += entry.account) += ':') += entry.verifier.reveal()) += '\n';
  return text;
}

// No message shows what may be a password in the wrong place.
void check_refusal(std::string_view reason, std::string_view text) {
  require(reason.starts_with("f:") && reason.find('\n') == reason.npos);
  for (std::size_t i = 0; i + 20 <= text.size(); ++i)
    if (text.substr(i, 4) == "$2b$" && text[i + 4] != ',') // as the reason itself has it
      require(reason.find(text.substr(i, 20)) == reason.npos);
}

void check_setting(const std::string& text, const Entries& entries) {
  const auto verifier = *conf::parse_verifier("$2b$12$" + std::string(53, 'x'));
  const auto name = entries.empty() ? conf::AccountName("main") : entries.back().account;
  const std::string changed = conf::with_password(text, name, verifier);
  const auto after = conf::parse_password_file(changed, "f");
  require(after && after->size() == std::max<std::size_t>(entries.size(), 1));
  Entries expected = entries;
  if (entries.empty())
    expected.push_back({name, verifier});
  expected.back().verifier = verifier;
  require(are_same(*after, expected));
  require(conf::with_password(changed, name, verifier) == changed);
  const conf::AccountName added = "quite-another";
  const bool was_there = std::any_of(entries.begin(), entries.end(),
                                     [&](const auto& entry) { return entry.account == added; });
  const auto grown = conf::parse_password_file(conf::with_password(text, added, verifier), "f");
  require(grown && grown->size() == entries.size() + (was_there ? 0 : 1));
}

void check_logins(const std::string& text, const Entries& entries) {
  authd::LoginTable table;
  std::uint32_t id = 0;
  for (const auto& entry : entries) {
    table.add(entry.account, entry.account, ++id);
    table.add("mailbox@" + std::string(entry.account.view()) + ".example", entry.account, id);
  }
  table.add("nobody@x.example", "a-name-without-a-line", 999);
  require(table.set_passwords(text, "f").has_value());
  id = 0;
  for (const auto& entry : entries) {
    ++id;
    for (const std::string& login : {std::string(entry.account.view()),
                                     "MAILBOX@" + std::string(entry.account.view()) + ".example"}) {
      const auto* found = table.find(login);
      require(found != nullptr && found->account_id == id);
      require(found->verifier.reveal() == entry.verifier.reveal());
    }
  }
  require(table.find("") == nullptr);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Verifiers are long: an octet that no file has stands for a good one.
  std::string text;
  for (std::size_t i = 0; i < size; ++i)
    if (data[i] == 0xff)
      text += "$2b$05$" + std::string(53, 'y');
    else
      text += static_cast<char>(data[i]);
  const auto entries = conf::parse_password_file(text, "f");
  if (!entries) {
    check_refusal(entries.error().text, text);
    authd::LoginTable table;
    require(!table.set_passwords(text, "f"));
    return 0;
  }
  const auto again = conf::parse_password_file(written(*entries), "f");
  require(again && are_same(*again, *entries));
  check_setting(text, *entries);
  check_logins(text, *entries);
  return 0;
}
