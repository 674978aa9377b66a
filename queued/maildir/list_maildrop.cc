// Listing new/ and cur/, and reading the files whose names do not tell their size.
#include "queued/maildir/list_maildrop.h"

#include "common/mail/wire_size.h"
#include "queued/disk/file_times.h"
#include "queued/maildir/maildrop_index_builder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace letterlock::queued {

namespace {

constexpr std::size_t piece_size = 32 * 1024;

class Lister {
public:
  explicit Lister(const MaildropListing& listing)
      : listing_(listing), builder_(listing.most_messages) {}

  SystemResult<void> list(int directory, bool in_cur) {
    return visit_directory(directory, [&](const std::string& name, FileKind kind) {
      const bool regular = kind == FileKind::regular;
      const auto own = regular ? OwnName::parse(name) : std::nullopt;
      const auto parsed = own ? std::nullopt : MaildirName::parse(name);
      if (!own && !parsed)
        return true;
      if (!regular) {
        listing_.left_alone(name, "is no regular file");
        return true;
      }
      if (builder_.full()) {
        listing_.left_alone("(the rest)", "is more than a maildrop may hold");
        return false;
      }
      if (own)
        builder_.add(name, *own, in_cur);
      else
        add_by_content(directory, name, *parsed, in_cur);
      return true;
    });
  }

  std::shared_ptr<const MaildropIndex> finish() && { return std::move(builder_).finish(); }

private:
  void add_by_content(int directory, const std::string& name, const MaildirName& parsed,
                      bool in_cur) {
    struct stat about = {};
    if (::fstatat(directory, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(about.st_mode))
      if (const auto known = known_wire_size(name, stamp_of(about)))
        return builder_.add(name, parsed, in_cur, *known, stamp_of(about));
    const auto file = open_message_file(directory, name, about);
    if (!file && file.error().number == ENOENT)
      return; // moved or removed meanwhile
    FileStamp stamp = stamp_of(about);
    const auto wire_size = file ? read_sizes(file->get(), stamp.size) : std::nullopt;
    if (!wire_size)
      return listing_.left_alone(name, "cannot be read");
    builder_.add(name, parsed, in_cur, *wire_size, stamp);
  }

  std::optional<std::uint64_t> known_wire_size(std::string_view name,
                                               const FileStamp& stamp) const {
    const MaildropIndex* const previous = listing_.previous;
    const auto number = previous != nullptr ? previous->find(name) : std::nullopt;
    if (!number || previous->stamp(*number) != stamp)
      return std::nullopt;
    return (*previous)[*number].wire_size;
  }

  const MaildropListing& listing_;
  MaildropIndexBuilder builder_;
};

} // namespace

std::optional<std::uint64_t> read_sizes(int file, std::uint64_t& size) {
  std::array<std::byte, piece_size> buffer;
  mail::WireSize wire_size;
  size = 0;
  for (;;) {
    const ssize_t got = ::pread(file, buffer.data(), buffer.size(), static_cast<off_t>(size));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return std::nullopt;
    if (got == 0)
      return wire_size.octets();
    const Bytes piece = Bytes(buffer).first(static_cast<std::size_t>(got));
    size += piece.size();
    wire_size.add(as_text(piece));
  }
}

SystemResult<std::shared_ptr<const MaildropIndex>>
list_maildrop(const MaildirDirectories& directories, const MaildropListing& listing) {
  Lister lister(listing);
  // new/ first: a message that is moved to cur/ meanwhile is seen at least once.
  for (const auto& [directory, in_cur] :
       {std::pair(directories.fresh.get(), false), std::pair(directories.cur.get(), true)})
    if (const auto listed = lister.list(directory, in_cur); !listed)
      return std::unexpected(listed.error());
  return std::move(lister).finish();
}

SystemResult<std::uint64_t> stored_bytes(const MaildirDirectories& directories) {
  std::uint64_t sum = 0;
  for (const int directory : {directories.fresh.get(), directories.cur.get()}) {
    const auto visited = visit_directory(directory, [&](const std::string& name, FileKind kind) {
      struct stat about = {};
      if (kind != FileKind::regular)
        return true;
      if (const auto own = OwnName::parse(name))
        sum += own->stored_size;
      else if (MaildirName::parse(name) &&
               ::fstatat(directory, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0)
        sum += static_cast<std::uint64_t>(about.st_size);
      return true;
    });
    if (!visited)
      return std::unexpected(visited.error());
  }
  return sum;
}

SystemResult<std::shared_ptr<const MaildropIndex>> list_cur(const MaildirDirectories& directories,
                                                            std::size_t most_messages) {
  MaildropIndexBuilder builder(most_messages);
  const auto listed =
      visit_directory(directories.cur.get(), [&](const std::string& name, FileKind) {
        if (const auto own = OwnName::parse(name))
          builder.add(name, *own, true);
        else if (const auto parsed = MaildirName::parse(name))
          builder.add(name, *parsed, true, 0, {});
        return !builder.full();
      });
  if (!listed)
    return std::unexpected(listed.error());
  return std::move(builder).finish();
}

FileStamp stamp_of(const struct stat& about) {
  return {static_cast<std::uint64_t>(about.st_ino), time_modified(about),
          static_cast<std::uint64_t>(about.st_size)};
}

SystemResult<UniqueFd> open_message_file(int directory, const std::string& name,
                                         struct stat& about) {
  auto file = open_to_read(directory, name);
  if (!file)
    return file;
  struct stat parent = {};
  if (::fstat(file->get(), &about) != 0 || ::fstat(directory, &parent) != 0)
    return std::unexpected(Errno{errno});
  if (!S_ISREG(about.st_mode) || about.st_dev != parent.st_dev)
    return std::unexpected(Errno{EINVAL});
  return file;
}

} // namespace letterlock::queued
