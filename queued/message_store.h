// MessageStore: where messages are kept. The one interface between queued's adapters and whatever
// engine keeps them; docs/spool.md says what is promised.
//
// One thread (the loop's) calls everything here. What needs the disk is done on threads of the
// store and answered by a completion, which is called exactly once, on the caller's thread, from
// inside drain_completions() and never from inside the call that asked. Completions that were not
// drained when the store goes are dropped.
#pragma once

#include "common/base/error.h"
#include "common/base/id128.h"
#include "common/base/text.h"
#include "common/base/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace letterlock::queued {

using AccountName = Text<64>;

// Names a maildrop for ever; 0 is none.
enum class AccountId : std::uint32_t {};
inline std::uint32_t number_of(AccountId account) {
  return static_cast<std::uint32_t>(account);
}

// One link whose far end holds scratch files. The number is the adapter's; a link that is made
// anew gets a new one.
enum class Borrower : std::uint64_t {};
enum class ScratchId : std::uint64_t {};

// Octets. Only BOOKED are booked: what a stranger says that it will send must not keep others out.
// There has to be room for EXPECTED at the time, so that what cannot fit is not begun.
struct ScratchRoom {
  std::uint64_t booked = 0;
  std::uint64_t expected = 0;
};

struct ScratchLease {
  ScratchId id{};
  UniqueFd file; // read-write, empty, at its beginning; without a name
};

// --- Committing

struct InlineContent {
  std::string bytes;
};
// Content that BORROWER wrote at the beginning of a file it holds.
struct ScratchContent {
  Borrower borrower{};
  ScratchId id{};
};

// Content at the beginning of a file that its sender hands over: for a repeat to a queued that was
// started after the file was lent. A regular file, open for reading.
struct FileContent {
  UniqueFd file;
};

struct Copy {
  AccountId account{};
  std::string head; // put before the content: Return-Path and so on; empty, or ends in LF
};

inline constexpr std::size_t longest_relay_address = 320; // RFC 5321 §4.5.3.1: 64 + 1 + 255
inline constexpr std::size_t longest_notify = 28;         // "SUCCESS,FAILURE,DELAY" and to spare
inline constexpr std::size_t longest_original_recipient = 500; // RFC 3461 §4.2
inline constexpr std::size_t longest_envelope_id = 100;        // RFC 3461 §4.4

// How a recipient for another host is to be served (RFC 3461 §4). None of it holds control
// characters.
struct RelayRecipient {
  std::string address;
  std::string notify;   // NOTIFY as it came; "" for none
  std::string original; // ORCPT as it came; "" for none
};

// What a message that goes to other hosts needs besides its content.
struct RelayEnvelope {
  std::string reverse_path;               // "" is the null reverse-path
  std::string envelope_id;                // ENVID; "" for none
  std::string ret;                        // RET: "", "FULL" or "HDRS"
  std::int64_t not_before = 0;            // of the first attempt, in seconds since 1970; 0: at once
  std::vector<RelayRecipient> recipients; // one at least; outcomes name them by their place
};

struct Delivery {
  Id128 transaction;
  bool again = false;        // a repeat of a request whose answer may have been lost
  std::int64_t received = 0; // seconds since 1970, not negative
  std::vector<Copy> copies;  // no account twice; at least one, unless there is RELAY
  std::shared_ptr<const RelayEnvelope> relay{}; // into the queue as well; none: no
  std::variant<InlineContent, ScratchContent, FileContent> content;
  std::uint32_t crc = 0;         // CRC-32C of the content
  std::uint64_t stored_size = 0; // of the content, in octets, without heads; lines end in LF
  std::uint64_t wire_size = 0;   // of the content as POP3 sends it, without dot-stuffing
  std::uint64_t header_size = 0; // of the content's header block
};

enum class CommitStatus : std::uint8_t {
  committed,  // durable, once in each maildrop: the only one that may become 250
  full,       // no room; nothing was kept (452 4.3.1)
  over_quota, // an account would go over its quota; nothing was kept, for nobody (452 4.2.2)
  busy,       // the backlog is full; nothing was kept or looked for: a new one is 451 or asked
              // again, a repeat must be asked again
  refused,    // the request contradicts itself or its content; nothing was kept
  failed,     // the disk failed; nothing was kept (451)
  in_doubt,   // the disk failed and what was kept can't be told: answer nobody, drop the connection
};

struct CommitResult {
  Id128 transaction;
  CommitStatus status = CommitStatus::failed;
  std::string text; // for the log; empty if committed
  // Of a delivery that was committed: names it in the queue. Zero for a repeat that was known.
  Id128 message{};
};

// --- The queue: mail for other hosts

enum class QueuedState : std::uint8_t {
  waiting,  // no attempt has ended
  deferred, // to be tried again
  done,     // for good
  failed,   // for good
};

inline constexpr std::size_t longest_status = 512; // octets; what is longer is cut

// One recipient's state now, or what it is to be.
struct QueuedRecipient {
  QueuedState state{};
  std::int64_t next_attempt = 0; // seconds since 1970, not negative; of use if deferred
  std::string status;            // the remote's last words; the store makes it printable ASCII
};

// A message that is not finished: some recipient is waiting or deferred.
struct QueuedMessage {
  Id128 message;
  std::int64_t received = 0;
  std::uint64_t stored_size = 0, wire_size = 0, header_size = 0; // as in its Delivery
  std::shared_ptr<const RelayEnvelope> envelope;
  std::vector<QueuedRecipient> recipients; // in the envelope's order
};

// What an attempt came to.
struct QueueOutcome {
  struct Part {
    std::uint16_t recipient = 0; // its place in the envelope
    QueuedRecipient now;         // not waiting
  };
  Id128 message;
  std::vector<Part> recipients; // one at least, none twice, none that is done or failed
  // The message that it causes: both become durable together, or neither.
  std::optional<Delivery> dsn{};
};

// --- Reading

enum class ReadFault : std::uint8_t { busy, gone, failed };
struct ReadError {
  ReadFault fault = ReadFault::failed;
  std::string text; // for the log; may name files, so never for a client
};
template <class T> using ReadResult = std::expected<T, ReadError>;

struct StoredMessage {
  std::string uidl;
  std::uint64_t wire_size = 0; // octets that POP3 sends, without dot-stuffing
  std::int64_t received = 0;   // seconds since 1970; 0 if the name does not tell
};

// In the order of their numbers, from 0. Sizes cost next to nothing; a StoredMessage has to be
// made, which is too much for all messages of a large maildrop at once.
class MessageList {
public:
  virtual ~MessageList() = default;
  virtual std::size_t size() const = 0;
  virtual std::uint64_t octets() const = 0; // the sum of all wire sizes
  // NUMBER is below size().
  virtual std::uint64_t wire_size(std::size_t number) const = 0;
  virtual StoredMessage operator[](std::size_t number) const = 0; // makes its UIDL
};

struct OpenedMessage {
  UniqueFd file; // read-only, a regular file, at its beginning
  std::uint64_t stored_size = 0;
};

struct Expunged {
  std::size_t removed = 0; // with those that were gone before
};

// The right to one account's maildrop. The session that holds it owns it; it ends with the object
// (or with the Maildrop opened with it, and then with the last operation under way).
class MaildropLock {
public:
  class Held; // the engine's
  explicit MaildropLock(std::shared_ptr<const Held> held) : held_(std::move(held)) {}
  const std::shared_ptr<const Held>& held() const { return held_; }

private:
  std::shared_ptr<const Held> held_;
};

// What a maildrop held when it was opened. Numbers, UIDLs and sizes do not change while it lives,
// whatever other programs do to the files. It must not outlive the store.
class Maildrop {
public:
  virtual ~Maildrop() = default;

  virtual const MessageList& messages() const = 0;
  // For the log: files that were left alone, each told once while the store lives.
  virtual const std::vector<std::string>& notes() const = 0;

  // INDEX is below messages().size(). Gone: another program removed it.
  virtual void open_message(std::size_t index,
                            std::function<void(ReadResult<OpenedMessage>)> done) = 0;
  // All of INDICES are removed, and that is durable, before DONE. TRANSACTION names the request for
  // MessageStore::knows(). An error: none is (busy, failed).
  virtual void expunge(const Id128& transaction, std::vector<std::size_t> indices,
                       std::function<void(ReadResult<Expunged>)> done) = 0;
};

// --- Accounts

// What the configuration says of an account, beside its name.
struct AccountRules {
  AccountId account{};
  std::uint64_t quota_bytes = 0; // stored sizes of all that its maildrop holds; 0: none
  std::uint64_t retention = 0;   // seconds after which messages are removed; 0: never
};

// What still fits into a maildrop.
struct AccountRoom {
  AccountId account{};
  std::optional<std::uint64_t> bytes; // none: the account has no quota
  bool refused = false; // a message that was too large for it, with no more room since
};

// --- What the administrator is to know

struct StoreReport {
  enum class Level : std::uint8_t { info, warning, error };
  Level level = Level::info;
  std::string event; // "journal.cut": a name for logs
  std::string text;  // one line
};

// --- The store

struct StoreLimits {
  std::size_t backlog_deliveries = 1024;            // waiting for a commit
  std::uint64_t backlog_bytes = 256 * 1024 * 1024;  // their content and heads
  std::uint64_t message_bytes = 1024 * 1024 * 1024; // content of one
  std::size_t head_bytes = 64 * 1024;               // one copy's
  std::size_t copies = 1000;                        // of one message
  std::size_t leases = 4096;                        // scratch files out at once
  std::size_t read_jobs = 4096;                     // waiting for a reading thread
  std::size_t maildrop_messages = 1'000'000;        // more are not shown
  std::size_t accounts = 100'000;
  std::size_t record_bytes = 256 * 1024; // content and heads over this go to a file of their own
  std::size_t segment_bytes = 32u << 20; // of the journal
  std::size_t segments = 8;
  std::size_t stuck_copies = 10'000;      // of a maildrop that cannot be written; then failed
  std::size_t relay_recipients = 10'000;  // of one message
  std::size_t queue_messages = 100'000;   // then full; DSNs may be as many again
  std::size_t queue_recipients = 250'000; // of all of them; the same
};

// Of a record that can be made as long as one likes, of removals say.
inline std::size_t most_record_bytes(const StoreLimits& limits) {
  return limits.segment_bytes / 32 < 1u << 20 ? limits.segment_bytes / 32 : 1u << 20;
}

class MessageStore {
public:
  virtual ~MessageStore() = default; // commits what it has accepted

  // Readable while completions wait; for the loop to watch, not to read.
  virtual int completion_descriptor() const = 0;
  virtual void drain_completions() = 0;

  // The ids of NAMES, in their order; a new name gets an id and a maildrop, durably. An error: none
  // of them may be used.
  virtual void resolve_accounts(std::vector<AccountName> names,
                                std::function<void(Expected<std::vector<AccountId>>)> done) = 0;

  // Takes the place of all rules that were set before; who is not named has none.
  virtual void set_account_rules(std::vector<AccountRules> rules) = 0;

  // An id that is being committed: a repeat joins it, anything else is refused.
  virtual void submit(Delivery delivery, std::function<void(CommitResult)> done) = 0;
  // Whether that transaction, a delivery or an expunge, became durable: as far back as the last
  // thousands, also of the queued before.
  virtual bool knows(const Id128& transaction) const = 0;

  // The messages in the queue now, in the order of their arrival, and one of them. A delivery is in
  // it before its DONE is called, and a finished message is not in it any more.
  virtual std::vector<QueuedMessage> queue() const = 0;
  virtual std::optional<QueuedMessage> find_queued(const Id128& message) const = 0;
  // Read-only; the content alone, without any head. Gone: it is not in the queue.
  virtual void open_queued(const Id128& message,
                           std::function<void(ReadResult<OpenedMessage>)> done) = 0;
  // DONE gets the DSN's transaction and message id, or zeros without one. Refused: the message is
  // not in the queue, or the outcome contradicts what is known or being recorded of a recipient.
  // Busy, full, failed, in doubt: as with submit(), and the queue is as it was. A repeat is told by
  // its DSN; without one it is refused.
  virtual void record_outcome(QueueOutcome outcome, std::function<void(CommitResult)> done) = 0;

  // A file for content that is to come. None: no room (less the reserve), or too many leases; the
  // error is for the log. Who asked and is gone gives it back.
  virtual void lease_scratch(Borrower borrower, ScratchRoom room,
                             std::function<void(Expected<ScratchLease>)> done) = 0;
  // Books MORE bytes for it; false if there is no room or no such lease.
  virtual bool grow_scratch(Borrower borrower, ScratchId id, std::uint64_t more) = 0;
  // The borrower is done with it, and the booking ends. The file may be lent again, to the same
  // borrower only: it still holds a descriptor.
  virtual void return_scratch(Borrower borrower, ScratchId id) = 0;
  // The link is gone: everything that it held is.
  virtual void forget_borrower(Borrower borrower) = 0;

  // None while another session has it. The id is one that resolve_accounts gave.
  virtual std::optional<MaildropLock> lock_maildrop(AccountId account) = 0;
  virtual void open_maildrop(MaildropLock lock,
                             std::function<void(ReadResult<std::shared_ptr<Maildrop>>)> done) = 0;
};

} // namespace letterlock::queued
