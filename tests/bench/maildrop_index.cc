// Measures what opening a large maildrop costs: maildrop_index [MESSAGES [DIRECTORY]].
//
// Makes a Maildir of MESSAGES (100000) below DIRECTORY (.), nine of ten in cur/, and prints how
// long it takes to read the names alone and to make the index (CPU time, the best of several, with
// the names in the kernel's cache), and what memory the index takes.
#include "queued/maildir/list_maildrop.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <random>
#include <stdexcept>

using namespace letterlock;
using namespace letterlock::queued;

namespace {

constexpr int rounds = 15;

class ThrowawayMaildir {
public:
  ThrowawayMaildir(const std::string& below, std::size_t messages) {
    path_ = below + "/maildrop.XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr)
      throw std::runtime_error("mkdtemp in " + below);
    for (const char* name : {"tmp", "new", "cur"})
      std::filesystem::create_directory(path_ + '/' + name);
    std::mt19937 random(1);
    Id128 id = Id128::random();
    std::int64_t time = 1'700'000'000;
    for (std::size_t i = 0; i < messages; ++i) {
      for (std::size_t byte = 0; byte < 5; ++byte)
        id.bytes[15 - byte] = static_cast<std::uint8_t>(i >> 8 * byte);
      time += random() % 3 == 0;
      const std::uint64_t size = 1000 + random() % 9000;
      const bool is_new = i % 10 == 0;
      const std::string name =
          format_maildir_name(time, id, MaildirHost("mx.example.com"), size, size + size / 50);
      const std::string place = path_ + (is_new ? "/new/" + name : "/cur/" + name + ":2,S");
      if (!UniqueFd(::open(place.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0640)))
        throw std::runtime_error("making " + place);
    }
  }
  ThrowawayMaildir(const ThrowawayMaildir&) = delete;
  ThrowawayMaildir& operator=(const ThrowawayMaildir&) = delete;
  ~ThrowawayMaildir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  MaildirDirectories open() const {
    const UniqueFd maildir(::open(path_.c_str(), O_RDONLY | O_DIRECTORY));
    MaildirDirectories directories;
    directories.tmp = *open_directory(maildir.get(), "tmp");
    directories.fresh = *open_directory(maildir.get(), "new");
    directories.cur = *open_directory(maildir.get(), "cur");
    return directories;
  }

private:
  std::string path_;
};

double cpu_milliseconds() {
  timespec used = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

// Of the quickest of several.
template <class Do> double best_of(Do&& what) {
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const double begin = cpu_milliseconds();
    what();
    best = std::min(best, cpu_milliseconds() - begin);
  }
  return best;
}

std::size_t heap_in_use() {
  const auto heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

int measure(std::size_t messages, const std::string& below) {
  const ThrowawayMaildir maildir(below, messages);
  const MaildirDirectories directories = maildir.open();

  std::size_t names = 0;
  const double listing = best_of([&] {
    names = 0;
    for (const int directory : {directories.fresh.get(), directories.cur.get()})
      if (!visit_directory(directory, [&](const std::string&, FileKind) { return ++names > 0; }))
        throw std::runtime_error("reading a directory");
  });
  const auto list = [&] {
    auto index = list_maildrop(directories, {messages + 1, nullptr, [](auto, auto) {}});
    if (!index || (*index)->size() != messages || names != messages)
      throw std::runtime_error("not all messages were found");
    return *index;
  };
  const double indexing = best_of(list);
  const std::size_t before = heap_in_use();
  const auto index = list();
  const std::size_t memory = heap_in_use() - before;

  std::printf("%zu messages\n", messages);
  std::printf("reading the names  %8.1f ms\n", listing);
  std::printf("making the index   %8.1f ms  (%.2f times)\n", indexing, indexing / listing);
  std::printf("octets a message   %8.1f\n",
              static_cast<double>(memory) / static_cast<double>(messages));
  return 0;
}

} // namespace

int main(int count, char** arguments) {
  std::size_t messages = 100'000;
  const std::string_view number = count > 1 ? arguments[1] : "100000";
  const auto read = std::from_chars(number.data(), number.data() + number.size(), messages);
  if (count > 3 || read.ec != std::errc() || *read.ptr != '\0' || messages == 0) {
    std::fprintf(stderr, "usage: maildrop_index [messages [directory]]\n");
    return 64;
  }
  try {
    return measure(messages, count > 2 ? arguments[2] : ".");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "maildrop_index: %s\n", error.what());
    return 1;
  }
}
