// Reading of DNS messages. Positions only grow, but for the pointers inside a name, each of which
// has to lead further back than the one before.
#include "resolvd/dns_answer.h"

#include <algorithm>
#include <array>
#include <optional>

namespace letterlock::resolvd {

namespace {

using ipc::LookupOutcome;

constexpr std::size_t header_size = 12;
constexpr std::size_t longest_name = 255; // octets on the wire (RFC 1035 §2.3.4)

enum class ResponseCode : std::uint8_t { no_error = 0, no_such_name = 3 };

// Moves over a message. What would lead beyond its end is none.
class Cursor {
public:
  Cursor(Bytes message, std::size_t at) : message_(message), at_(at) {}

  std::size_t at() const { return at_; }

  std::optional<std::uint16_t> number() {
    const auto bytes = take(2);
    if (!bytes)
      return std::nullopt;
    return static_cast<std::uint16_t>(std::to_integer<unsigned>((*bytes)[0]) << 8 |
                                      std::to_integer<unsigned>((*bytes)[1]));
  }

  std::optional<Bytes> take(std::size_t count) {
    if (at_ > message_.size() || count > message_.size() - at_)
      return std::nullopt;
    const Bytes taken = message_.subspan(at_, count);
    at_ += count;
    return taken;
  }

private:
  Bytes message_;
  std::size_t at_;
};

// Labels in lower case with dots between them. One with an octet that would make it look like
// another name, or that nobody prints, makes the whole name unlike every other.
struct Name {
  std::string text;
  bool is_plain = true;
  std::size_t wire_size = 1;
};

bool add_label(Name& name, Bytes label) {
  name.wire_size += 1 + label.size();
  if (name.wire_size > longest_name)
    return false;
  if (!name.text.empty())
    name.text += '.';
  for (const std::byte octet : label) {
    auto c = static_cast<char>(octet);
    if (c <= ' ' || c >= 0x7f || c == '.' || c == '\\')
      name.is_plain = false;
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
    name.text += c;
  }
  return true;
}

// The name at the cursor, which moves behind it.
std::optional<Name> read_name(Bytes message, Cursor& cursor) {
  Name name;
  Cursor here = cursor;
  std::size_t before = cursor.at(); // a pointer leads to what is before this
  bool jumped = false;
  for (;;) {
    const auto first = here.take(1);
    if (!first)
      return std::nullopt;
    const auto length = std::to_integer<std::size_t>((*first)[0]);
    if (length >= 0xc0) {
      const auto second = here.take(1);
      if (!second)
        return std::nullopt;
      const std::size_t target = (length & 0x3f) << 8 | std::to_integer<std::size_t>((*second)[0]);
      if (target >= before)
        return std::nullopt;
      if (!jumped)
        cursor = here;
      jumped = true;
      before = target;
      here = Cursor(message, target);
      continue;
    }
    if (length > 63)
      return std::nullopt;
    if (length == 0)
      break;
    const auto label = here.take(length);
    if (!label || !add_label(name, *label))
      return std::nullopt;
  }
  if (!jumped)
    cursor = here;
  return name;
}

struct Record {
  Name owner;
  std::uint16_t type = 0;
  std::size_t data_at = 0;
  Bytes data;
};

std::optional<Record> read_record(Bytes message, Cursor& cursor) {
  constexpr std::uint16_t internet = 1;
  Record record;
  auto owner = read_name(message, cursor);
  const auto type = cursor.number();
  const auto cls = cursor.number();
  const auto time_to_live = cursor.take(4);
  const auto size = cursor.number();
  if (!owner || !size || !time_to_live)
    return std::nullopt;
  record.data_at = cursor.at();
  const auto data = cursor.take(*size);
  if (!data)
    return std::nullopt;
  record.owner = std::move(*owner);
  record.type = *cls == internet ? *type : 0;
  record.data = *data;
  return record;
}

// A name inside a record: compressed or not, it ends where the record does.
std::optional<Name> name_in(Bytes message, const Record& record) {
  Cursor cursor(message, record.data_at);
  auto name = read_name(message, cursor);
  if (!name || cursor.at() != record.data_at + record.data.size())
    return std::nullopt;
  return name;
}

// Calls back with the records of that type that ASKED has, by its aliases.
template <class Use>
LookupOutcome find(Bytes message, std::string_view asked, RecordType type, Use use) {
  Cursor cursor(message, 2);
  const auto flags = cursor.number();
  const auto questions = cursor.number();
  const auto answers = cursor.number();
  if (message.size() < header_size || !flags || !questions || !answers)
    return LookupOutcome::failed;
  constexpr std::uint16_t is_response = 0x8000;
  if ((*flags & is_response) == 0)
    return LookupOutcome::failed;
  const auto code = static_cast<ResponseCode>(*flags & 0xf);
  if (code == ResponseCode::no_such_name)
    return LookupOutcome::none;
  if (code != ResponseCode::no_error)
    return LookupOutcome::failed;
  cursor = Cursor(message, header_size);
  for (unsigned i = 0; i < *questions; ++i)
    if (!read_name(message, cursor) || !cursor.take(4))
      return LookupOutcome::failed;

  std::string name(asked);
  for (unsigned aliases = 0; aliases <= max_aliases; ++aliases) {
    Cursor record_cursor = cursor;
    std::optional<Name> alias_of;
    bool found = false;
    for (unsigned i = 0; i < *answers; ++i) {
      const auto record = read_record(message, record_cursor);
      if (!record)
        return LookupOutcome::failed;
      if (!record->owner.is_plain || record->owner.text != name)
        continue;
      if (record->type == static_cast<std::uint16_t>(type)) {
        found = true;
        use(*record);
      } else if (record->type == static_cast<std::uint16_t>(RecordType::cname)) {
        alias_of = name_in(message, *record);
        if (!alias_of || !alias_of->is_plain)
          return LookupOutcome::failed;
      }
    }
    if (found)
      return LookupOutcome::found;
    if (!alias_of)
      return LookupOutcome::none;
    name = alias_of->text;
  }
  return LookupOutcome::failed; // a loop, or as good as one
}

// Letters, digits, hyphens, and the underscores that some hosts' names have.
bool is_host_name(const Name& name) {
  return name.is_plain && !name.text.empty() &&
         std::all_of(name.text.begin(), name.text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

template <class List, class Value> void add_once(List& list, const Value& value) {
  const auto& values = list.values();
  if (!list.full() && std::find(values.begin(), values.end(), value) == values.end())
    static_cast<void>(list.push(value));
}

} // namespace

std::string reverse_name(const IpAddress& address) {
  constexpr std::string_view hexadecimal = "0123456789abcdef";
  std::string name;
  const auto octets = address.bytes();
  for (auto octet = octets.rbegin(); octet != octets.rend(); ++octet) {
    if (address.is_v4()) {
      name += std::to_string(*octet) + '.';
    } else {
      name += hexadecimal[*octet & 0xf];
      name += '.';
      name += hexadecimal[*octet >> 4];
      name += '.';
    }
  }
  return name + (address.is_v4() ? "in-addr.arpa" : "ip6.arpa");
}

ipc::NamesFound names_in(Bytes message, std::string_view asked) {
  ipc::NamesFound answer;
  answer.outcome = find(message, asked, RecordType::ptr, [&](const Record& record) {
    const auto name = name_in(message, record);
    if (!name || !is_host_name(*name))
      return;
    if (const auto text = ipc::HostName::from(name->text))
      add_once(answer.names, *text);
  });
  if (answer.outcome == LookupOutcome::found && answer.names.values().empty())
    answer.outcome = LookupOutcome::none;
  if (answer.outcome != LookupOutcome::found)
    answer.names = {};
  return answer;
}

ipc::AddressesFound addresses_in(Bytes message, std::string_view asked, ipc::AddressFamily family) {
  ipc::AddressesFound answer;
  const bool v4 = family == ipc::AddressFamily::ipv4;
  const auto use = [&](const Record& record) {
    std::array<std::uint8_t, 16> octets{};
    if (record.data.size() != (v4 ? 4 : octets.size()))
      return;
    std::transform(record.data.begin(), record.data.end(), octets.begin(),
                   [](std::byte octet) { return std::to_integer<std::uint8_t>(octet); });
    const auto address =
        v4 ? IpAddress::v4({octets[0], octets[1], octets[2], octets[3]}) : IpAddress::v6(octets);
    add_once(answer.addresses, ipc::PeerText::cut(address.text()));
  };
  answer.outcome = find(message, asked, v4 ? RecordType::a : RecordType::aaaa, use);
  if (answer.outcome == LookupOutcome::found && answer.addresses.values().empty())
    answer.outcome = LookupOutcome::none;
  if (answer.outcome != LookupOutcome::found)
    answer.addresses = {};
  return answer;
}

} // namespace letterlock::resolvd
