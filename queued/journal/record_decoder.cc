// Bytes to records, strictly.
#include "queued/journal/record.h"

#include "queued/journal/record_tags.h"

#include <algorithm>

namespace letterlock::queued::journal {

namespace {

constexpr std::size_t longest_expunged_name = 255; // NAME_MAX of the file systems that we run on

struct Tag {
  std::uint16_t name = 0;
  Bytes value;
};

// A forward-only cursor that remembers a fault: after one, every answer is empty, and the caller
// asks once, at the end. No answer is used to reserve or to loop before it has been checked.
class Cursor {
public:
  explicit Cursor(Bytes bytes) : reader_(bytes) {}

  bool good() const { return why_.empty(); }
  const std::string& why() const { return why_; }
  void refuse(std::string why) {
    if (good())
      why_ = std::move(why);
  }
  void require(bool condition, const char* why) {
    if (!condition)
      refuse(why);
  }

  template <class T> T number() {
    const auto value = good() ? reader_.number<T>() : std::nullopt;
    if (!value)
      refuse("it ends too early");
    return value.value_or(T{});
  }
  // Which numbers records: bounded, so that one can be added to it.
  Sequence sequence() {
    const auto value = number<Sequence>();
    require(value < implausible_sequence, "a sequence number is out of range");
    return good() ? value : 0;
  }
  Bytes bytes(std::size_t count) {
    const auto taken = good() ? reader_.take(count) : std::nullopt;
    if (!taken)
      refuse("it ends too early");
    return taken.value_or(Bytes{});
  }
  std::string_view text(std::size_t count) { return as_text(bytes(count)); }
  Id128 id() {
    Id128 id;
    const Bytes taken = bytes(id_size);
    std::transform(taken.begin(), taken.end(), id.bytes.begin(),
                   [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
    return id;
  }
  void zeros(std::size_t count) {
    for (const std::byte b : bytes(count))
      require(b == std::byte{0}, "what must be zero is not");
  }
  // COUNT of entries of at least SIZE octets each, or 0 if what is left cannot hold them.
  std::size_t believable(std::size_t count, std::size_t size) {
    require(count <= reader_.left() / size, "a count is larger than the record");
    return good() ? count : 0;
  }

  // The next tagged field, until the end. They stand in the order of their tags, so that a record
  // has one encoding.
  std::optional<Tag> tag() {
    if (!good() || reader_.at_end())
      return std::nullopt;
    Tag next;
    next.name = number<std::uint16_t>();
    zeros(2);
    next.value = bytes(number<std::uint32_t>());
    require(next.name >= last_tag_, "tagged fields out of order");
    last_tag_ = next.name;
    if (!good())
      return std::nullopt;
    return next;
  }

private:
  ByteReader reader_;
  std::string why_;
  std::uint16_t last_tag_ = 0;
};

bool is_accept(Bytes body, std::string& why);

RelayRecipient relay_recipient(Cursor& cursor, Bytes value) {
  Cursor inner(value);
  const auto address = inner.number<std::uint16_t>();
  const auto notify = inner.number<std::uint16_t>();
  const auto original = inner.number<std::uint16_t>();
  inner.zeros(2);
  const RelayRecipient recipient{inner.text(address), inner.text(notify), inner.text(original)};
  inner.require(address > 0, "a recipient without an address");
  inner.require(std::size_t{8} + address + notify + original == value.size(),
                "a recipient with more than belongs to it");
  if (!inner.good())
    cursor.refuse(inner.why());
  return recipient;
}

void relay_fields(Cursor& cursor, Accept& accept) {
  RelayEnvelope envelope;
  std::uint16_t last_single = 0;
  bool known = false;
  while (const auto field = cursor.tag()) {
    if (field->name < tag::reverse_path || field->name > tag::not_before)
      continue;
    known = true;
    if (field->name != tag::relay_recipient) {
      cursor.require(field->name != last_single, "a tagged field twice");
      last_single = field->name;
    }
    // What is left out stands for the default, and the default is left out.
    cursor.require(!field->value.empty() || field->name == tag::reverse_path,
                   "a tagged field is empty");
    switch (field->name) {
    case tag::reverse_path:
      accept.relay.emplace();
      envelope.reverse_path = as_text(field->value);
      break;
    case tag::relay_recipient:
      envelope.recipients.push_back(relay_recipient(cursor, field->value));
      break;
    case tag::envelope_id:
      envelope.envelope_id = as_text(field->value);
      break;
    case tag::ret:
      envelope.ret = as_text(field->value);
      break;
    default: {
      ByteReader value(field->value);
      envelope.not_before = value.number<std::int64_t>().value_or(0);
      cursor.require(envelope.not_before != 0 && value.at_end(), "no time to wait for");
    }
    }
  }
  cursor.require(accept.relay.has_value() == known,
                 "fields of a relay envelope without its sender");
  cursor.require(!known || !envelope.recipients.empty(), "a relay envelope without recipients");
  if (accept.relay)
    accept.relay = std::move(envelope);
}

Accept accept(Cursor& cursor) {
  Accept accept;
  accept.transaction = cursor.id();
  accept.message = cursor.id();
  accept.received = cursor.number<std::int64_t>();
  accept.stored_size = cursor.number<std::uint64_t>();
  accept.wire_size = cursor.number<std::uint64_t>();
  accept.header_size = cursor.number<std::uint64_t>();
  accept.crc = cursor.number<std::uint32_t>();
  const auto place = cursor.number<std::uint8_t>();
  cursor.require(place <= 1, "the content's place is not known");
  accept.large = place == 1;
  cursor.zeros(1);
  const auto stated_copies = cursor.number<std::uint16_t>();
  const auto content = cursor.number<std::uint32_t>();
  const std::size_t copies = cursor.believable(stated_copies, copy_size);
  accept.copies.reserve(copies);
  for (std::size_t i = 0; i < copies && cursor.good(); ++i) {
    Copy copy;
    copy.mailbox = cursor.number<std::uint32_t>();
    const auto head = cursor.number<std::uint32_t>();
    copy.sequence = cursor.sequence();
    copy.head = cursor.text(head);
    accept.copies.push_back(copy);
  }
  accept.content = cursor.text(content);
  cursor.require(accept.large ? content == 0 : content == accept.stored_size,
                 "the content is not as long as it says");
  relay_fields(cursor, accept);
  cursor.require(!accept.copies.empty() || accept.relay, "a message for nobody");
  return accept;
}

Materialised materialised(Cursor& cursor) {
  Materialised materialised;
  materialised.life = cursor.id();
  materialised.up_to = cursor.sequence();
  return materialised;
}

Outcome outcome(Cursor& cursor) {
  Outcome outcome;
  outcome.message = cursor.id();
  const auto stated = cursor.number<std::uint16_t>();
  cursor.zeros(6);
  const std::size_t count = cursor.believable(stated, recipient_size);
  outcome.recipients.reserve(count);
  for (std::size_t i = 0; i < count && cursor.good(); ++i) {
    RecipientOutcome one;
    one.recipient = cursor.number<std::uint16_t>();
    const auto state = cursor.number<std::uint8_t>();
    cursor.require(state <= static_cast<std::uint8_t>(RecipientState::failed),
                   "a recipient's state is not known");
    one.state = static_cast<RecipientState>(cursor.good() ? state : 0);
    cursor.zeros(5);
    one.next_attempt = cursor.number<std::int64_t>();
    one.status = cursor.text(cursor.number<std::uint32_t>());
    outcome.recipients.push_back(one);
  }
  while (const auto field = cursor.tag()) {
    if (field->name != tag::dsn)
      continue;
    cursor.require(outcome.dsn.empty(), "a tagged field twice");
    outcome.dsn = as_text(field->value);
    std::string why;
    if (!is_accept(field->value, why))
      cursor.refuse("its DSN: " + why);
  }
  return outcome;
}

// It becomes a name that is looked for in a directory, and removed.
bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_expunged_name && name.front() != '.' &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

Expunge expunge(Cursor& cursor) {
  Expunge expunge;
  expunge.transaction = cursor.id();
  expunge.mailbox = cursor.number<std::uint32_t>();
  const auto stated = cursor.number<std::uint32_t>();
  const std::size_t count = cursor.believable(stated, name_size);
  expunge.names.reserve(count);
  for (std::size_t i = 0; i < count && cursor.good(); ++i) {
    const auto kind = cursor.number<std::uint8_t>();
    cursor.zeros(1);
    const auto length = cursor.number<std::uint16_t>();
    cursor.require(kind <= 1, "a kind of name that is not known");
    if (kind == 0) {
      cursor.require(length == id_size, "a message id of another length");
      expunge.names.push_back({cursor.id()});
    } else {
      const std::string_view name = cursor.text(length);
      cursor.require(is_file_name(name), "no name of a file");
      expunge.names.push_back({name});
    }
  }
  return expunge;
}

Void voided(Cursor& cursor) {
  Void voided;
  voided.from = cursor.sequence();
  voided.to = cursor.sequence();
  cursor.require(voided.from > 0 && voided.from <= voided.to, "an empty range");
  return voided;
}

Retire retire(Cursor& cursor) {
  Retire retire;
  retire.up_to = cursor.sequence();
  retire.time = cursor.number<std::int64_t>();
  return retire;
}

Seen seen(Cursor& cursor) {
  Seen seen;
  const auto stated = cursor.number<std::uint32_t>();
  cursor.zeros(4);
  const std::size_t count = cursor.believable(stated, id_size);
  seen.transactions.reserve(count);
  for (std::size_t i = 0; i < count && cursor.good(); ++i)
    seen.transactions.push_back(cursor.id());
  return seen;
}

Positions positions(Cursor& cursor) {
  Positions positions;
  const auto stated = cursor.number<std::uint32_t>();
  cursor.zeros(4);
  const std::size_t count = cursor.believable(stated, position_size);
  positions.mailboxes.reserve(count);
  for (std::size_t i = 0; i < count && cursor.good(); ++i) {
    Position position;
    position.mailbox = cursor.number<std::uint32_t>();
    cursor.zeros(4);
    position.next_sequence = cursor.sequence();
    positions.mailboxes.push_back(position);
  }
  return positions;
}

template <class T> Expected<Record> whole(T (*decode)(Cursor&), const char* name, Bytes body) {
  Cursor cursor(body);
  T record = decode(cursor);
  // What follows is for later versions.
  while (cursor.tag()) {
  }
  if (!cursor.good())
    return fail(std::string(name) + ": " + cursor.why());
  return Record(std::move(record));
}

bool is_accept(Bytes body, std::string& why) {
  Cursor cursor(body);
  accept(cursor);
  why = cursor.why();
  return cursor.good();
}

} // namespace

std::optional<Expected<Record>> decode_body(std::uint8_t type, Bytes body) {
  switch (type) {
  case type::accept:
    return whole(accept, "Accept", body);
  case type::materialised:
    return whole(materialised, "Materialised", body);
  case type::outcome:
    return whole(outcome, "Outcome", body);
  case type::expunge:
    return whole(expunge, "Expunge", body);
  case type::voided:
    return whole(voided, "Void", body);
  case type::retire:
    return whole(retire, "Retire", body);
  case type::seen:
    return whole(seen, "Seen", body);
  case type::positions:
    return whole(positions, "Positions", body);
  default:
    return std::nullopt;
  }
}

std::optional<Accept> accept_in(const Record& record) {
  if (const auto* accept = std::get_if<Accept>(&record))
    return *accept;
  const auto* outcome = std::get_if<Outcome>(&record);
  if (outcome == nullptr || outcome->dsn.empty())
    return std::nullopt;
  auto dsn = decode_body(type::accept, as_bytes(outcome->dsn));
  if (!dsn || !*dsn)
    return std::nullopt;
  return std::get<Accept>(std::move(**dsn));
}

} // namespace letterlock::queued::journal
