// Messages between smtpd and queued: taking in a message.
#pragma once

#include "common/ipc/message_types.h"

namespace letterlock::ipc {

//
// Begin, Recipient…, Content… and Commit of one transaction follow each other on the link without
// another's frames between them, so queued assembles one transaction a link at a time.

struct Begin {
  static constexpr std::string_view name = "Begin";
  static constexpr Carries carries = Carries::nothing;
  Id128 transaction;
  bool again{};             // sent before, its answer was lost: look whether it is there
  std::uint64_t received{}; // seconds since 1970
  AddressText reverse_path; // empty: null
  static constexpr auto fields() {
    return std::tuple(&Begin::transaction, &Begin::again, &Begin::received, &Begin::reverse_path);
  }
};

struct Recipient {
  static constexpr std::string_view name = "Recipient";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t account{};
  AddressText address;
  static constexpr auto fields() { return std::tuple(&Recipient::account, &Recipient::address); }
};

inline constexpr std::size_t content_part_max = 16000;

// A part of the content in storage form (LF line ends, dot-stuffing removed).
struct Content {
  static constexpr std::string_view name = "Content";
  static constexpr Carries carries = Carries::nothing;
  Blob<content_part_max> part;
  static constexpr auto fields() { return std::tuple(&Content::part); }
};

struct Commit {
  static constexpr std::string_view name = "Commit";
  static constexpr Carries carries = Carries::nothing;
  Id128 transaction;
  std::uint64_t size{};        // octets of the content in storage form
  std::uint64_t wire_size{};   // with CR LF line ends, without dot-stuffing
  std::uint64_t header_size{}; // octets of its header block
  std::uint32_t crc{};         // CRC-32C of the content
  std::uint32_t scratch{};     // the lease that holds the content; 0: it came as Content
  Blob<2048> trace;            // the Received field, to go before the content
  static constexpr auto fields() {
    return std::tuple(&Commit::transaction, &Commit::size, &Commit::wire_size, &Commit::header_size,
                      &Commit::crc, &Commit::scratch, &Commit::trace);
  }
};

enum class CommitOutcome : std::uint8_t {
  durable,    // 250
  full,       // 452 4.3.1: the file system's reserve is reached
  over_quota, // 452 4.2.2
  failed,     // 451 4.3.0: nothing is kept
  refused,    // 554 5.3.0: the request itself cannot be carried out, ever
  in_doubt,   // the disk failed and what was kept cannot be told: no answer, the connection drops
};
constexpr std::size_t enumerator_count(CommitOutcome) {
  return 6;
}

struct Committed {
  static constexpr std::string_view name = "Committed";
  static constexpr Carries carries = Carries::nothing;
  Id128 transaction;
  CommitOutcome outcome{};
  static constexpr auto fields() {
    return std::tuple(&Committed::transaction, &Committed::outcome);
  }
};

// Asks for a scratch file for content that is too long to be sent as frames, or for more room in
// one that is held (`scratch` not 0).
struct ScratchRequest {
  static constexpr std::string_view name = "ScratchRequest";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  std::uint32_t scratch{};
  std::uint64_t bytes{};    // to book, in all
  std::uint64_t expected{}; // of a new one: there has to be room for as many, booked or not
  static constexpr auto fields() {
    return std::tuple(&ScratchRequest::session, &ScratchRequest::scratch, &ScratchRequest::bytes,
                      &ScratchRequest::expected);
  }
};

struct ScratchLeased {
  static constexpr std::string_view name = "ScratchLeased";
  static constexpr Carries carries = Carries::read_write_file;
  std::uint64_t session{};
  std::uint32_t scratch{};
  std::uint64_t bytes{};
  static constexpr auto fields() {
    return std::tuple(&ScratchLeased::session, &ScratchLeased::scratch, &ScratchLeased::bytes);
  }
};

struct ScratchExtended {
  static constexpr std::string_view name = "ScratchExtended";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  std::uint32_t scratch{};
  std::uint64_t bytes{};
  static constexpr auto fields() {
    return std::tuple(&ScratchExtended::session, &ScratchExtended::scratch,
                      &ScratchExtended::bytes);
  }
};

struct ScratchRefused {
  static constexpr std::string_view name = "ScratchRefused";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t session{};
  CommitOutcome outcome{}; // full, over_quota or failed
  static constexpr auto fields() {
    return std::tuple(&ScratchRefused::session, &ScratchRefused::outcome);
  }
};

// Said once, before anything else: the store is open, and what comes by this link is read. The link
// may be a while older.
struct Serving {
  static constexpr std::string_view name = "Serving";
  static constexpr Carries carries = Carries::nothing;
  static constexpr auto fields() { return std::tuple(); }
};

// What still fits into the maildrop of an account with a quota: said when it is less than the
// largest message, at each change, and when it is no longer so. REFUSED: a commit was too large for
// it, and there has not been more room since.
struct AccountRoom {
  static constexpr std::string_view name = "AccountRoom";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t account{};
  bool limited{};
  bool refused{};        // if limited
  std::uint64_t bytes{}; // if limited
  static constexpr auto fields() {
    return std::tuple(&AccountRoom::account, &AccountRoom::limited, &AccountRoom::refused,
                      &AccountRoom::bytes);
  }
};

// The content of a lease is no longer wanted. (A Commit ends its lease by itself.)
struct ScratchReturned {
  static constexpr std::string_view name = "ScratchReturned";
  static constexpr Carries carries = Carries::nothing;
  std::uint32_t scratch{};
  static constexpr auto fields() { return std::tuple(&ScratchReturned::scratch); }
};

} // namespace letterlock::ipc
