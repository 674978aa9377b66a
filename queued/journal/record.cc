// Records to bytes.
#include "queued/journal/record.h"

#include "queued/journal/number_bytes.h"
#include "queued/journal/record_tags.h"

namespace letterlock::queued::journal {

namespace {

class Encoder {
public:
  explicit Encoder(std::string& bytes) : bytes_(bytes) {}

  void operator()(const Accept& accept) {
    id(accept.transaction);
    id(accept.message);
    number<std::int64_t>(accept.received);
    number<std::uint64_t>(accept.stored_size);
    number<std::uint64_t>(accept.wire_size);
    number<std::uint64_t>(accept.header_size);
    number<std::uint32_t>(accept.crc);
    number<std::uint8_t>(accept.large);
    number<std::uint8_t>(0);
    number<std::uint16_t>(accept.copies.size());
    number<std::uint32_t>(accept.content.size());
    for (const Copy& copy : accept.copies) {
      number<std::uint32_t>(copy.mailbox);
      number<std::uint32_t>(copy.head.size());
      number<std::uint64_t>(copy.sequence);
      bytes_ += copy.head;
    }
    bytes_ += accept.content;
    // Without recipients there is nobody to relay to, and nothing to write down.
    if (accept.relay && !accept.relay->recipients.empty())
      relay(*accept.relay);
  }

  void operator()(const Materialised& materialised) {
    id(materialised.life);
    number<std::uint64_t>(materialised.up_to);
  }

  void operator()(const Outcome& outcome) {
    id(outcome.message);
    number<std::uint16_t>(outcome.recipients.size());
    zeros(6);
    for (const RecipientOutcome& one : outcome.recipients) {
      number<std::uint16_t>(one.recipient);
      number<std::uint8_t>(static_cast<std::uint8_t>(one.state));
      zeros(5);
      number<std::int64_t>(one.next_attempt);
      number<std::uint32_t>(one.status.size());
      bytes_ += one.status;
    }
    if (!outcome.dsn.empty())
      field(tag::dsn, outcome.dsn);
  }

  void operator()(const Expunge& expunge) {
    id(expunge.transaction);
    number<std::uint32_t>(expunge.mailbox);
    number<std::uint32_t>(expunge.names.size());
    for (const ExpungedName& one : expunge.names) {
      const auto* ours = std::get_if<Id128>(&one.name);
      const std::string_view name =
          ours ? std::string_view(reinterpret_cast<const char*>(ours->bytes.data()), id_size)
               : std::get<std::string_view>(one.name);
      number<std::uint8_t>(ours == nullptr);
      number<std::uint8_t>(0);
      number<std::uint16_t>(name.size());
      bytes_ += name;
    }
  }

  void operator()(const Void& voided) {
    number<std::uint64_t>(voided.from);
    number<std::uint64_t>(voided.to);
  }

  void operator()(const Retire& retire) {
    number<std::uint64_t>(retire.up_to);
    number<std::int64_t>(retire.time);
  }

  void operator()(const Seen& seen) {
    number<std::uint32_t>(seen.transactions.size());
    zeros(4);
    for (const Id128& transaction : seen.transactions)
      id(transaction);
  }

  void operator()(const Positions& positions) {
    number<std::uint32_t>(positions.mailboxes.size());
    zeros(4);
    for (const Position& position : positions.mailboxes) {
      number<std::uint32_t>(position.mailbox);
      zeros(4);
      number<std::uint64_t>(position.next_sequence);
    }
  }

private:
  template <class T, class From> void number(From value) {
    append_number(bytes_, static_cast<T>(value));
  }
  void zeros(std::size_t count) { bytes_.append(count, '\0'); }
  void id(const Id128& id) {
    bytes_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  }
  void field(std::uint16_t name, std::string_view value) {
    number<std::uint16_t>(name);
    zeros(2);
    number<std::uint32_t>(value.size());
    bytes_ += value;
  }

  void relay(const RelayEnvelope& envelope) {
    field(tag::reverse_path, envelope.reverse_path);
    for (const RelayRecipient& recipient : envelope.recipients) {
      std::string value;
      append_number(value, static_cast<std::uint16_t>(recipient.address.size()));
      append_number(value, static_cast<std::uint16_t>(recipient.notify.size()));
      append_number(value, static_cast<std::uint16_t>(recipient.original.size()));
      append_number(value, std::uint16_t{0});
      value += recipient.address;
      value += recipient.notify;
      value += recipient.original;
      field(tag::relay_recipient, value);
    }
    if (!envelope.envelope_id.empty())
      field(tag::envelope_id, envelope.envelope_id);
    if (!envelope.ret.empty())
      field(tag::ret, envelope.ret);
    if (envelope.not_before != 0) {
      std::string value;
      append_number(value, envelope.not_before);
      field(tag::not_before, value);
    }
  }

  std::string& bytes_;
};

} // namespace

std::uint8_t type_of(const Record& record) {
  // In the order of the variant, which is the order of docs/spool.md.
  static_assert(std::is_same_v<std::variant_alternative_t<type::accept - 1, Record>, Accept>);
  static_assert(std::is_same_v<std::variant_alternative_t<type::voided - 1, Record>, Void>);
  static_assert(std::is_same_v<std::variant_alternative_t<type::positions - 1, Record>, Positions>);
  return static_cast<std::uint8_t>(record.index() + 1);
}

void encode_body(const Record& record, std::string& bytes) {
  std::visit(Encoder(bytes), record);
}

} // namespace letterlock::queued::journal
