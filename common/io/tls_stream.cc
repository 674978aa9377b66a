// One TLS connection through libtls.
#include "common/io/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <tls.h>

#include <utility>

namespace letterlock::io {

namespace {

// OpenSSL 3 made an error of what LibreSSL, and so libtls, takes for the end of file.
bool peer_left_without_a_word() {
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
  const auto error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_SSL &&
         ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
#else
  return false;
#endif
}

} // namespace

void TlsStream::Free::operator()(tls* connection) const {
  tls_free(connection);
}

TlsStream::TlsStream(Connection connection) : connection_(std::move(connection)) {}

TlsResult TlsStream::handshake() {
  if (phase_ == Phase::failed)
    return {TlsState::failed};
  if (phase_ != Phase::handshake)
    return {TlsState::done};
  const int returned = tls_handshake(connection_.get());
  if (returned != 0)
    return result_of(returned);
  phase_ = Phase::open;
  return {TlsState::done};
}

TlsResult TlsStream::read(std::span<std::byte> into) {
  if (phase_ == Phase::failed)
    return {TlsState::failed};
  if (phase_ == Phase::ended)
    return {TlsState::end};
  if (into.empty())
    return {TlsState::done};
  const ssize_t returned = tls_read(connection_.get(), into.data(), into.size());
  const bool ended =
      returned == 0 || (returned == -1 && phase_ == Phase::open && peer_left_without_a_word());
  if (!ended)
    return result_of(returned);
  phase_ = Phase::ended;
  return {TlsState::end};
}

TlsResult TlsStream::write(Bytes from) {
  if (phase_ == Phase::failed)
    return {TlsState::failed};
  if (from.empty())
    return {TlsState::done};
  const ssize_t returned = tls_write(connection_.get(), from.data(), from.size());
  if (returned == 0)
    return {TlsState::end};
  return result_of(returned);
}

TlsResult TlsStream::close() {
  if (phase_ == Phase::failed)
    return {TlsState::failed};
  if (phase_ == Phase::handshake)
    return {TlsState::done};
  const int returned = tls_close(connection_.get());
  // After the peer's end it is no matter to us whether our farewell could still be sent.
  if (returned == 0 || (returned == -1 && phase_ == Phase::ended))
    return {TlsState::done};
  return result_of(returned);
}

TlsResult TlsStream::result_of(std::ptrdiff_t returned) {
  if (returned > 0)
    return {TlsState::done, static_cast<std::size_t>(returned)};
  switch (returned) {
  case TLS_WANT_POLLIN:
    return {TlsState::want_read};
  case TLS_WANT_POLLOUT:
    return {TlsState::want_write};
  default:
    return fail();
  }
}

TlsResult TlsStream::fail() {
  const char* text = tls_error(connection_.get());
  reason_ = Reason::cut(text != nullptr ? text : "TLS failed without a reason");
  phase_ = Phase::failed;
  return {TlsState::failed};
}

std::string_view TlsStream::version() const {
  const char* name = connection_ ? tls_conn_version(connection_.get()) : nullptr;
  return name != nullptr ? name : "";
}

std::string_view TlsStream::cipher() const {
  const char* name = connection_ ? tls_conn_cipher(connection_.get()) : nullptr;
  return name != nullptr ? name : "";
}

} // namespace letterlock::io
