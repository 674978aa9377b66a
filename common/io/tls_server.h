// TlsServer: one generation of certificates to serve TLS with; it holds no private key.
//
// Together with tls_stream the only place that names libtls. TLS 1.2 (RFC 5246) and 1.3 (RFC 8446),
// ciphers with forward secrecy and authentication only, no resumption: a session ticket would be
// one more secret to guard, and LibreTLS can't resume anyway. Signatures come from the operator in
// tls_key_hook.h.
#pragma once

#include "common/base/error.h"
#include "common/io/tls_stream.h"

#include <memory>
#include <span>
#include <string>

namespace letterlock::io {

// The server's own certificate first, then those that lead towards its issuer.
struct CertificateChain {
  std::string pem;
};

// Must be called before the sandbox and before TlsServer::make(): what libtls and libcrypto do
// once, they do here; see crypto_library_init(). From then on neither making a TlsServer nor
// serving opens a file. The kernel is asked for memory (brk, mmap, munmap, futex), for read and
// write on the sockets, and by the generator of random numbers for getrandom and getpid.
Expected<void> tls_library_init();

// Cheap to copy: copies and the streams share one generation, which goes with the last of them. A
// reload makes a new TlsServer and lets go of the old; open streams keep theirs.
class TlsServer {
public:
  // The first chain is the default. A client that names a host (RFC 6066 §3) gets the first whose
  // certificate is for that name, wildcards included, or else the default. Fails with the reason
  // and the number of the chain, counted from 1, that can't be used; at least one is needed.
  static Expected<TlsServer> make(std::span<const CertificateChain> chains);

  // For a fresh connection on a socket that doesn't block; see TlsStream. If memory is short the
  // stream answers `failed` to everything.
  TlsStream accept(int fd) const;

private:
  explicit TlsServer(std::shared_ptr<tls> context) : context_(std::move(context)) {}

  std::shared_ptr<tls> context_;
};

} // namespace letterlock::io
