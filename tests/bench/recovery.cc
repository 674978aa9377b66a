// Measures how long recovery takes: recovery [SEGMENTS [DIRECTORY]].
//
// Fills a journal of SEGMENTS (8) with messages of 2 KiB as far as mail may fill it, below
// DIRECTORY
// (.), and starts a store on it, none of it in the page cache: with nothing in the maildrop and
// with all of it there. Prints what it takes until a message is committed, until a session has all
// messages and has read the last, and until all are in the maildrop; and beside it what reading the
// same segments takes.
#include "common/base/crc32c.h"
#include "common/mail/wire_size.h"
#include "queued/journal/journal_writer.h"
#include "queued/store/maildir_store.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

using namespace letterlock;
using namespace letterlock::queued;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t message_size = 2048;
const Id128 this_life{{1}}, another_life{{2}};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class ThrowawayDirectory {
public:
  explicit ThrowawayDirectory(const std::string& below) : path_(below + "/recovery.XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr)
      throw std::runtime_error("mkdtemp in " + below);
  }
  ThrowawayDirectory(const ThrowawayDirectory&) = delete;
  ThrowawayDirectory& operator=(const ThrowawayDirectory&) = delete;
  ~ThrowawayDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  UniqueFd open(const std::string& name = "") const {
    return UniqueFd(::open((path_ + name).c_str(), O_RDONLY | O_DIRECTORY));
  }

private:
  std::string path_;
};

class Store {
public:
  Store(const ThrowawayDirectory& directory, const Id128& life) {
    MaildirStoreOptions options;
    options.server_name = "mx.example.com";
    options.life = life;
    options.report = [this](const StoreReport& report) {
      settled_ = settled_ || report.event == "recovery.done";
    };
    auto opened = open_maildir_store(directory.open(), options);
    if (!opened)
      throw std::runtime_error(opened.error().text);
    store_ = std::move(*opened);
    bool resolved = false;
    store_->resolve_accounts({"main", "other"},
                             [&](const auto& ids) { resolved = ids.has_value(); });
    wait_until([&] { return resolved; });
  }

  void commit_one() {
    const std::string text = "one more\n";
    Delivery delivery;
    delivery.transaction = Id128::random();
    delivery.received = 1'700'000'000;
    delivery.copies.push_back({AccountId{2}, "X: 1\n"});
    delivery.crc = crc32c(0, as_bytes(text));
    delivery.stored_size = text.size();
    delivery.wire_size = mail::wire_size(text);
    delivery.content = InlineContent{text};
    std::optional<CommitStatus> status;
    store_->submit(std::move(delivery),
                   [&](const CommitResult& result) { status = result.status; });
    wait_until([&] { return status.has_value(); });
    if (status != CommitStatus::committed)
      throw std::runtime_error("the message is not taken");
  }
  void wait_until_settled() {
    wait_until([&] { return settled_; });
  }
  void read_the_last(std::size_t expected) {
    std::shared_ptr<Maildrop> maildrop;
    store_->open_maildrop(*store_->lock_maildrop(AccountId{1}), [&](auto opened) {
      if (opened)
        maildrop = std::move(*opened);
    });
    wait_until([&] { return maildrop != nullptr; });
    if (maildrop->messages().size() != expected)
      throw std::runtime_error("there are " + std::to_string(maildrop->messages().size()) +
                               " messages");
    bool read = false;
    maildrop->open_message(expected - 1, [&](const auto& opened) { read = opened.has_value(); });
    wait_until([&] { return read; });
  }

private:
  template <class Done> void wait_until(Done done) {
    while (!done()) {
      pollfd watched{store_->completion_descriptor(), POLLIN, 0};
      ::poll(&watched, 1, 1000);
      store_->drain_completions();
    }
  }
  std::unique_ptr<MessageStore> store_;
  bool settled_ = false;
};

// How many messages; as far as mail may fill it.
std::size_t fill(const ThrowawayDirectory& directory, std::size_t segments) {
  const UniqueFd journal = directory.open("/journal");
  journal::WriterStart start;
  const auto before = journal::read_journal(journal.get(), [](const auto&, auto, const auto&) {});
  start.generation = before->last_generation + 1;
  start.sequence = before->last_sequence + 1;
  start.retired = start.sequence;
  start.slots = segments;
  start.life = this_life;
  auto writer = journal::JournalWriter::start(posix_file_system(), journal.get(), start,
                                              [] { return std::int64_t{1'700'000'000}; });
  if (!writer)
    throw std::runtime_error("the journal cannot be written");
  const std::string content(message_size - 1, 'x');
  for (std::size_t messages = 0;; messages += 1000) {
    for (int i = 0; i < 1000; ++i) {
      journal::Accept accept;
      accept.transaction = Id128::random();
      accept.message = Id128::random();
      accept.received = 1'700'000'000;
      accept.stored_size = content.size();
      accept.wire_size = mail::wire_size(content);
      accept.crc = crc32c(0, as_bytes(content));
      accept.copies = {{1, 1, "X: 1\n"}};
      accept.content = content;
      (*writer)->add(accept);
    }
    if (!(*writer)->commit(journal::JournalWriter::Room::keep_slots)) {
      // The slots that are kept have been made by then, by the checkpoint's thread.
      static_cast<void>((*writer)->prepare_slot(segments));
      return messages;
    }
  }
}

// What is in it goes out of the page cache; it must be synced.
void forget(const std::filesystem::path& path) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.is_regular_file()) {
      const UniqueFd file(::open(entry.path().c_str(), O_RDONLY));
      ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    }
}

double read_all(const std::filesystem::path& path) {
  std::vector<char> buffer(1u << 20);
  const auto begin = Clock::now();
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const UniqueFd file(::open(entry.path().c_str(), O_RDONLY));
    while (::read(file.get(), buffer.data(), buffer.size()) > 0) {
    }
  }
  return seconds_since(begin);
}

} // namespace

int main(int argc, char** argv) {
  std::size_t segments = 8;
  if (argc > 1)
    std::from_chars(argv[1], argv[1] + std::char_traits<char>::length(argv[1]), segments);
  try {
    ::umask(027);
    const ThrowawayDirectory directory(argc > 2 ? argv[2] : ".");
    const std::string journal = directory.path() + "/journal", saved = directory.path() + "/saved";
    static_cast<void>(Store(directory, this_life));
    const std::size_t messages = fill(directory, segments);
    std::filesystem::copy(journal, saved);
    ::sync();
    const double mebibytes =
        static_cast<double>(messages) * static_cast<double>(message_size + 160) / (1u << 20);
    std::printf("%zu messages, %.0f MiB of records\n", messages, mebibytes);
    const auto show = [&](const char* what, double seconds) {
      std::printf("%-44s %7.2f s %8.0f MiB/s\n", what, seconds, mebibytes / seconds);
    };
    const std::size_t there = messages;
    const auto recovery = [&](const char* state, const Id128& life) {
      for (const auto& entry : std::filesystem::directory_iterator(saved))
        std::filesystem::copy_file(entry.path(), journal / entry.path().filename(),
                                   std::filesystem::copy_options::overwrite_existing);
      ::sync();
      forget(journal);
      std::printf("%s\n", state);
      const auto begin = Clock::now();
      {
        Store store(directory, life);
        store.commit_one();
        show("  until a message is taken", seconds_since(begin));
        store.read_the_last(there);
        show("  until all can be read", seconds_since(begin));
        store.wait_until_settled();
        show("  until all are in the maildrop", seconds_since(begin));
      }
    };
    forget(saved);
    show("reading the segments", read_all(saved));
    recovery("nothing in the maildrop", another_life);
    recovery("all in the maildrop, after a power cut", another_life);
    recovery("all in the maildrop, the process died", this_life);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "recovery: %s\n", error.what());
    return 1;
  }
}
