// Measures how long recovery takes: recovery [SEGMENTS [DIRECTORY]].
//
// Fills SEGMENTS (8) of a journal with messages of 2 KiB, below DIRECTORY (.), and starts a store
// on it in four states: nothing is in the maildrop; all of it is, after a power cut and after the
// death of the process alone; all of it is, and nothing is in the page cache. Prints what each
// takes, and beside it what reading the same segments takes that is not in the page cache either.
#include "common/base/crc32c.h"
#include "common/mail/wire_size.h"
#include "queued/journal/journal_writer.h"
#include "queued/store/maildir_store.h"

#include <fcntl.h>
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

void open_store(const ThrowawayDirectory& directory, const Id128& life) {
  MaildirStoreOptions options;
  options.server_name = "mx.example.com";
  options.life = life;
  auto store = open_maildir_store(directory.open(), options);
  if (!store)
    throw std::runtime_error(store.error().text);
  bool resolved = false;
  (*store)->resolve_accounts({"main"}, [&](const auto& ids) { resolved = ids.has_value(); });
  while (!resolved) {
    ::usleep(1000);
    (*store)->drain_completions();
  }
}

// Messages; SEGMENTS of them, as far as the journal lets itself be filled.
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
    if (!(*writer)->commit())
      return messages;
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
    open_store(directory, this_life);
    const std::size_t messages = fill(directory, segments);
    std::filesystem::copy(journal, saved);
    ::sync();
    const double mebibytes =
        static_cast<double>(messages) * static_cast<double>(message_size + 160) / (1u << 20);
    std::printf("%zu messages, %.0f MiB of records\n", messages, mebibytes);
    const auto show = [&](const char* what, double seconds) {
      std::printf("%-44s %7.2f s %8.0f MiB/s\n", what, seconds, mebibytes / seconds);
    };
    const auto recovery = [&](const char* what, const Id128& life, bool cold) {
      for (const auto& entry : std::filesystem::directory_iterator(saved))
        std::filesystem::copy_file(entry.path(), journal / entry.path().filename(),
                                   std::filesystem::copy_options::overwrite_existing);
      ::sync();
      if (cold)
        forget(journal);
      const auto begin = Clock::now();
      open_store(directory, life);
      show(what, seconds_since(begin));
    };
    forget(saved);
    show("reading the segments, cold", read_all(saved));
    recovery("nothing in the maildrop, cold journal", another_life, true);
    recovery("all in the maildrop, after a power cut", another_life, true);
    recovery("all in the maildrop, process died, cold", this_life, true);
    recovery("all in the maildrop, process died", this_life, false);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "recovery: %s\n", error.what());
    return 1;
  }
}
