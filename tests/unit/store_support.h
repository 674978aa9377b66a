// What the store's tests share: a state directory of their own, and a store that is waited for.
#pragma once

#include "common/base/crc32c.h"
#include "common/mail/wire_size.h"
#include "queued/journal/journal_writer.h"
#include "queued/store/maildir_store.h"
#include "tests/unit/recording_file_system.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace letterlock::queued {

using Crash = RecordingFileSystem::Crash;
using Call = RecordingFileSystem::Call;

class TemporaryDirectory {
public:
  TemporaryDirectory() {
    // In memory where there is such a place: these tests are about order, not about disks.
    std::string pattern = std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
    pattern += "/letterlock-store-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  UniqueFd open() const { return UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY)); }

  std::filesystem::path maildir(unsigned account) const {
    return path_ / "maildrops" / std::to_string(account) / "Maildir";
  }
  std::vector<std::string> names(const std::filesystem::path& below) const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_ / below))
      found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }
  void write(const std::filesystem::path& below, std::string_view text) const {
    std::ofstream(path_ / below, std::ios::binary) << text;
  }
  std::string read(const std::filesystem::path& below) const {
    std::ifstream file(path_ / below, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

private:
  std::filesystem::path path_;
};

// The content of `accounts`: LINES and their checksum.
inline std::string sealed(const std::string& lines) {
  char seal[32];
  std::snprintf(seal, sizeof seal, "crc32c %08x\n", crc32c(0, as_bytes(lines)));
  return lines + seal;
}

inline Id128 transaction(std::uint8_t number) {
  Id128 id;
  id.bytes[15] = number;
  return id;
}

// One delivery of TEXT to ACCOUNTS, each with a head that names it.
inline std::string head_for(std::uint32_t account) {
  return "Delivered-To: account-" + std::to_string(account) + "\n";
}
inline Delivery delivery(Id128 id, std::string text, std::vector<std::uint32_t> accounts = {1}) {
  Delivery made;
  made.transaction = id;
  made.received = 1'700'000'000;
  for (const std::uint32_t account : accounts)
    made.copies.push_back({AccountId{account}, head_for(account)});
  made.crc = crc32c(0, as_bytes(text));
  made.stored_size = text.size();
  made.wire_size = mail::wire_size(text);
  made.content = InlineContent{std::move(text)};
  return made;
}

// The checkpoint's thread makes the journal's next slots as soon as it runs. Whoever counts calls,
// or makes one fail, waits for that first. SLOTS is how many the journal may have.
inline void wait_for_spare_slot(const TemporaryDirectory& directory, std::size_t slots = 8) {
  std::vector<std::string> expected{"0", "1"};
  for (std::size_t i = 0; i < journal::slots_to_keep(slots); ++i)
    expected.push_back(std::to_string(expected.size()));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (directory.names("journal") != expected) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("no spare slot was made");
    ::poll(nullptr, 0, 1);
  }
}

// What a start has found is brought to its place while the store is at work, and retired by a
// checkpoint of its own.
inline void wait_until_retired(const TemporaryDirectory& directory) {
  const UniqueFd journal(::open((directory.path() / "journal").c_str(), O_RDONLY | O_DIRECTORY));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (;;) {
    bool work = false;
    const auto read =
        journal::read_journal(journal.get(), [&](const journal::Record& record, auto, const auto&) {
          work = work || journal::accept_in(record).has_value() ||
                 std::holds_alternative<journal::Expunge>(record);
        });
    if (read && !work)
      return;
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("something is never retired");
    ::poll(nullptr, 0, 1);
  }
}

// Until there are COUNT files in WHERE, which a start may bring there while it is at work already.
inline void wait_for_files(const TemporaryDirectory& directory, const std::filesystem::path& where,
                           std::size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (; directory.names(where).size() != count; ::poll(nullptr, 0, 1))
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("it never comes into its place");
}

class StoreUnderTest {
public:
  explicit StoreUnderTest(const TemporaryDirectory& directory,
                          FileSystem& files = posix_file_system(),
                          MaildirStoreOptions options = default_options()) {
    auto opened = open_maildir_store(directory.open(), options, files);
    if (!opened)
      throw std::runtime_error(opened.error().text);
    store_ = std::move(*opened);
  }
  static MaildirStoreOptions default_options() {
    MaildirStoreOptions options;
    options.server_name = "mx.example.com";
    options.now = 1'700'000'000;
    options.lock_wait = std::chrono::milliseconds(0);
    options.limits.segment_bytes = 1u << 20; // so that a start is quick
    options.life = Id128{{1}};
    options.first_retry = std::chrono::milliseconds(1);
    options.full_pace = std::chrono::milliseconds(200);
    return options;
  }

  MessageStore* operator->() { return store_.get(); }
  void close() { store_.reset(); }

  // Drains completions until ANSWER has come.
  template <class T> T wait_for(std::shared_ptr<std::optional<T>> answer) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!*answer) {
      pollfd watched{store_->completion_descriptor(), POLLIN, 0};
      ::poll(&watched, 1, 100);
      store_->drain_completions();
      if (!*answer && std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error("no answer came");
    }
    return std::move(**answer);
  }

  std::shared_ptr<std::optional<CommitResult>> submit(Delivery what) {
    auto answer = std::make_shared<std::optional<CommitResult>>();
    store_->submit(std::move(what), [answer](CommitResult result) { *answer = std::move(result); });
    return answer;
  }
  CommitStatus commit(Delivery what) { return wait_for(submit(std::move(what))).status; }
  // As a client does: what is full now is tried again.
  CommitStatus commit_patiently(const std::function<Delivery()>& make) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      const auto status = commit(make());
      if (status != CommitStatus::full || std::chrono::steady_clock::now() > deadline)
        return status;
      ::poll(nullptr, 0, 10);
    }
  }

  Expected<std::vector<AccountId>> resolve(std::vector<AccountName> names) {
    auto answer = std::make_shared<std::optional<Expected<std::vector<AccountId>>>>();
    store_->resolve_accounts(std::move(names), [answer](auto ids) { *answer = std::move(ids); });
    return wait_for(answer);
  }

  ReadResult<std::shared_ptr<Maildrop>> list(std::uint32_t account = 1) {
    auto lock = store_->lock_maildrop(AccountId{account});
    if (!lock)
      return std::unexpected(ReadError{ReadFault::busy, "locked"});
    auto answer = std::make_shared<std::optional<ReadResult<std::shared_ptr<Maildrop>>>>();
    store_->open_maildrop(std::move(*lock), [answer](auto opened) { *answer = std::move(opened); });
    lock.reset();
    return wait_for(answer);
  }

  Expected<ScratchLease> lease_scratch(Borrower borrower, std::uint64_t bytes,
                                       std::uint64_t expected = 0) {
    auto answer = std::make_shared<std::optional<Expected<ScratchLease>>>();
    store_->lease_scratch(borrower, {bytes, expected},
                          [answer](auto lease) { *answer = std::move(lease); });
    return wait_for(answer);
  }

  // Until everything that was committed for it is in its place, or has failed.
  void settle(std::uint32_t account = 1) { static_cast<void>(list(account)); }

  // The content, or the error's text in brackets.
  std::string read(Maildrop& maildrop, std::size_t index) {
    auto answer = std::make_shared<std::optional<ReadResult<OpenedMessage>>>();
    maildrop.open_message(index, [answer](auto opened) { *answer = std::move(opened); });
    auto opened = wait_for(answer);
    if (!opened)
      return opened.error().fault == ReadFault::gone ? "(gone)" : "(failed)";
    std::string text(opened->stored_size, '\0');
    const ssize_t got = ::read(opened->file.get(), text.data(), text.size());
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }

  ReadResult<Expunged> expunge(Maildrop& maildrop, std::vector<std::size_t> indices,
                               Id128 id = Id128::random()) {
    auto answer = std::make_shared<std::optional<ReadResult<Expunged>>>();
    maildrop.expunge(id, std::move(indices), [answer](auto done) { *answer = std::move(done); });
    return wait_for(answer);
  }

private:
  std::unique_ptr<MessageStore> store_;
};

} // namespace letterlock::queued
