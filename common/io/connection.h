// Connection: an accepted TCP connection, in clear or inside TLS, tied to the loop.
//
// It pulls: the handler says what is to be sent and whether input is wanted, and the connection
// moves what the socket takes and gives. Unconsumed input is kept, at most one read of it, and
// nothing more is read until it is consumed; an idle connection holds no buffer. When the peer has
// closed its half, what it sent is still answered: the connection ends once the handler has sent
// all output and wants input, and it is for the handler's time limits that it does. The handler
// calls update() after anything has changed for another reason than a call from here.
#pragma once

#include "common/base/byte_reader.h"
#include "common/base/unique_fd.h"
#include "common/io/loop.h"
#include "common/io/tls_server.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace letterlock::io {

// Called from the loop only, never from inside a call to the connection.
class ConnectionHandler {
public:
  virtual ~ConnectionHandler() = default;
  // Returns how many of the bytes were consumed. Fewer than all: the rest comes again, in front of
  // what follows, once wants_input() says so.
  virtual std::size_t input(Bytes bytes) = 0;
  // Whether input may hold a password: then no copy of it stays here once it was handed in.
  virtual bool input_is_secret() const { return false; }
  virtual bool wants_input() const = 0;
  // What is to be sent and was not yet; stays as it is, but for appending, until sent().
  virtual std::string_view output() const = 0;
  virtual void sent(std::size_t count) = 0;
  virtual void tls_established(const TlsStream& stream) = 0;
  // The connection has ended; `why` is empty for an orderly end by either side. The last call: the
  // handler may destroy the connection in it.
  virtual void closed(std::string_view why) = 0;
};

class Connection {
public:
  // Takes over a non-blocking socket. Nothing happens before update().
  Connection(Loop& loop, UniqueFd socket, ConnectionHandler& handler);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Looks again, at the end of this turn, at what the handler has and wants.
  void update() { pump_.schedule(); }
  // Begins the handshake once all output is sent. Input that was not consumed is destroyed: it was
  // not protected (RFC 3207 §6).
  void start_tls(const TlsServer& server);
  // Closes once all output is sent, waiting for the peer at most `linger`: TLS and TCP both lose
  // the last reply when a socket with unread input is closed at once. During a handshake it closes
  // at the end of the turn: nothing that was said before it is on its way any more, and nothing can
  // be said in it.
  void finish(std::chrono::milliseconds linger = std::chrono::seconds(5));
  // Closes now; closed() follows at the end of the turn.
  void abort(std::string_view why);

  int fd() const { return socket_.get(); }
  bool secured() const { return tls_.has_value() && phase_ != Phase::handshaking; }
  // Input that waits to be consumed; what makes STARTTLS injection visible.
  std::size_t unconsumed() const { return left_.size(); }

private:
  enum class Phase : std::uint8_t { open, handshaking, finishing, lingering, closed };
  enum class Moved : std::uint8_t { some, blocked, ended };

  void pump();
  bool takes_input() const;
  void leave_open();
  bool write_output();
  bool read_input();
  bool feed(std::span<std::byte> bytes);
  void note_end();
  void forget_left();
  bool handshake();
  bool close_down();
  void set_interest();
  Moved note(const TlsResult& result);
  void end(std::string_view why);

  ConnectionHandler& handler_;
  UniqueFd socket_;
  std::optional<TlsServer> tls_wanted_;
  std::optional<TlsStream> tls_;
  Phase phase_ = Phase::open;
  bool finish_wanted_ = false;
  bool held_back_ = false; // the last reply, for the end of the connection to leave with it
  std::chrono::milliseconds linger_{0};
  bool readable_ = false;    // the socket, as far as is known
  bool needs_write_ = false; // something waits for the socket to become writable
  bool needs_read_ = false;  // something besides input waits for it to become readable
  bool input_ended_ = false; // the peer has closed its half
  bool more_inside_ = false; // TLS may hold input that the socket does not show
  std::string left_;         // read and not consumed
  std::string why_;
  FdWatch watch_;
  Deferred pump_;
  Timer again_; // the next turn, for what the socket does not show
  Timer patience_;
};

} // namespace letterlock::io
