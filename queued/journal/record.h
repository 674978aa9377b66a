// The records of the journal: what each holds, written to bytes and read back. Pure.
//
// Source: docs/spool.md, "The journal", which has the bytes. Decoding is strict: every length is
// checked, a body must be consumed whole, unknown tagged fields are skipped, and what decodes
// encodes to the same bytes again, but for those. The bytes that views of a decoded record point
// into belong to the caller.
#pragma once

#include "common/base/byte_reader.h"
#include "common/base/error.h"
#include "common/base/id128.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace letterlock::queued::journal {

// Numbers records for ever, from 1; 0 is before all.
using Sequence = std::uint64_t;
// Nothing is ever numbered so high: who finds such a number does not believe it, and whoever
// believes one can add to it.
inline constexpr Sequence implausible_sequence = Sequence{1} << 62;

// One account's copy of a message. The views point into what encodes or was decoded.
struct Copy {
  std::uint32_t mailbox = 0;
  std::uint64_t sequence = 0; // of the mailbox
  std::string_view head;      // stands before the content
};

// How a recipient for another host is to be served (RFC 3461 §4).
struct RelayRecipient {
  std::string_view address;
  std::string_view notify;   // as it came: "" or "SUCCESS,FAILURE" …
  std::string_view original; // ORCPT; "" for none
};

// What a message that goes to other hosts needs besides; it has a recipient at least. None for one
// that is only kept here.
struct RelayEnvelope {
  std::string_view reverse_path; // "" is the null reverse-path
  std::string_view envelope_id;  // ENVID; "" for none
  std::string_view ret;          // RET: "", "FULL" or "HDRS"
  std::int64_t not_before = 0;   // seconds since 1970
  std::vector<RelayRecipient> recipients;
};

// A message. It has a copy or a recipient for another host at least.
struct Accept {
  Id128 transaction, message;
  std::int64_t received = 0;     // seconds since 1970
  std::uint64_t stored_size = 0; // of the content, without heads; its length
  std::uint64_t wire_size = 0;   // of the content
  std::uint64_t header_size = 0; // of the content's header block
  std::uint32_t crc = 0;         // CRC-32C of the content
  bool large = false;            // its copies are files in large/; content is empty then
  std::vector<Copy> copies;
  std::string_view content;
  std::optional<RelayEnvelope> relay;
};

// Everything up to this record is in the maildrops' directories, seen from this life.
struct Materialised {
  Id128 life; // zero: trust nothing
  Sequence up_to = 0;
};

enum class RecipientState : std::uint8_t { waiting, deferred, done, failed };

struct RecipientOutcome {
  std::uint16_t recipient = 0; // its place among the Accept's recipients
  RecipientState state{};
  std::int64_t next_attempt = 0; // seconds since 1970; of use if deferred
  std::string_view status;       // the remote's last words, printable
};

struct Outcome {
  Id128 message;
  std::vector<RecipientOutcome> recipients;
  std::string_view dsn; // the encoded body of the Accept that it causes; empty for none
};

// A name that is gone from a mailbox.
struct ExpungedName {
  std::variant<Id128, std::string_view> name; // ours by message id; another's without its flags
};

struct Expunge {
  Id128 transaction;
  std::uint32_t mailbox = 0;
  std::vector<ExpungedName> names;
};

// Records FROM to TO of an earlier segment never happened.
struct Void {
  Sequence from = 0, to = 0;
};

struct Retire {
  Sequence up_to = 0;
  std::int64_t time = 0; // now, in seconds since 1970
};

// The transactions that became durable last, newest last.
struct Seen {
  std::vector<Id128> transactions;
};

struct Position {
  std::uint32_t mailbox = 0;
  std::uint64_t next_sequence = 1;
};
struct Positions {
  std::vector<Position> mailboxes;
};

using Record = std::variant<Accept, Materialised, Outcome, Expunge, Void, Retire, Seen, Positions>;

// The type byte of a record, as docs/spool.md numbers them.
std::uint8_t type_of(const Record& record);

// Appends the body of RECORD to BYTES. Lengths must fit their fields; the caller's limits see to
// it.
void encode_body(const Record& record, std::string& bytes);

// None for a type that is not known. An error: bytes that are no such body. Accepts are refused
// that are for nobody or whose content is not as long as they say; names that are no file's; empty
// Voids; sequence numbers that are implausible.
std::optional<Expected<Record>> decode_body(std::uint8_t type, Bytes body);

// The message that RECORD brings: an Accept, or the DSN of an Outcome. Its views point where those
// of RECORD do. None for others.
std::optional<Accept> accept_in(const Record& record);
// The same, without a copy: SEE is called with it, if there is one.
template <class See> void with_accept(const Record& record, See&& see) {
  if (const auto* accept = std::get_if<Accept>(&record))
    see(*accept);
  else if (const auto dsn = accept_in(record))
    see(*dsn);
}

} // namespace letterlock::queued::journal
