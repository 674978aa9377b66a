// Content between memory, scratch file and the next scratch file.
#include "smtpd/content_spool.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace letterlock::smtpd {

namespace {

// Held content is written to the file in pieces of at least this.
constexpr std::size_t write_size = 64 * 1024;
// What a file system keeps in memory as one: writing a part of it takes as long as writing all.
constexpr std::size_t page_size = 4096;
// A lease is extended when less than this is left of it, so that the answer is there before the
// room is used up.
constexpr std::uint64_t extend_below = 2 * ContentSpool::feed_max;
// Copied in a turn of the loop: about what a turn reads from a few clients.
constexpr int copies_a_turn = 4;

std::array<std::byte, 64 * 1024> copy_buffer; // shared: it is used within a call only

StorageFault fault_of_errno() {
  return errno == ENOSPC || errno == EDQUOT ? StorageFault::full : StorageFault::failed;
}

} // namespace

ContentSpool::ContentSpool(io::Loop& loop, ScratchDesk& desk, ContentMemory& memory,
                           std::uint64_t limit)
    : loop_(loop), desk_(desk), memory_(memory), limit_(limit), held_(memory.take()) {}

ContentSpool::~ContentSpool() {
  give_lease_back();
  if (ticket_)
    desk_.close(*ticket_);
  memory_.count_less(held_.size());
  memory_.give_back(std::move(held_));
}

StorageStart ContentSpool::begin(std::uint64_t declared_size) {
  if (declared_size > inline_content_max)
    expected_ = bounded(declared_size + extend_below);
  if (expected_ != 0)
    ask_lease(std::min(first_lease, expected_));
  else if (memory_.scarce())
    ask_lease(first_lease);
  else if (!desk_.link_up())
    desk_.wait_for_link(ticket());
  else
    started_ = true;
  return started_ ? StorageStart::ready : StorageStart::later;
}

bool ContentSpool::takes_more() const {
  if (fault_ || lost_file_ || !started_)
    return false;
  if (scratch_ != 0)
    return booked_ == limit_ || size() + feed_max <= booked_;
  return held_.size() <= inline_content_max && !(memory_.scarce() && asked_ == Asked::lease);
}

std::expected<void, StorageFault> ContentSpool::append(Bytes content) {
  if (fault_)
    return std::unexpected(*fault_);
  held_ += as_text(content);
  memory_.count_more(content.size());
  if (scratch_ != 0 && !lost_file_ && (held_.size() >= write_size || memory_.scarce()))
    if (auto written = write_held(); !written)
      return written;
  ask_for_room();
  return {};
}

void ContentSpool::finish() {
  finished_ = true;
  const bool fits = written_ == 0 && !lost_file_ && held_.size() <= inline_content_max;
  if (fits) {
    give_lease_back();
    if (ticket_)
      desk_.close(*std::exchange(ticket_, std::nullopt));
    asked_ = Asked::nothing;
  } else if (scratch_ != 0 && !lost_file_) {
    if (const auto written = write_held(); !written)
      fault_ = written.error();
  }
}

bool ContentSpool::settled() const {
  if (!finished_ || fault_ || lost_file_)
    return false;
  return scratch_ != 0 ? held_.empty() : held_.size() <= inline_content_max && written_ == 0;
}

std::uint64_t ContentSpool::bounded(std::uint64_t bytes) const {
  return std::min(bytes, limit_); // queued leases no more than the largest message
}

ScratchDesk::Ticket ContentSpool::ticket() {
  if (!ticket_)
    ticket_ = desk_.open(*this);
  return *ticket_;
}

void ContentSpool::ask_lease(std::uint64_t bytes) {
  asked_ = Asked::lease;
  desk_.ask_lease(ticket(), bounded(bytes), expected_);
}

std::uint64_t ContentSpool::next_step() const {
  const auto doubled = bounded(booked_ * 2);
  return booked_ < expected_ ? std::min(doubled, expected_) : doubled;
}

void ContentSpool::ask_for_room() {
  if (asked_ != Asked::nothing || lost_file_)
    return;
  if (scratch_ == 0) {
    if (held_.size() > inline_content_max || memory_.scarce())
      ask_lease(std::max(first_lease, size() + extend_below));
  } else if (booked_ < limit_ && size() + extend_below > booked_) {
    asked_ = Asked::extension;
    desk_.ask_extension(ticket(), scratch_, next_step());
  }
}

void ContentSpool::give_lease_back() {
  if (scratch_ != 0 && !lease_spent_)
    desk_.give_back(scratch_);
  scratch_ = 0;
  file_.reset();
}

void ContentSpool::scratch_leased(UniqueFd file, std::uint32_t scratch, std::uint64_t bytes) {
  asked_ = Asked::nothing;
  started_ = true;
  file_ = std::move(file);
  scratch_ = scratch;
  lease_spent_ = false;
  booked_ = bytes;
  written_ = 0;
  if (lost_file_)
    return copy_some();
  if (const auto written = write_held(); !written)
    return set_fault(written.error());
  tell();
}

void ContentSpool::scratch_extended(std::uint64_t bytes) {
  asked_ = Asked::nothing;
  booked_ = bytes;
  tell();
}

void ContentSpool::scratch_refused(StorageFault fault) {
  asked_ = Asked::nothing;
  if (!settled()) // then there is no need for more
    set_fault(fault);
}

// What was copied already is worth nothing any more; the file before it is still whole.
void ContentSpool::link_lost() {
  if (asked_ == Asked::extension)
    asked_ = Asked::nothing;
  if (scratch_ == 0)
    return;
  if (!lost_file_) {
    lost_file_ = std::move(file_);
    lost_size_ = written_;
  }
  file_.reset();
  scratch_ = 0;
  written_ = 0;
  if (copying_)
    copying_->stop();
  ask_lease(std::max(booked_, size() + extend_below));
}

void ContentSpool::link_found() {
  if (asked_ != Asked::nothing)
    return;
  started_ = true;
  tell();
}

void ContentSpool::copy_some() {
  for (int i = 0; i < copies_a_turn && written_ < lost_size_; ++i) {
    const auto wanted = std::min<std::uint64_t>(copy_buffer.size(), lost_size_ - written_);
    const ssize_t count =
        ::pread(lost_file_.get(), copy_buffer.data(), wanted, static_cast<off_t>(written_));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return set_fault(StorageFault::failed);
    if (const auto written = write(Bytes(copy_buffer).first(static_cast<std::size_t>(count)));
        !written)
      return set_fault(written.error());
  }
  if (written_ < lost_size_) {
    if (!copying_)
      copying_.emplace(loop_, [this] { copy_some(); });
    return copying_->start(std::chrono::milliseconds(0)); // the next turn
  }
  lost_file_.reset();
  if (const auto written = write_held(); !written)
    return set_fault(written.error());
  ask_for_room();
  tell();
}

// Whole pages, or all that is held if no more comes or memory is scarce.
std::expected<void, StorageFault> ContentSpool::write_held() {
  const auto over = finished_ || memory_.scarce() ? 0 : (written_ + held_.size()) % page_size;
  if (held_.size() <= over)
    return {};
  const auto octets = held_.size() - static_cast<std::size_t>(over);
  if (auto written = write(as_bytes(held_).first(octets)); !written)
    return written;
  memory_.count_less(octets);
  held_.erase(0, octets);
  return {};
}

// Appends to the file.
std::expected<void, StorageFault> ContentSpool::write(Bytes content) {
  while (!content.empty()) {
    const ssize_t count =
        ::pwrite(file_.get(), content.data(), content.size(), static_cast<off_t>(written_));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return std::unexpected(count < 0 ? fault_of_errno() : StorageFault::failed);
    written_ += static_cast<std::uint64_t>(count);
    content = content.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

void ContentSpool::set_fault(StorageFault fault) {
  fault_ = fault;
  tell();
}

void ContentSpool::tell() {
  const auto callback = on_change_; // which may destroy this
  if (callback)
    callback();
}

} // namespace letterlock::smtpd
