// Domains, address literals, mailboxes, paths and names of clients: what is accepted is written as
// text that reads as the same value, whatever its case, and makes trace fields of whole lines.
#include "common/mail/ascii.h"
#include "common/mail/domain.h"
#include "common/mail/trace.h"
#include "tests/fuzz/fuzz.h"

using namespace letterlock;
using namespace letterlock::mail;
using fuzz::require;

namespace {

constexpr Charset charsets[] = {Charset::ascii, Charset::utf8};

std::string in_capitals(std::string_view text) {
  std::string capitals(text);
  for (char& c : capitals)
    if (c >= 'a' && c <= 'z')
      c = static_cast<char>(c - 'a' + 'A');
  return capitals;
}

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), is_control);
}

void check_domain(std::string_view text, Charset charset) {
  const auto domain = Domain::parse(text, charset);
  if (!domain)
    return;
  require(domain->text().size() <= Domain::max_size && is_one_line(domain->text()));
  require(charset == Charset::utf8 || domain->is_ascii());
  for (const std::string& again : {domain->text(), in_capitals(domain->text())}) {
    const auto same = Domain::parse(again, charset);
    require(same && same->text() == domain->text() && *same == *domain);
  }
  // What it is compared by is a domain, too, and the same one.
  const auto key = Domain::parse(domain->key(), Charset::ascii);
  require(key && key->key() == domain->key() && *key == *domain);
  // Who takes ASCII alone is not told something else.
  const auto plain = Domain::parse(text, Charset::ascii);
  require(plain.has_value() == (charset == Charset::ascii || domain->is_ascii()));
  require(!plain || plain->text() == domain->text());
}

void check_mailbox(const Mailbox& mailbox) {
  const std::string text = mailbox.text();
  require(text.size() <= Mailbox::max_size && is_one_line(text));
  const auto same = Mailbox::parse_sender(text, Charset::utf8);
  require(same && same->text() == text && same->key() == mailbox.key());
  require(Mailbox::parse_sender(text, Charset::ascii).has_value() == mailbox.is_ascii());
  const auto capitals = Mailbox::parse_sender(in_capitals(text), Charset::utf8);
  require(capitals && *capitals == mailbox);
  // Who takes short ones alone takes the same.
  const bool short_enough = mailbox.local_part().size() <= Mailbox::max_local_part_size;
  const auto plain = Mailbox::parse(text, Charset::utf8);
  const auto joined = Mailbox::join(mailbox.local_part(), mailbox.domain(), Charset::utf8);
  require(plain.has_value() == short_enough && joined.has_value() == short_enough);
  require(!short_enough || (plain->text() == text && joined->text() == text));
  // An address can stand where an address is expected, and say nothing else there.
  const std::string path = '<' + text + "> SIZE=1";
  std::string_view path_text = path;
  const auto reverse = take_reverse_path(path_text, Charset::utf8);
  require(reverse && reverse->mailbox() && reverse->mailbox()->text() == text);
  require(path_text == " SIZE=1");
}

// What READ takes off the beginning is all that it looked at.
template <class Read> auto check_path(std::string_view text, Charset charset, Read read) {
  std::string_view rest = text;
  const auto path = read(rest, charset);
  if (!path) {
    require(rest == text);
    return path;
  }
  require(text.ends_with(rest) && rest.size() < text.size());
  std::string_view alone = text.substr(0, text.size() - rest.size());
  const auto same = read(alone, charset);
  require(alone.empty() && same && *same == *path);
  return path;
}

void check_field(std::string_view field, std::string_view name) {
  require(field.starts_with(name) && field.ends_with('\n'));
  while (!field.empty()) {
    const auto end = field.find('\n');
    const auto line = field.substr(0, end);
    // RFC 5322 §2.1.1: less than 1,000 octets with CR LF.
    require(!line.empty() && line.size() <= 998);
    require(line.starts_with('\t') || line.starts_with(name));
    require(is_one_line(line.substr(1)) && line.find_first_not_of("\t ") != line.npos);
    field.remove_prefix(end + 1);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string_view text = input.line();
  const auto hello = HelloName::parse(input.rest());
  if (const auto literal = AddressLiteral::parse(text)) {
    const auto same = AddressLiteral::parse(literal->text());
    require(same && *same == *literal && is_one_line(literal->text()));
  }
  if (hello)
    require(hello->text() == input.rest() && HelloName::parse(hello->text()) == hello);
  for (const Charset charset : charsets) {
    check_domain(text, charset);
    if (const auto mailbox = Mailbox::parse(text, charset)) {
      check_mailbox(*mailbox);
      check_field(delivered_to_field(*mailbox), "Delivered-To: ");
    }
    if (const auto reverse = check_path(text, charset, take_reverse_path)) {
      if (reverse->mailbox())
        check_mailbox(*reverse->mailbox());
      const std::string path = reverse->text();
      std::string_view written = path;
      require(take_reverse_path(written, Charset::utf8) == reverse && written.empty());
      check_field(return_path_field(*reverse), "Return-Path: ");
    }
    if (const auto forward = check_path(text, charset, take_forward_path))
      if (const auto* mailbox = std::get_if<Mailbox>(&*forward)) {
        Received received;
        received.from_name = hello;
        received.by = "mx.example.com";
        received.with.extended = true;
        received.tls = TlsInfo{"TLSv1.3", "AEAD-AES256-GCM-SHA384"};
        received.id = "0123456789abcdef0123456789abcdef";
        received.only_for = *mailbox;
        check_field(received_field(received), "Received: ");
      }
  }
  return 0;
}
