// Session: the receiving side of one SMTP connection, without any I/O.
//
// docs/smtp.md has the table of states that this implements. The adapter feeds bytes and events
// into on_...(); the session asks for things through SessionRequests. It holds no input except for
// one unfinished command line, and no output.
//
// Sources: RFC 5321, RFC 2920 (PIPELINING), RFC 1870 (SIZE), RFC 3030 (CHUNKING), RFC 6152
// (8BITMIME), RFC 2034 (ENHANCEDSTATUSCODES), RFC 3207 (STARTTLS), RFC 6531 (SMTPUTF8), RFC 9422
// (LIMITS).
#pragma once

#include "common/mail/address_literal.h"
#include "common/mail/trace.h"
#include "smtpd/command.h"
#include "smtpd/command_parser.h"
#include "smtpd/command_reader.h"
#include "smtpd/content_reader.h"
#include "smtpd/recipient_policy.h"
#include "smtpd/replies.h"
#include "smtpd/session_requests.h"
#include "smtpd/session_settings.h"

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace letterlock::smtpd {

struct Peer {
  mail::AddressLiteral address;
  bool trusted = false;   // its errors are answered without delay
  bool tls_first = false; // the connection begins with a handshake (RFC 8314 §3)
};

class Session : private ContentSink {
public:
  // What the session is waiting for; the adapter chooses its timer by it (RFC 5321 §4.5.3.2).
  enum class Phase { connecting, command, content, storage, commit, tls, tarpit, closed };

  // REQUESTS must outlive the session.
  Session(std::shared_ptr<const SessionSettings> settings,
          std::shared_ptr<const RecipientPolicy> recipients, const Peer& peer,
          SessionRequests& requests);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Phase phase() const { return phase_; }
  // What the client calls itself, for logs; empty before it has said so.
  std::string_view hello_name() const { return hello_ ? hello_->name.text() : ""; }
  // Whether on_input would take anything, or end the session for it. If not, leave input in the
  // kernel.
  bool wants_input() const {
    return phase_ == Phase::command || phase_ == Phase::content || phase_ == Phase::connecting;
  }

  // Says the greeting, unless the session is over. Input before it ends the session (RFC 5321 §3.1:
  // the client waits for it).
  void on_connect();

  // Returns how much was taken. It stops early only to wait for an answer (then call again with the
  // rest after the answer) or because the session has ended. Always pass all the bytes at hand:
  // what follows STARTTLS in the same call, or is passed in before on_tls_established, ends the
  // session.
  std::size_t on_input(Bytes input);

  // The handshake is done. Everything that the client said before is forgotten (RFC 3207 §4.2). If
  // the connection began with it, on_connect() is next.
  void on_tls_established(const mail::TlsInfo& tls);

  // The answers to begin_content's "later". The refusal may also come at any time while content is
  // read; the storage has then dropped it already.
  void on_storage_ready();
  void on_storage_refused(StorageFault fault);
  // The answer to commit_content. Success means that the message is durable.
  void on_commit(std::expected<void, StorageFault> result);

  // A client that makes many errors waits for the answer to each further one: what was said in
  // phase `tarpit` is sent now.
  void on_tarpit_over();

  // The client was silent for too long. Does nothing while a commit is pending.
  void on_timeout();
  // Both say 421 as soon as no message is in the air: at once between commands, else after the
  // answer to the message.
  void on_shutdown();
  void on_access_withdrawn();
  // The time for that is over: says 421 at once, and drops what is on its way in. Does nothing
  // while a commit is pending, because its outcome is not known.
  void on_shutdown_overdue();
  // The connection is gone. A pending commit stays with the storage.
  void on_disconnect();

  // A new configuration, used from the next command on: DATA, or the first BDAT, is refused if mail
  // for a recipient that was accepted would not go where it was to go then.
  void on_reload(std::shared_ptr<const SessionSettings> settings,
                 std::shared_ptr<const RecipientPolicy> recipients);

private:
  struct Hello {
    mail::HelloName name;
    bool extended;
  };
  struct Transaction {
    Envelope envelope;
    std::uint64_t declared_size = 0;
    std::unordered_set<std::string> recipient_keys; // to know duplicates
    std::uint32_t full_recipients = 0;              // answered 452 4.2.2
    bool outdated = false; // a recipient's mail goes elsewhere since a new configuration
  };
  struct Chunk {
    std::uint64_t left; // octets that are still to come
    bool last;
    const Reply* refusal; // null, or it is thrown away and answered so
  };

  // session.cc
  void read_command(std::string_view& input);
  void refuse_line(CommandReader::Fault fault);
  void say(const Reply& reply);
  void say_with_hostname(const Reply& reply);
  void close();
  void close_with(const Reply& reply);
  void close_for_offence(const Reply& reply);
  void dismiss(const Reply& farewell);
  void close_if_dismissed();
  void drop_content();
  void end_transaction();
  void next_command(); // a message is done with, well or not
  void flush();

  // session_commands.cc
  void execute(const Helo& helo);
  void execute(const Ehlo& ehlo);
  void execute(const Mail& mail);
  void execute(const Rcpt& rcpt);
  void execute(const Data& data);
  void execute(const Bdat& bdat); // session_chunks.cc
  void execute(const Rset& rset);
  void execute(const Noop& noop);
  void execute(const Quit& quit);
  void execute(const Vrfy& vrfy);
  void execute(const Expn& expn);
  void execute(const Help& help);
  void execute(const StartTls& start_tls);
  void refuse_command(const Reply& reply);
  void refuse_attempt(const Reply& reply);
  void refuse_recipient(RecipientRefusal refusal);
  void say_error(const Reply& reply);
  bool offers_starttls() const { return settings_->offer_starttls && !tls_; }
  bool count_idle_command(); // false: that was one too many, and the session is over

  // session_content.cc
  void read_content(std::string_view& input);
  void append(Bytes content) override;
  void start_content();
  void refuse_content(StorageFault fault); // instead of 354
  void finish_content();
  Commit compose_commit();

  // session_chunks.cc
  const Reply* judge(const Bdat& bdat) const;
  void begin_chunks(std::uint64_t first);
  void go_on_with_chunk();
  void read_chunk(std::string_view& input);
  void end_chunk();

  std::shared_ptr<const SessionSettings> settings_;
  std::shared_ptr<const RecipientPolicy> recipients_;
  Peer peer_;
  SessionRequests& requests_;

  Phase phase_;
  std::optional<mail::TlsInfo> tls_; // that the client is inside of
  bool input_left_ = false;          // behind the command that is being executed
  const Reply* farewell_ = nullptr;  // to be said as soon as no message is in the air
  bool start_tls_due_ = false;       // once the replies are sent
  bool close_due_ = false;           // likewise
  std::string replies_;

  CommandReader command_reader_;
  std::optional<Hello> hello_;
  std::optional<Transaction> transaction_;
  std::uint32_t transactions_ = 0;
  std::uint32_t bad_commands_ = 0;
  std::uint32_t idle_commands_ = 0;
  bool rset_is_due_ = false; // MAIL was accepted since the last one
  std::uint32_t refused_attempts_ = 0;

  // Of the message whose content is being read or committed; between its chunks, too.
  std::optional<ContentReader> reader_;
  std::optional<Chunk> chunk_; // while one is being read
  bool storing_ = false;       // the storage holds content of it
  std::optional<StorageFault> storage_fault_;
  std::uint32_t crc32c_ = 0;
  Id128 accepted_as_; // the pending commit's transaction
};

} // namespace letterlock::smtpd
