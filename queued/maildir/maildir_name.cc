// Reading and writing the names of message files.
#include "queued/maildir/maildir_name.h"

#include <algorithm>
#include <charconv>

namespace letterlock::queued {

namespace {

constexpr std::size_t longest_uidl = 70; // RFC 1939 §7
constexpr std::size_t longest_host = 128;
constexpr std::size_t id_digits = 2 * sizeof Id128::bytes;
constexpr std::uint64_t largest_file = std::uint64_t{1} << 40;

bool is_uidl_character(char c) {
  return c >= 0x21 && c <= 0x7e;
}

template <class T> std::optional<T> number(std::string_view digits) {
  T value{};
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || digits.front() == '-' || error != std::errc() || stop != end)
    return std::nullopt;
  return value;
}

std::uint64_t fnv1a(std::uint64_t hash, std::string_view text) {
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

void append_hex(std::string& to, std::uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4)
    to += "0123456789abcdef"[value >> shift & 15];
}

bool is_message_name(std::string_view file_name) {
  return !file_name.empty() && file_name.front() != '.' &&
         file_name.size() <= longest_maildir_name &&
         file_name.find('/') == std::string_view::npos &&
         file_name.find('\0') == std::string_view::npos;
}

// The name without its flags. A colon at the very beginning begins none: nothing would be left.
std::string_view base_of(std::string_view file_name) {
  return file_name.substr(0, file_name.find(':', 1));
}

// TIME.UNIQUE.HOST
std::string_view stem_of(std::string_view base) {
  return base.substr(0, base.find(','));
}

// UNIQUE, if it is one of ours; FIRST is where the stem's first dot is.
std::optional<Id128> id_in(std::string_view stem, std::size_t first) {
  if (stem.size() - first <= id_digits ||
      (stem.size() - first > id_digits + 1 && stem[first + 1 + id_digits] != '.'))
    return std::nullopt;
  return Id128::from_hex(stem.substr(first + 1, id_digits));
}

} // namespace

MaildirHost::MaildirHost(std::string_view server_name) {
  for (const char c : server_name) {
    std::string piece(1, c);
    if (!is_uidl_character(c) || c == '/' || c == ':' || c == ',' || c == '\\') {
      const unsigned value = static_cast<unsigned char>(c);
      piece = {'\\', static_cast<char>('0' + (value >> 6)),
               static_cast<char>('0' + (value >> 3 & 7)), static_cast<char>('0' + (value & 7))};
    }
    if (text_.size() + piece.size() > longest_host)
      break;
    text_ += piece;
  }
  if (text_.empty())
    text_ = "localhost";
}

std::string hashed_uidl(std::string_view text) {
  std::string uidl = "x"; // 33 characters: ours have 32
  append_hex(uidl, fnv1a(0xcbf29ce484222325U, text));
  append_hex(uidl, fnv1a(0x9ae16a3b2f90404fU, text));
  return uidl;
}

std::optional<MaildirName> MaildirName::parse(std::string_view file_name) {
  if (!is_message_name(file_name))
    return std::nullopt;

  MaildirName name;
  const std::string_view base = base_of(file_name);
  const std::string_view stem = stem_of(base);
  name.base = base;
  const std::size_t first = std::min(stem.find('.'), stem.size());
  name.time = number<std::int64_t>(stem.substr(0, first)).value_or(0);
  name.message = id_in(stem, first);
  if (name.message) {
    name.own_uidl = stem.substr(first + 1, id_digits);
  } else if (!stem.empty() && stem.size() <= longest_uidl &&
             std::all_of(stem.begin(), stem.end(), is_uidl_character)) {
    name.own_uidl = stem;
  }
  return name;
}

std::string MaildirName::uidl() const {
  return own_uidl.empty() ? hashed_uidl(base) : std::string(own_uidl);
}

std::optional<Id128> message_id_in(std::string_view file_name) {
  if (!is_message_name(file_name))
    return std::nullopt;
  const std::string_view stem = stem_of(base_of(file_name));
  return id_in(stem, std::min(stem.find('.'), stem.size()));
}

std::string format_maildir_name(std::int64_t time, const Id128& message, std::string_view host,
                                std::uint64_t stored_size, std::uint64_t wire_size) {
  const std::string seconds = std::to_string(time), stored = std::to_string(stored_size),
                    wire = std::to_string(wire_size);
  const std::string id = message.hex();
  std::string name;
  name.reserve(seconds.size() + id.size() + host.size() + stored.size() + wire.size() + 8);
  ((((name += seconds) += '.') += id) += '.') += host;
  return (((name += ",S=") += stored) += ",W=") += wire;
}

// Each octet may become two, and a line end may be missing.
bool are_believable_sizes(std::uint64_t stored, std::uint64_t wire) {
  return wire <= largest_file && wire >= stored && wire - stored <= stored + 2;
}

} // namespace letterlock::queued
