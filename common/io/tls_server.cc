// Server contexts of libtls that hold certificates only.
#include "common/io/tls_server.h"

#include "common/io/certificate.h"
#include "common/io/crypto.h"
#include "common/io/tls_key_hook.h"

#include <openssl/ssl.h>
#include <tls.h>

#include <cstdint>
#include <utility>

// LibreTLS and LibreSSL export it for the base system's own daemons and leave it out of tls.h. The
// "private key" is then made from the certificate: a key with its public part alone.
extern "C" void tls_config_use_fake_private_key(struct tls_config*);

namespace letterlock::io {

namespace {

struct ConfigFree {
  void operator()(tls_config* config) const { tls_config_free(config); }
};
using ConfigPtr = std::unique_ptr<tls_config, ConfigFree>;

// What is taken of what a client offers, the first before the others: keys of 128 bits, which is
// what the groups and certificates of nearly every handshake are good for. Its SHA-256 takes less
// time than the SHA-384 that comes with longer keys.
constexpr char ciphers_1_2[] = "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr char ciphers_1_3[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

std::string reason_in(const char* text) {
  return text != nullptr ? text : "no memory";
}

Expected<ConfigPtr> make_config() {
  ConfigPtr config(tls_config_new());
  if (!config)
    return fail("no memory for TLS");
  tls_config_use_fake_private_key(config.get());
  if (tls_config_set_protocols(config.get(), TLS_PROTOCOL_TLSv1_2 | TLS_PROTOCOL_TLSv1_3) != 0 ||
      tls_config_set_ciphers(config.get(), ciphers_1_2) != 0)
    return fail("TLS settings: " + reason_in(tls_config_error(config.get())));
  return config;
}

bool add_chain(tls_config* config, const CertificateChain& chain, bool is_default) {
  const auto* pem = reinterpret_cast<const std::uint8_t*>(chain.pem.data());
  return 0 == (is_default ? tls_config_set_keypair_mem(config, pem, chain.pem.size(), nullptr, 0)
                          : tls_config_add_keypair_mem(config, pem, chain.pem.size(), nullptr, 0));
}

// libtls has no settings for what these two set, but the order of TLS 1.2; OpenSSL calls them for
// each context and each connection that is made.
//
// Without the mode an idle connection keeps buffers for a record in each direction, 34 KiB. Without
// reading ahead each record takes two reads, the first of five octets.
void set_up_context(void* context, void*, CRYPTO_EX_DATA*, int, long, void*) {
  SSL_CTX_set_mode(static_cast<SSL_CTX*>(context), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(static_cast<SSL_CTX*>(context), 1);
  SSL_CTX_set_ciphersuites(static_cast<SSL_CTX*>(context), ciphers_1_3);
}

// OpenSSL ends each handshake of TLS 1.3 with two tickets (RFC 8446 §4.6.1), made and written one
// by one, though libtls keeps no session that they could name. SSL_CTX_new() sets their number
// after the call above.
void set_up_connection(void* connection, void*, CRYPTO_EX_DATA*, int, long, void*) {
  SSL_set_num_tickets(static_cast<SSL*>(connection), 0);
}

bool install_openssl_hooks() {
  static const bool installed =
      SSL_CTX_get_ex_new_index(0, nullptr, set_up_context, nullptr, nullptr) >= 0 &&
      SSL_get_ex_new_index(0, nullptr, set_up_connection, nullptr, nullptr) >= 0;
  return installed;
}

} // namespace

Expected<void> tls_library_init() {
  if (const auto ready = crypto_library_init(); !ready)
    return ready;
  if (tls_init() != 0)
    return fail_crypto("libtls does not start");
  if (!install_private_key_hook() || !install_openssl_hooks())
    return fail("no memory for TLS");
  return {};
}

Expected<TlsServer> TlsServer::make(std::span<const CertificateChain> chains) {
  if (chains.empty())
    return fail("TLS needs a certificate");
  if (!install_private_key_hook() || !install_openssl_hooks())
    return fail("no memory for TLS");
  auto config = make_config();
  if (!config)
    return std::unexpected(config.error());

  for (std::size_t i = 0; i < chains.size(); ++i) {
    // libtls would say the same later and in fewer words.
    const std::string which = "certificate " + std::to_string(i + 1) + ": ";
    if (const auto readable = Certificate::parse(chains[i].pem); !readable)
      return fail(which + readable.error().text);
    if (!add_chain(config->get(), chains[i], i == 0))
      return fail(which + reason_in(tls_config_error(config->get())));
  }

  const std::shared_ptr<tls> context(tls_server(), tls_free);
  if (!context)
    return fail("no memory for TLS");
  if (tls_configure(context.get(), config->get()) != 0)
    return fail("certificates: " + reason_in(tls_error(context.get())));
  return TlsServer(context);
}

TlsStream TlsServer::accept(int fd) const {
  tls* connection = nullptr;
  if (tls_accept_socket(context_.get(), &connection, fd) != 0)
    return TlsStream(TlsStream::Reason::cut(reason_in(tls_error(context_.get()))));
  return TlsStream(TlsStream::Connection(connection, TlsStream::Free{context_}));
}

} // namespace letterlock::io
