// A TLS client for tests: OpenSSL on one end of a socketpair, never blocking.
#pragma once

#include "common/base/unique_fd.h"
#include "common/io/crypto.h"
#include "common/io/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace letterlock::test {

using SslContextPtr = std::unique_ptr<SSL_CTX, io::CryptoFree<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, io::CryptoFree<SSL_free>>;
using SslSessionPtr = std::unique_ptr<SSL_SESSION, io::CryptoFree<SSL_SESSION_free>>;

struct ClientWish {
  int version = TLS1_3_VERSION; // this one only
  const char* host = nullptr;   // for SNI
  const char* signatures = nullptr;
  const char* ciphers = nullptr; // of its version
  SSL_SESSION* resume = nullptr;
};

class TlsTestClient {
public:
  explicit TlsTestClient(const ClientWish& wish) : context_(SSL_CTX_new(TLS_client_method())) {
    int ends[2] = {-1, -1};
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
    own_end_.reset();
    own_end_ = UniqueFd(ends[0]);
    server_end = UniqueFd(ends[1]);
    SSL_CTX_set_security_level(context_.get(), 0); // TLS 1.1 can be tried at no other
    SSL_CTX_set_min_proto_version(context_.get(), wish.version);
    SSL_CTX_set_max_proto_version(context_.get(), wish.version);
    if (wish.signatures != nullptr)
      SSL_CTX_set1_sigalgs_list(context_.get(), wish.signatures);
    if (wish.ciphers != nullptr && wish.version == TLS1_3_VERSION)
      SSL_CTX_set_ciphersuites(context_.get(), wish.ciphers);
    else if (wish.ciphers != nullptr)
      SSL_CTX_set_cipher_list(context_.get(), wish.ciphers);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), own_end_.get());
    SSL_set_connect_state(ssl_.get());
    if (wish.host != nullptr)
      SSL_set_tlsext_host_name(ssl_.get(), wish.host);
    if (wish.resume != nullptr)
      SSL_set_session(ssl_.get(), wish.resume);
  }

  // One step; true when the handshake is done.
  bool step() {
    ERR_clear_error();
    const bool done = SSL_do_handshake(ssl_.get()) == 1;
    ERR_clear_error();
    return done;
  }
  // The subject's common name of the certificate that the server showed.
  std::string server_name() const {
    const io::X509Ptr x509(SSL_get1_peer_certificate(ssl_.get()));
    char name[256] = "";
    if (x509)
      X509_NAME_get_text_by_NID(X509_get_subject_name(x509.get()), NID_commonName, name,
                                sizeof name);
    return name;
  }
  int chain_length() const {
    const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl_.get());
    return chain != nullptr ? sk_X509_num(chain) : 0;
  }
  bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  SslSessionPtr session() const { return SslSessionPtr(SSL_get1_session(ssl_.get())); }

  bool send(std::string_view text) {
    return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) ==
           static_cast<int>(text.size());
  }
  // Goes out with what is sent next; the server is to change its keys as well.
  void ask_for_a_key_update() { SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED); }
  // What has arrived, up to 16 KiB; empty if nothing has, or the server has finished.
  std::string receive() {
    std::string text(16384, '\0');
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), text.data(), static_cast<int>(text.size()));
    ERR_clear_error();
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  bool saw_close_notify() const {
    return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  void send_close_notify() { SSL_shutdown(ssl_.get()); }
  void hang_up() { own_end_.reset(); } // nothing is said

  UniqueFd server_end;

private:
  SslContextPtr context_;
  UniqueFd own_end_;
  SslPtr ssl_;
};

// Turns both sides until the server is done or has failed. The client may be left without a last
// step; what it still has to read comes with its next receive().
inline io::TlsResult shake_hands(io::TlsStream& server, TlsTestClient& client) {
  for (int turn = 0; turn < 20; ++turn) {
    client.step();
    const auto result = server.handshake();
    if (result.state != io::TlsState::want_read && result.state != io::TlsState::want_write) {
      client.step();
      return result;
    }
  }
  return {io::TlsState::want_read};
}

} // namespace letterlock::test
