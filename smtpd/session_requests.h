// SessionRequests: everything that an SMTP session asks of the adapter that drives it.
//
// All calls are made from inside a Session::on_...() and in the order in which they are to take
// effect. None may call back into the session: what has an answer is answered after that on_...()
// has returned, or by the return value. Spans and views are good for the call only.
#pragma once

#include "common/base/byte_reader.h"
#include "common/base/id128.h"
#include "common/mail/date.h"
#include "common/mail/path.h"
#include "smtpd/command.h"
#include "smtpd/content.h"
#include "smtpd/recipient_policy.h"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::smtpd {

struct Envelope {
  mail::ReversePath reverse_path;
  // Without duplicates; those of one account stand together, in the order in which they were given.
  // Each account gets one copy, with a Delivered-To for each of its addresses.
  std::vector<Recipient> recipients;
  Body body = Body::seven_bit;
  bool smtputf8 = false;
};

struct Commit {
  Id128 transaction; // the stamp's
  Envelope envelope;
  ContentCounts counts;     // of the content alone, without TRACE
  std::uint32_t crc32c = 0; // of the stored content
  std::string trace;        // the Received field, to stand before the content; lines end in LF
};

// Why a message could not be stored.
enum class StorageFault : std::uint8_t {
  full,       // 452 4.3.1
  over_quota, // 452 4.2.2
  failed,     // 451 4.3.0
  refused,    // 554 5.3.0
};

enum class StorageStart : std::uint8_t {
  ready,
  later, // Session::on_storage_ready or on_storage_refused will be called
};

// What one message needs to know of the world.
struct Stamp {
  Id128 transaction; // random, never used before
  mail::WallTime now;
};

class SessionRequests {
public:
  virtual ~SessionRequests() = default;

  // Bytes for the client; all that one on_...() has to say comes in one call.
  virtual void send(std::string_view replies) = 0;

  // Do the handshake once everything sent is on its way, then call on_tls_established, or
  // on_disconnect if it fails.
  virtual void start_tls() = 0;

  // Whether the client may bring one more message now; asked once for each MAIL that is right.
  virtual bool admit_message() = 0;
  // The client did what only attackers and broken programs do; once at most, and the end of the
  // session.
  virtual void offence() = 0;

  // Content is about to come; DECLARED_SIZE is what the client said, or 0.
  virtual std::expected<StorageStart, StorageFault> begin_content(std::uint64_t declared_size) = 0;
  // More content as it is to be stored, ContentSink::max_piece octets at most. After a fault
  // nothing of the content is wanted any more: no abort_content follows, and the session reads to
  // the end of data by itself.
  virtual std::expected<void, StorageFault> append_content(Bytes content) = 0;
  // Drop what was begun. Also possible between begin_content's "later" and its answer.
  virtual void abort_content() = 0;
  // Asked once before each commit_content.
  virtual Stamp stamp() = 0;
  // Make it durable, then call on_commit. If the result will never be known, give the client no
  // answer: close the connection.
  virtual void commit_content(Commit commit) = 0;

  // Close the connection once everything sent is on its way. Nothing more will be asked.
  virtual void close() = 0;
};

} // namespace letterlock::smtpd
