// ContentSpool: the content of one message on its way from the client to queued.
//
// It is held in memory up to inline_content_max, and written to a scratch file of queued's beyond
// that. Nothing here waits: the owner feeds a spool only while it takes more, and the lease, or
// more room in it, is asked for ahead of the need. When the link to queued is lost the lease is
// lost with it, but not the file: a spool leases another one and copies what it has by itself, at
// any time of its life.
#pragma once

#include "common/base/byte_reader.h"
#include "common/io/loop.h"
#include "smtpd/content_memory.h"
#include "smtpd/scratch_desk.h"
#include "smtpd/session_requests.h"

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>

namespace letterlock::smtpd {

class ContentSpool final : private ScratchBorrower {
public:
  static constexpr std::size_t inline_content_max = 64 * 1024;
  // The most octets that the owner may append between two looks at takes_more().
  static constexpr std::size_t feed_max = 64 * 1024;
  // The first lease, at most; it is doubled as content comes. A declared size is compared with the
  // room that there is, but books none: else a client could keep all others out by declaring.
  static constexpr std::uint64_t first_lease = 1u << 20;

  // All three outlive the spool. LIMIT is the most octets that the content can have.
  ContentSpool(io::Loop& loop, ScratchDesk& desk, ContentMemory& memory, std::uint64_t limit);
  ~ContentSpool() override; // what was leased goes back
  ContentSpool(const ContentSpool&) = delete;
  ContentSpool& operator=(const ContentSpool&) = delete;

  // Called from the loop after anything below has changed, never from inside a call. The spool may
  // be destroyed in it.
  void on_change(std::function<void()> callback) { on_change_ = std::move(callback); }

  // To be called first. `later`: not before started().
  StorageStart begin(std::uint64_t declared_size);
  bool started() const { return started_; }
  // Once set it stays; the spool is then of no more use.
  const std::optional<StorageFault>& fault() const { return fault_; }
  bool takes_more() const;
  std::expected<void, StorageFault> append(Bytes content);

  // No more is appended. Of use to a commit only once, and while, it is settled.
  void finish();
  bool settled() const;
  // Once settled: the lease that the content is in, or 0 and then all of it is held().
  std::uint32_t scratch() const { return scratch_; }
  Bytes held() const { return as_bytes(held_); }
  // A commit that names the lease was sent, which ends it.
  void committed() { lease_spent_ = scratch_ != 0; }

private:
  enum class Asked : std::uint8_t { nothing, lease, extension };

  void scratch_leased(UniqueFd file, std::uint32_t scratch, std::uint64_t bytes) override;
  void scratch_extended(std::uint64_t bytes) override;
  void scratch_refused(StorageFault fault) override;
  void link_lost() override;
  void link_found() override;

  std::uint64_t size() const { return (lost_file_ ? lost_size_ : written_) + held_.size(); }
  std::uint64_t bounded(std::uint64_t bytes) const;
  ScratchDesk::Ticket ticket();
  void ask_lease(std::uint64_t bytes);
  std::uint64_t next_step() const;
  void ask_for_room();
  void give_lease_back();
  void copy_some();
  std::expected<void, StorageFault> write_held();
  std::expected<void, StorageFault> write(Bytes content);
  void set_fault(StorageFault fault);
  void tell();

  io::Loop& loop_;
  ScratchDesk& desk_;
  ContentMemory& memory_;
  const std::uint64_t limit_;
  std::function<void()> on_change_;

  std::optional<ScratchDesk::Ticket> ticket_; // none while queued is not needed
  Asked asked_ = Asked::nothing;
  bool started_ = false;
  bool finished_ = false;
  std::optional<StorageFault> fault_;

  std::string held_; // what comes after the content of the file
  UniqueFd file_;
  std::uint32_t scratch_ = 0; // the lease of file_
  bool lease_spent_ = false;
  std::uint64_t expected_ = 0; // what a declared size makes of the lease in the end
  std::uint64_t booked_ = 0;
  std::uint64_t written_ = 0; // octets in file_

  UniqueFd lost_file_; // its lease is lost; being copied to file_, or waiting for that
  std::uint64_t lost_size_ = 0;
  std::optional<io::Timer> copying_;
};

} // namespace letterlock::smtpd
