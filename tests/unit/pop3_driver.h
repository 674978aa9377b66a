// Drives a POP3 session as a server does, over a maildrop in memory; for tests and fuzz targets.
#pragma once

#include "libpop3/session.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace letterlock::pop3 {

struct FakeMessage {
  std::string stored;
  std::string uidl;
  std::uint64_t size; // on the wire
};

// What the store holds, and how it answers.
struct FakeStore {
  std::vector<FakeMessage> messages;
  std::optional<LoginFault> login;
  std::optional<LoginFault> maildrop;
  std::optional<ReadFault> open;
  std::optional<ReadFault> listing; // from message listing_ends on
  std::uint32_t listing_ends = 0;
  bool removed = true;
  std::optional<std::size_t> content_lost_at; // octets of a message that can still be read
};

// What the store was asked for.
struct Asked {
  std::string user, password;
  int logins = 0;
  int lists = 0;
  int opened = 0, closed_messages = 0, complete = 0;
  std::vector<std::uint32_t> expected;
  std::optional<std::vector<std::uint32_t>> removed;
  std::optional<CloseReason> closed;
};

class Driver : private Handler {
public:
  // Pieces are the most that one read of the peer's octets, one write to it, one read of the store
  // and one answer to a list() have. Answers come in the call, or later.
  struct Pieces {
    std::size_t input = 4096, output = 4096, content = content_chunk, entries = 1'000'000;
    bool later = false;
  };

  Driver(const Settings& settings, FakeStore store, Pieces pieces)
      : session(settings, *this), store_(std::move(store)), pieces_(pieces) {}
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
      session.tls_started();
      run();
    }
    return std::exchange(received_, {});
  }

  // Gives answers and sends output until nothing moves.
  void run() {
    for (bool moved = true; moved;) {
      moved = false;
      if (!answers_.empty()) {
        const auto answer = std::move(answers_.front());
        answers_.pop_front();
        answer();
        moved = true;
      }
      const std::size_t consumed = session.input(pending_);
      pending_.erase(0, consumed);
      most_output = std::max(most_output, session.output().size());
      const std::string piece(session.output().substr(0, pieces_.output));
      received_ += piece;
      session.sent(piece.size());
      moved = moved || consumed > 0 || !piece.empty();
    }
  }

  Session session;
  Asked asked;
  std::size_t most_output = 0;

private:
  void answer(std::function<void()> with) {
    if (pieces_.later)
      answers_.push_back(std::move(with));
    else
      with();
  }

  void authenticate(std::string_view user, std::string_view password) override {
    ++asked.logins;
    asked.user = user;
    asked.password = password;
    answer([this] {
      if (store_.login)
        session.login_failed(*store_.login);
      else
        session.authenticated();
    });
  }
  void open_maildrop() override {
    answer([this] {
      if (store_.maildrop)
        return session.login_failed(*store_.maildrop);
      std::uint64_t octets = 0;
      for (const FakeMessage& message : store_.messages)
        octets += message.size;
      session.maildrop_opened(static_cast<std::uint32_t>(store_.messages.size()), octets);
    });
  }
  void list(Column column, std::uint32_t first, std::uint32_t most) override {
    ++asked.lists;
    answer([this, column, first, most] {
      if (store_.listing && first >= store_.listing_ends)
        return session.listing_failed(*store_.listing);
      std::size_t count = std::min<std::size_t>(most, pieces_.entries);
      if (store_.listing)
        count = std::min<std::size_t>(count, store_.listing_ends - first);
      std::vector<std::uint64_t> sizes;
      std::vector<std::string_view> uidls;
      for (std::size_t i = first; i < first + count; ++i) {
        sizes.push_back(store_.messages.at(i).size);
        uidls.push_back(store_.messages.at(i).uidl);
      }
      if (column == Column::size)
        session.sizes_listed(sizes);
      else
        session.uidls_listed(uidls);
    });
  }
  void expect_message(std::uint32_t index, const Extent&) override {
    asked.expected.push_back(index);
  }
  void open_message(std::uint32_t index, const Extent&) override {
    answer([this, index] {
      if (store_.open)
        return session.message_unavailable(*store_.open);
      ++asked.opened;
      content_ = store_.messages.at(index).stored;
      session.message_opened(store_.messages.at(index).size);
    });
  }
  void read_message(std::uint64_t offset, std::size_t most) override {
    answer([this, offset, most] {
      const std::size_t readable = store_.content_lost_at.value_or(content_.size());
      if (offset >= readable && store_.content_lost_at)
        return session.content_lost();
      const std::string chunk =
          content_.substr(offset, std::min({most, pieces_.content, readable - offset}));
      session.content(chunk, offset + chunk.size() == content_.size());
    });
  }
  void close_message(bool complete) override {
    ++asked.closed_messages;
    asked.complete += complete ? 1 : 0;
  }
  void remove_messages(std::span<const std::uint32_t> indices) override {
    asked.removed.emplace(indices.begin(), indices.end());
    answer([this] { session.messages_removed(store_.removed); });
  }
  void start_tls() override { handshake_ = true; }
  void close(CloseReason reason) override { asked.closed = reason; }

  FakeStore store_;
  Pieces pieces_;
  std::deque<std::function<void()>> answers_;
  std::string pending_;  // input that was not consumed
  std::string received_; // by the peer, since the last send()
  std::string content_;
  bool handshake_ = false;
};

} // namespace letterlock::pop3
