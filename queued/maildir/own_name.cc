// Names of our own message files.
#include "queued/maildir/own_name.h"

#include "queued/maildir/maildir_name.h"

#include <algorithm>

namespace letterlock::queued {

namespace {

constexpr std::size_t id_digits = 2 * sizeof Id128::bytes;
constexpr std::size_t number_width = 18; // of a number: no overflow

// A cursor over a name.
class Parts {
public:
  explicit Parts(std::string_view rest) : rest_(rest) {}

  std::string_view rest() const { return rest_; }

  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c)
      return false;
    rest_.remove_prefix(1);
    return true;
  }
  // ",KEY="
  bool skip_field(char key) { return skip(',') && skip(key) && skip('='); }

  // As std::to_string writes it, without leading zeros.
  std::optional<std::uint64_t> number() {
    std::uint64_t value = 0;
    std::size_t digits = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9' &&
           digits <= number_width)
      value = value * 10 + static_cast<std::uint64_t>(rest_[digits++] - '0');
    if (digits == 0 || digits > number_width || (digits > 1 && rest_.front() == '0'))
      return std::nullopt;
    rest_.remove_prefix(digits);
    return value;
  }

  std::string_view take(std::size_t length) {
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  // What MaildirHost makes.
  std::string_view host() {
    std::size_t length = 0;
    while (length < rest_.size() && rest_[length] > 0x20 && rest_[length] < 0x7f &&
           rest_[length] != ',' && rest_[length] != ':' && rest_[length] != '/')
      ++length;
    return take(length);
  }

private:
  std::string_view rest_;
};

// ":2," and letters: the flags of Maildir, and the keywords of some programs.
bool is_info(std::string_view text) {
  return text.starts_with(":2,") && std::all_of(text.begin() + 3, text.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
         });
}

} // namespace

std::optional<OwnName> OwnName::parse(std::string_view file_name) {
  if (file_name.size() > longest_maildir_name)
    return std::nullopt;
  Parts parts(file_name);
  OwnName name;
  const auto time = parts.number();
  if (!time || !parts.skip('.'))
    return std::nullopt;
  name.time = static_cast<std::int64_t>(*time);
  const auto message = Id128::from_hex(parts.take(id_digits));
  if (!message || !parts.skip('.'))
    return std::nullopt;
  name.message = *message;
  name.host = parts.host();
  if (name.host.empty() || !parts.skip_field('S'))
    return std::nullopt;
  const auto stored = parts.number();
  if (!stored || !parts.skip_field('W'))
    return std::nullopt;
  const auto wire = parts.number();
  if (!wire || !are_believable_sizes(*stored, *wire))
    return std::nullopt;
  name.stored_size = *stored;
  name.wire_size = *wire;
  name.info = parts.rest();
  if (!name.info.empty() && !is_info(name.info))
    return std::nullopt;
  return name;
}

std::optional<Id128> own_message_id(std::string_view file_name) {
  const auto name = OwnName::parse(file_name.substr(0, file_name.find(':')));
  return name ? std::optional(name->message) : std::nullopt;
}

std::string OwnName::base() const {
  return format_maildir_name(time, message, host, stored_size, wire_size);
}

} // namespace letterlock::queued
