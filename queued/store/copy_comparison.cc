// Comparing files with records.
#include "queued/store/copy_comparison.h"

#include "queued/disk/directory.h"
#include "queued/disk/worker_pool.h"
#include "queued/store/restorer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_threads = 8;
constexpr std::size_t least_for_a_thread = 500; // copies; fewer are sooner done than it is started

void compare_some(const ComparisonPlaces& places, std::span<const Comparison> some) {
  journal::RecordReader records(places.journal);
  std::string record, folder;
  UniqueFd directory; // FOLDER
  std::vector<std::byte> buffer(64 * 1024);
  for (const Comparison& one : some) {
    const auto bytes = read_copy(records, places.large, *one.copy, record);
    if (!bytes)
      continue;
    if (!directory || folder != one.file->folder) {
      auto opened = open_folder(places.maildir, one.file->folder);
      if (!opened)
        continue;
      directory = std::move(*opened);
      folder = one.file->folder;
    }
    one.file->whole = holds(directory.get(), one.file->name, bytes->head, bytes->content, buffer);
  }
}

} // namespace

SystemResult<UniqueFd> open_folder(int maildir, const std::string& folder) {
  const std::size_t slash = folder.find('/');
  auto directory = open_directory(maildir, folder.substr(0, slash));
  if (directory && slash != std::string::npos)
    directory = open_directory(directory->get(), folder.substr(slash + 1));
  return directory;
}

bool holds(int directory, const std::string& name, Bytes first, Bytes second,
           std::vector<std::byte>& buffer) {
  const auto opened = open_to_read(directory, name);
  if (!opened)
    return false;
  const UniqueFd& file = *opened;
  struct stat about = {};
  if (::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode) ||
      static_cast<std::uint64_t>(about.st_size) != first.size() + second.size())
    return false;
  for (Bytes expected : {first, second})
    while (!expected.empty()) {
      const ssize_t got =
          ::read(file.get(), buffer.data(), std::min(buffer.size(), expected.size()));
      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0 ||
          std::memcmp(buffer.data(), expected.data(), static_cast<std::size_t>(got)) != 0)
        return false;
      expected = expected.subspan(static_cast<std::size_t>(got));
    }
  return true;
}

void compare_copies(const ComparisonPlaces& places, std::span<const Comparison> all) {
  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  const std::size_t count =
      std::clamp<std::size_t>(all.size() / least_for_a_thread, 1, std::min(cores, most_threads));
  std::vector<std::thread> threads;
  for (std::size_t part = 1; part < count; ++part) {
    const std::size_t begin = all.size() * part / count;
    const std::size_t end = all.size() * (part + 1) / count;
    threads.push_back(start_thread(
        [places, some = all.subspan(begin, end - begin)] { compare_some(places, some); }));
  }
  compare_some(places, all.first(all.size() / count));
  for (std::thread& thread : threads)
    thread.join();
}

} // namespace letterlock::queued
