// BDAT: content in chunks of announced length (RFC 3030).
//
// Whatever is wrong with a chunk, all that was announced is read before it is answered, so that no
// part of it is ever taken for a command. A chunk that fails ends its transaction: what a
// pipelining client has sent after it finds none, and is read and refused in the same way.
#include "smtpd/session.h"

#include <algorithm>
#include <utility>

namespace letterlock::smtpd {

void Session::execute(const Bdat& bdat) {
  if (bdat.size == 0 && !bdat.last && !count_idle_command())
    return;
  chunk_ = Chunk{.left = bdat.size, .last = bdat.last, .refusal = judge(bdat)};
  phase_ = Phase::content;
  if (chunk_->refusal)
    drop_content();
  else if (!reader_)
    begin_chunks(bdat.size);
  if (phase_ == Phase::content)
    go_on_with_chunk();
}

// Null: it is taken.
const Reply* Session::judge(const Bdat& bdat) const {
  if (!hello_)
    return &replies::need_hello;
  if (!transaction_)
    return &replies::need_mail;
  if (transaction_->envelope.recipients.empty())
    return &replies::no_recipients;
  if (!reader_ && transaction_->outdated)
    return &replies::recipients_changed;
  const auto before = reader_ ? reader_->counts().wire_size : 0;
  const auto limit = settings_->content.size;
  if (bdat.size > limit - std::min(limit, before))
    return &replies::message_too_big;
  return nullptr;
}

void Session::begin_chunks(std::uint64_t first) {
  const auto start = requests_.begin_content(std::max(transaction_->declared_size, first));
  reader_.emplace(settings_->content, Framing::chunks);
  crc32c_ = 0;
  storing_ = start.has_value();
  if (!start)
    storage_fault_ = start.error();
  else if (*start == StorageStart::later)
    phase_ = Phase::storage;
}

void Session::go_on_with_chunk() {
  phase_ = Phase::content;
  if (chunk_->left == 0)
    end_chunk();
}

void Session::read_chunk(std::string_view& input) {
  auto piece = input.substr(0, std::min<std::uint64_t>(chunk_->left, input.size()));
  input.remove_prefix(piece.size());
  chunk_->left -= piece.size();
  if (!chunk_->refusal) {
    reader_->read(piece, *this);
    if (reader_->fault())
      drop_content();
  }
  if (chunk_->left == 0)
    end_chunk();
}

void Session::end_chunk() {
  const Chunk chunk = *std::exchange(chunk_, std::nullopt);
  if (chunk.refusal) {
    end_transaction();
    refuse_attempt(*chunk.refusal);
    return close_if_dismissed();
  }
  if (chunk.last) {
    reader_->end_chunks(*this);
    if (reader_->fault())
      drop_content();
  }
  if (chunk.last || reader_->fault() || storage_fault_)
    return finish_content();
  phase_ = Phase::command;
  say(replies::chunk_ok);
}

} // namespace letterlock::smtpd
