// A journal of a few segments whose files are anything: reading it ends, finds the same twice,
// visits each record once and in order, and can read it again where it said that it is.
//
// The input is played by a small writer: a line of octets for each segment that says which records
// are written, and what is done to the file after that.
#include "queued/journal/journal_reader.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

using namespace letterlock;
using namespace letterlock::queued;
using namespace letterlock::queued::journal;
using fuzz::require;

namespace {

constexpr std::size_t slots = 3;
constexpr std::uint64_t first_generation = 0x1122334455;

// A directory of this process, made once, that goes with it.
class Directory {
public:
  Directory() {
    char name[] = "/dev/shm/journal_reader_fuzz.XXXXXX";
    char elsewhere[] = "/tmp/journal_reader_fuzz.XXXXXX";
    const char* made = ::mkdtemp(name);
    path_ = made != nullptr ? made : ::mkdtemp(elsewhere);
    fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    require(static_cast<bool>(fd_));
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  int fd() const { return fd_.get(); }

  void write(std::size_t slot, std::string_view bytes) const {
    const UniqueFd file(::openat(fd(), std::to_string(slot).c_str(),
                                 O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    require(file && ::pwrite(file.get(), bytes.data(), bytes.size(), 0) ==
                        static_cast<ssize_t>(bytes.size()));
    // The rest is zeros, and a hole.
    const std::size_t size = std::max<std::size_t>(bytes.size(), smallest_segment);
    require(::ftruncate(file.get(), static_cast<off_t>(size)) == 0);
  }
  void remove(std::size_t slot) const {
    static_cast<void>(::unlinkat(fd(), std::to_string(slot).c_str(), 0));
  }

private:
  std::string path_;
  UniqueFd fd_;
};

// The records of one segment, as the input wants them.
std::string segment(fuzz::Input& input, std::uint64_t generation, Sequence& next) {
  SegmentHeader header;
  header.generation = generation;
  header.first = next;
  header.retired = std::min<Sequence>(next, 1 + input.octet() % 8u);
  header.vacated = input.octet() == 'v';
  std::string bytes(as_text(encode_header(header)));
  Sequence batch = next;
  for (std::size_t count = input.under(16); count > 0; --count) {
    const std::uint8_t what = input.octet();
    const std::uint8_t more = input.octet();
    if (what / 8 % 2 == 1)
      batch = next;
    Record record = Retire{more % 16u, 5};
    if (what % 8 == 1)
      record = Void{1 + more % 16u, 1 + more % 16u + more / 16u};
    else if (what % 8 == 2)
      record = Materialised{{}, more % 16u};
    else if (what % 8 == 3)
      record = Seen{{Id128{}, Id128{}}};
    else if (what % 8 >= 4)
      record = Positions{{{more, 1 + next}}};
    next += what % 64 == 60 ? 2 : 0; // one is missing
    encode_record(record, generation, what % 64 == 61 ? next - 1 : next, batch, bytes);
    ++next;
  }
  return bytes;
}

struct Read {
  std::vector<Sequence> visited;
  Contents contents;
  std::string records;
};

Read read_all(int directory) {
  Read result;
  const auto contents =
      read_journal(directory, [&](const Record& record, Sequence sequence, const Place& place) {
        require(result.visited.empty() || result.visited.back() < sequence);
        result.visited.push_back(sequence);
        std::string body;
        encode_body(record, body);
        std::string buffer;
        const auto again = read_record(directory, place, buffer);
        require(again && type_of(*again) == type_of(record));
        std::string same;
        encode_body(*again, same);
        require(body == same);
        result.records += body + '|';
      });
  require(contents.has_value());
  result.contents = *contents;
  return result;
}

std::string told(const Contents& contents) {
  std::string text = std::to_string(contents.last_generation) + ' ' +
                     std::to_string(contents.last_sequence) + ' ' +
                     std::to_string(contents.retired) + ' ' + std::to_string(contents.cut);
  for (const Position& position : contents.positions)
    text += ' ' + std::to_string(position.mailbox) + ':' + std::to_string(position.next_sequence);
  for (const Damage& damage : contents.damage)
    text += '\n' + std::to_string(damage.slot) + ' ' + std::to_string(damage.offset) + ' ' +
            std::to_string(damage.length) + ' ' + damage.why;
  return text;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Directory directory;
  fuzz::Input input(data, size);
  Sequence next = 1;
  for (std::size_t slot = 0; slot < slots; ++slot) {
    const std::uint8_t kind = input.octet();
    if (kind % 8 == 7) {
      directory.remove(slot);
      continue;
    }
    // A generation may come twice.
    std::string bytes =
        segment(input, first_generation + (kind % 8 == 6 ? 0 : slot) * 0x100000001, next);
    if (kind % 8 == 5)
      bytes = input.counted_text();
    for (std::size_t harm = kind / 8 % 4; harm > 0; --harm) {
      const std::size_t at = input.number<std::uint16_t>();
      const std::string_view with = input.text(input.under(9));
      if (at < bytes.size())
        bytes.replace(at, std::min(with.size(), bytes.size() - at), with);
    }
    directory.write(slot, bytes);
  }
  const Read once = read_all(directory.fd()), twice = read_all(directory.fd());
  require(once.visited == twice.visited && once.records == twice.records);
  require(told(once.contents) == told(twice.contents));
  std::array<std::size_t, slots> places{};
  for (const Damage& damage : once.contents.damage)
    require(!damage.why.empty() && damage.slot < slots &&
            ++places[damage.slot] <= most_damaged_places);
  require(once.contents.seen.size() <= most_seen);
  for (const Sequence sequence : once.visited)
    require(sequence >= once.contents.retired && sequence <= once.contents.last_sequence);
  return 0;
}
