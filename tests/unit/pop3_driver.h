// Drives a POP3 session as a server does, over a maildrop in memory; for tests and fuzz targets.
#pragma once

#include "pop3d/session.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace letterlock::pop3d {

struct FakeMessage {
  std::string stored;
  std::string uidl;
  std::uint64_t wire_size;
};

// What the store holds, and how it answers.
struct FakeStore {
  std::vector<FakeMessage> messages;
  LoginResult login = LoginResult::accepted;
  StoreResult listing = StoreResult::done;
  StoreResult open = StoreResult::done;
  StoreResult expunge = StoreResult::done;
  std::optional<std::size_t> content_lost_at; // octets of a message that can still be read
};

// What the store was asked for.
struct Asked {
  std::string user, password;
  int logins = 0;
  std::optional<std::vector<std::uint32_t>> expunged;
  std::optional<CloseReason> closed;
};

class Driver {
public:
  // Pieces are the most that one read of the peer's octets, one write to it and one read of the
  // store have.
  struct Pieces {
    std::size_t input = 4096, output = 4096, content = content_chunk;
  };

  Driver(const Settings& settings, FakeStore store, Pieces pieces)
      : session(settings), store_(std::move(store)), pieces_(pieces) {}
  Driver(const Settings& settings, FakeStore store)
      : Driver(settings, std::move(store), Pieces()) {}

  // Hands all in and returns what came out of it. A TLS handshake succeeds when all was handed in:
  // what is sent in one go with STLS is in clear.
  std::string send(std::string_view input) {
    while (!input.empty()) {
      pending_.append(input.substr(0, pieces_.input));
      input.remove_prefix(std::min(input.size(), pieces_.input));
      run();
    }
    run();
    if (std::exchange(handshake_, false) && !asked.closed) {
      session.on_tls_started();
      run();
    }
    return std::exchange(received_, {});
  }

  // Takes requests and sends output until nothing moves.
  void run() {
    for (bool moved = true; moved;) {
      moved = false;
      while (auto request = session.take_request()) {
        std::visit([this](const auto& r) { perform(r); }, *request);
        moved = true;
      }
      const std::size_t consumed = session.on_input(pending_);
      pending_.erase(0, consumed);
      most_output = std::max(most_output, session.output().size());
      const std::string piece(session.output().substr(0, pieces_.output));
      received_ += piece;
      session.on_sent(piece.size());
      moved = moved || consumed > 0 || !piece.empty();
    }
  }

  Session session;
  Asked asked;
  std::size_t most_output = 0;

private:
  void perform(const Login& login) {
    ++asked.logins;
    asked.user = login.user.view();
    asked.password = login.password.reveal();
    session.on_login(store_.login);
    if (store_.login != LoginResult::accepted)
      return;
    for (const FakeMessage& message : store_.messages) {
      const auto entry = MaildropEntry::from(message.wire_size, message.uidl);
      session.on_listing({&*entry, 1});
    }
    session.on_listing_complete(store_.listing);
  }
  void perform(const OpenMessage& open) {
    content_ = store_.messages.at(open.index).stored;
    at_ = 0;
    session.on_message_opened(store_.open);
  }
  void perform(const ReadContent& read) {
    const std::size_t readable = store_.content_lost_at.value_or(content_.size());
    const std::string_view rest = std::string_view(content_).substr(at_, readable - at_);
    const std::string_view chunk = rest.substr(0, std::min(read.most, pieces_.content));
    at_ += chunk.size();
    if (!chunk.empty())
      session.on_content(chunk);
    else
      session.on_content_end(store_.content_lost_at ? StoreResult::temporary : StoreResult::done);
  }
  void perform(const Expunge& expunge) {
    asked.expunged = expunge.indices;
    session.on_expunged(store_.expunge);
  }
  void perform(const StartTls&) { handshake_ = true; }
  void perform(const Close& close) { asked.closed = close.reason; }

  FakeStore store_;
  Pieces pieces_;
  std::string pending_;  // input that was not consumed
  std::string received_; // by the peer, since the last send()
  std::string content_;
  std::size_t at_ = 0;
  bool handshake_ = false;
};

} // namespace letterlock::pop3d
