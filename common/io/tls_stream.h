// TlsStream: the server's side of one TLS connection, on a socket that never blocks.
//
// Passive: it does what it can and says what it waits for; the caller's loop waits. The rules of
// libtls that the caller must keep:
// - Every call may answer want_read or want_write, whatever it does. Wait for that, then make the
//   same call again; a write again with the same bytes (they may have moved), and with no other
//   write between.
// - Bytes may be inside that the socket no longer shows. After the socket became readable, read()
//   until want_read, or until a turn's share is used up and then again at the next turn without
//   waiting for the socket.
// - close() may have to wait too. Give it a timer.
// The descriptor is the caller's: it must not block, must outlive this object and is never closed
// here. SIGPIPE must be ignored in the process (main's business), TCP_NODELAY set where it matters.
#pragma once

#include "common/base/byte_reader.h"
#include "common/base/text.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

struct tls; // libtls

namespace letterlock::io {

enum class TlsState : std::uint8_t {
  done,       // with `bytes` moved
  want_read,  // nothing happened: again when the socket is readable
  want_write, // nothing happened: again when it is writable
  end,        // the peer has finished, with or without a close_notify
  failed,     // the connection is useless; reason() says why. Every later call answers the same
};

struct TlsResult {
  TlsState state;
  std::size_t bytes = 0;
};

class TlsStream {
public:
  using Reason = Text<160>;

  // To be called first, until it is done (with 0 bytes) or has failed.
  TlsResult handshake();
  // Up to the length of INTO; fewer is usual.
  TlsResult read(std::span<std::byte> into);
  // May take only the first of them: `bytes` says how many.
  TlsResult write(Bytes from);
  // Sends close_notify; done (with 0 bytes) when it is sent, or when nothing has to be.
  TlsResult close();

  // For a log. May hold text that the peer influenced.
  const Reason& reason() const { return reason_; }
  // "TLSv1.3" and "TLS_AES_256_GCM_SHA384" (at least that is how OpenSSL writes them); empty before
  // the handshake is done.
  std::string_view version() const;
  std::string_view cipher() const;

private:
  friend class TlsServer;

  // libtls looks at the server's object when it chooses a certificate during the handshake, so each
  // connection keeps the generation alive that it was accepted by, and is freed before it.
  struct Free {
    std::shared_ptr<tls> server;
    void operator()(tls* connection) const;
  };
  using Connection = std::unique_ptr<tls, Free>;
  enum class Phase : std::uint8_t { handshake, open, ended, failed };

  explicit TlsStream(Connection connection);
  explicit TlsStream(const Reason& why_not) : reason_(why_not), phase_(Phase::failed) {}

  // Makes a result of what one of libtls's calls returned.
  TlsResult result_of(std::ptrdiff_t returned);
  TlsResult fail();

  Connection connection_; // none if accepting failed
  Reason reason_;
  Phase phase_ = Phase::handshake;
};

} // namespace letterlock::io
