// Engine: what the answers of the handler lead to.
#include "libpop3/engine.h"

#include <algorithm>
#include <utility>

namespace letterlock::pop3 {

// ---- Logging in

void Session::Engine::authenticated() {
  if (awaited<AwaitingLogin>() != nullptr)
    await(AwaitingMaildrop{}, OpenMaildrop{});
  pass_on();
}

void Session::Engine::login_failed(LoginFault fault) {
  if (awaited<AwaitingLogin>() == nullptr && awaited<AwaitingMaildrop>() == nullptr)
    return;
  switch (fault) {
  case LoginFault::refused:
    refuse_login("[AUTH] the user name or the password is wrong");
    break;
  case LoginFault::delayed:
    refuse_login("[LOGIN-DELAY] logging in again is not possible yet, try later");
    break;
  case LoginFault::in_use:
    refuse_login("[IN-USE] another session has this maildrop open");
    break;
  case LoginFault::temporary:
    refuse_login("[SYS/TEMP] logging in is not possible now, try later");
    break;
  case LoginFault::permanent:
    refuse_login("[SYS/PERM] this maildrop cannot be opened");
    break;
  }
  pass_on();
}

void Session::Engine::maildrop_opened(std::uint32_t messages, std::uint64_t octets) {
  if (awaited<AwaitingMaildrop>() == nullptr)
    return;
  maildrop_ = Maildrop(std::min(messages, max_messages), octets);
  state_ = State::transaction;
  append_maildrop_summary();
  finish_command();
  pass_on();
}

// Every login that is not let in counts, whatever the reason: each costs a password hash.
void Session::Engine::refuse_login(std::string_view text) {
  const bool last = ++failed_logins_ >= max_failed_logins;
  output_.text("-ERR ").text(text).line(last ? "; too many failed logins" : "");
  if (last)
    return close(CloseReason::failed_logins);
  finish_command();
}

// ---- The listing

void Session::Engine::sizes_listed(std::span<const std::uint64_t> sizes) {
  listed(Column::size, sizes_, sizes);
}

void Session::Engine::uidls_listed(std::span<const std::string_view> uidls) {
  listed(Column::uidl, uidls_, uidls);
}

template <class Stretch, class Values>
void Session::Engine::listed(Column column, Stretch& stretch, const Values& values) {
  auto* const listing = awaited<SendingListing>();
  auto* const entry = awaited<AwaitingEntry>();
  if (listing != nullptr && listing->asked && listing->column == column) {
    if (!stretch.assign(listing->next, values))
      return listing_failed(ReadFault::permanent);
    listing->asked = false;
    produce();
  } else if (entry != nullptr && entry->column == column) {
    if (!stretch.assign(entry->index, values))
      return listing_failed(ReadFault::permanent);
    finish_entry(*entry);
  }
  pass_on();
}

void Session::Engine::listing_failed(ReadFault fault) {
  const auto* const listing = awaited<SendingListing>();
  if (listing != nullptr && listing->asked && listing->begun)
    close(CloseReason::content_lost);
  else if ((listing != nullptr && listing->asked) || awaited<AwaitingEntry>() != nullptr)
    fail_read(fault, "the listing");
  pass_on();
}

// ---- Messages

void Session::Engine::message_opened(std::uint64_t size) {
  const auto* const awaiting = awaited<AwaitingMessage>();
  if (awaiting == nullptr)
    return;
  const Extent extent = awaiting->extent;
  message_open_ = true;
  if (utf8_ || settings_.utf8_unasked) {
    append_extent_reply(extent, size);
    activity_ = SendingMessage{MessageEncoder(extent)};
    produce();
  } else {
    await(ScanningHeader{extent, size}, Read{0});
  }
  pass_on();
}

void Session::Engine::append_extent_reply(const Extent& extent, std::uint64_t size) {
  if (extent.body_lines)
    output_.line("+OK top of message follows");
  else
    output_.text("+OK ").number(size).line(" octets");
}

void Session::Engine::message_unavailable(ReadFault fault) {
  if (awaited<AwaitingMessage>() == nullptr)
    return;
  fail_read(fault, "the message");
  pass_on();
}

void Session::Engine::fail_read(ReadFault fault, std::string_view what) {
  switch (fault) {
  case ReadFault::temporary:
    output_.text("-ERR [SYS/TEMP] ").text(what).line(" cannot be read now, try later");
    break;
  case ReadFault::permanent:
    output_.text("-ERR [SYS/PERM] ").text(what).line(" cannot be read");
    break;
  // Permanent, because it is: this session's numbers stay, and there is nothing behind this one any
  // more. A client that is told to try later would ask again and again.
  case ReadFault::gone:
    output_.text("-ERR [SYS/PERM] ").text(what).line(" is no longer there");
    break;
  }
  finish_command();
}

void Session::Engine::content(std::string_view stored, bool last) {
  if (stored.empty() && !last)
    return content_lost();
  if (auto* const scanning = awaited<ScanningHeader>())
    take_header(*scanning, stored, last);
  else if (auto* const sending = awaited<SendingMessage>(); sending != nullptr && sending->asked)
    take_content(*sending, stored, last);
  pass_on();
}

void Session::Engine::take_header(ScanningHeader& scanning, std::string_view stored, bool last) {
  auto verdict = scanning.scan.append(stored);
  if (last)
    verdict = scanning.scan.finish();
  const bool first = scanning.offset == 0;
  scanning.offset += stored.size();
  if (verdict == HeaderScan::Verdict::open && scanning.offset < max_header_scan) {
    request_ = Read{scanning.offset};
    return;
  }
  if (verdict == HeaderScan::Verdict::utf8) {
    output_.line("-ERR [UTF8] the header of this message is in UTF-8, say UTF8 before logging in");
    release_message(false);
    return finish_command();
  }
  const Extent extent = scanning.extent;
  append_extent_reply(extent, scanning.size);
  auto& sending = activity_.emplace<SendingMessage>(MessageEncoder(extent));
  if (first)
    take_content(sending, stored, last);
  else
    produce(); // from the start
}

void Session::Engine::take_content(SendingMessage& sending, std::string_view stored, bool last) {
  sending.asked = false;
  sending.offset += stored.size();
  if (sending.encoder.append(stored, output_) && !last)
    return produce();
  sending.encoder.finish(output_);
  release_message(true);
  finish_command();
}

void Session::Engine::content_lost() {
  if (awaited<ScanningHeader>() != nullptr) {
    release_message(false);
    fail_read(ReadFault::temporary, "the message"); // nothing was promised yet
  } else if (const auto* const sending = awaited<SendingMessage>();
             sending != nullptr && sending->asked) {
    close(CloseReason::content_lost);
  }
  pass_on();
}

// ---- The rest

void Session::Engine::messages_removed(bool all) {
  if (awaited<AwaitingRemoval>() == nullptr)
    return;
  output_.line(all ? "+OK goodbye" : "-ERR [SYS/TEMP] some deleted messages not removed");
  close(CloseReason::quit);
  pass_on();
}

void Session::Engine::tls_started() {
  if (awaited<AwaitingTls>() == nullptr)
    return;
  lines_.reset();
  user_.reset();
  utf8_ = false;
  looked_ahead_ = expected_ = 0;
  settings_.tls_active = true;
  finish_command();
  pass_on();
}

} // namespace letterlock::pop3
