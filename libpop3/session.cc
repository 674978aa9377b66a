// Session: hands everything to its engine.
#include "libpop3/session.h"

#include "libpop3/engine.h"

namespace letterlock::pop3 {

Session::Session(const Settings& settings, Handler& handler)
    : engine_(std::make_unique<Engine>(settings, handler)) {}
Session::~Session() = default;

std::size_t Session::input(std::string_view bytes) {
  return engine_->input(bytes);
}
bool Session::wants_input() const {
  return engine_->wants_input();
}
std::string_view Session::output() const {
  return engine_->output();
}
void Session::sent(std::size_t count) {
  engine_->sent(count);
}
std::uint64_t Session::lines_received() const {
  return engine_->lines_received();
}
void Session::timed_out() {
  engine_->break_off(CloseReason::timeout);
}
void Session::displaced() {
  engine_->break_off(CloseReason::displaced);
}
void Session::shut_down() {
  engine_->shut_down();
}

void Session::authenticated() {
  engine_->authenticated();
}
void Session::login_failed(LoginFault fault) {
  engine_->login_failed(fault);
}
void Session::maildrop_opened(std::uint32_t messages, std::uint64_t octets) {
  engine_->maildrop_opened(messages, octets);
}
void Session::sizes_listed(std::span<const std::uint64_t> sizes) {
  engine_->sizes_listed(sizes);
}
void Session::uidls_listed(std::span<const std::string_view> uidls) {
  engine_->uidls_listed(uidls);
}
void Session::listing_failed(ReadFault fault) {
  engine_->listing_failed(fault);
}
void Session::message_opened(std::uint64_t size) {
  engine_->message_opened(size);
}
void Session::message_unavailable(ReadFault fault) {
  engine_->message_unavailable(fault);
}
void Session::content(std::string_view stored, bool last) {
  engine_->content(stored, last);
}
void Session::content_lost() {
  engine_->content_lost();
}
void Session::messages_removed(bool all) {
  engine_->messages_removed(all);
}
void Session::tls_started() {
  engine_->tls_started();
}

} // namespace letterlock::pop3
