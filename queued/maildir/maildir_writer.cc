// Writing, linking and removing message files.
#include "queued/maildir/maildir_writer.h"

#include "queued/maildir/maildir_name.h"
#include "queued/maildir/own_name.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace letterlock::queued {

namespace {

constexpr mode_t message_mode = 0640;
constexpr std::size_t most_open_maildrops = 64;
// Somebody may have put another directory in the place of one that is open.
constexpr std::chrono::seconds trusted_for{1};
// A small message is one write.
constexpr std::size_t joined_max = 320 * 1024;
constexpr int most_looks = 3;            // for files that others move while they are to be removed
constexpr std::size_t most_failures = 4; // to remove something, before anything was

} // namespace

std::optional<Id128> removed_message(const SeenFile& file) {
  return file.is_copy ? std::nullopt : message_id_in(file.base);
}

SystemResult<const MaildirDirectories*> MaildirWriter::directories(std::uint32_t mailbox) {
  const auto now = std::chrono::steady_clock::now();
  const auto known = open_.find(mailbox);
  if (known != open_.end() && now - known->second.since < trusted_for)
    return &known->second.directories;
  if (known != open_.end())
    open_.erase(known);
  if (open_.size() >= most_open_maildrops)
    open_.clear();
  auto opened = MaildirDirectories::open(root_, mailbox);
  if (!opened)
    return std::unexpected(opened.error());
  return &open_.emplace(mailbox, Open{std::move(*opened), now}).first->second.directories;
}

SystemResult<void> MaildirWriter::write_to(int directory, const std::string& name, Bytes head,
                                           Bytes content, bool sync) {
  auto file = files_.create_file(directory, name, message_mode);
  if (!file && file.error().number == EEXIST) {
    // An attempt of ours that failed half way: nobody else has the id.
    if (const auto removed = files_.unlink(directory, name); !removed)
      return removed;
    file = files_.create_file(directory, name, message_mode);
  }
  if (!file)
    return std::unexpected(file.error());
  SystemResult<void> done;
  if (head.size() + content.size() <= joined_max) {
    buffer_.assign(as_text(head));
    buffer_ += as_text(content);
    done = files_.append(file->get(), as_bytes(buffer_));
  } else {
    done = files_.append(file->get(), head);
    if (done)
      done = files_.append(file->get(), content);
  }
  if (done && sync)
    done = files_.sync_file(file->get());
  if (!done)
    static_cast<void>(files_.unlink(directory, name)); // swept at the next start if this fails
  return done;
}

SystemResult<void> MaildirWriter::write(std::uint32_t mailbox, const std::string& name, Bytes head,
                                        Bytes content) {
  const auto maildir = directories(mailbox);
  if (!maildir)
    return std::unexpected(maildir.error());
  const auto written = put(mailbox, (*maildir)->fresh.get(), name, head, content, {});
  return written ? SystemResult<void>() : std::unexpected(written.error());
}

SystemResult<bool> MaildirWriter::put(std::uint32_t mailbox, int directory, const std::string& name,
                                      Bytes head, Bytes content, const PutOptions& options) {
  const auto maildir = directories(mailbox);
  if (!maildir)
    return std::unexpected(maildir.error());
  const int tmp = (*maildir)->tmp.get();
  if (const auto written = write_to(tmp, name, head, content, options.sync); !written)
    return std::unexpected(written.error());
  struct stat about = {};
  // Asked last: others may have moved it, or removed it, while this was written.
  if (options.only_what_exists &&
      ::fstatat(directory, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
    const int error = errno;
    static_cast<void>(files_.unlink(tmp, name)); // swept at the next start if this fails
    return error == ENOENT ? SystemResult<bool>(false) : std::unexpected(Errno{error});
  }
  const auto renamed = files_.rename(tmp, name, directory, name);
  return renamed ? SystemResult<bool>(true) : std::unexpected(renamed.error());
}

SystemResult<LinkResult> MaildirWriter::link(std::uint32_t mailbox, const std::string& name,
                                             int from, const std::string& from_name) {
  const auto maildir = directories(mailbox);
  if (!maildir)
    return std::unexpected(maildir.error());
  struct stat about = {};
  if (::fstatat(from, from_name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? SystemResult<LinkResult>(LinkResult::absent)
                           : std::unexpected(Errno{errno});
  if (!S_ISREG(about.st_mode))
    return LinkResult::no_file;
  const auto linked = files_.link(from, from_name, (*maildir)->fresh.get(), name);
  if (!linked && linked.error().number != EEXIST)
    return std::unexpected(linked.error());
  return LinkResult::linked;
}

SystemResult<void> MaildirWriter::remove(std::uint32_t mailbox, std::span<const SeenFile> files) {
  std::vector<SeenFile> elsewhere;
  auto result = remove_seen(mailbox, files, elsewhere);
  for (int looks = 0; result && !elsewhere.empty(); ++looks) {
    if (looks == most_looks)
      return std::unexpected(Errno{EBUSY});
    const auto located = locate(mailbox, elsewhere);
    if (!located)
      return std::unexpected(located.error());
    elsewhere.clear();
    result = remove_seen(mailbox, *located, elsewhere);
  }
  return result;
}

SystemResult<void> MaildirWriter::remove_seen(std::uint32_t mailbox,
                                              std::span<const SeenFile> files,
                                              std::vector<SeenFile>& elsewhere) {
  const auto maildir = directories(mailbox);
  if (!maildir)
    return std::unexpected(maildir.error());
  SystemResult<void> result;
  std::size_t gone = 0, failures = 0;
  for (const SeenFile& file : files) {
    const int seen_in = file.in_cur ? (*maildir)->cur.get() : (*maildir)->fresh.get();
    const auto removed = file.name.empty() ? SystemResult<void>(std::unexpected(Errno{ENOENT}))
                                           : files_.unlink(seen_in, file.name);
    if (removed) {
      ++gone;
    } else if (removed.error().number == ENOENT) {
      elsewhere.push_back(file);
    } else {
      result = removed;
      // That may be about the one file (immutable, or in a sticky directory).
      failures += removed.error().number != EPERM;
      if (failures == most_failures && gone == 0)
        break; // it is not the files
    }
  }
  return result;
}

// One to which others have added something has another base, and the message's id: it is meant if
// nothing has the name that is looked for. A name that others change while its directory is read
// can be left out, so that what is nowhere is looked for a second time.
SystemResult<std::vector<SeenFile>> MaildirWriter::locate(std::uint32_t mailbox,
                                                          std::span<const SeenFile> files,
                                                          std::span<const Id128> messages) {
  const auto maildir = directories(mailbox);
  if (!maildir)
    return std::unexpected(maildir.error());
  struct Wanted {
    std::uint64_t stored_size = 0;
    bool is_copy = false, is_found = false;
    std::vector<SeenFile> renamed;
  };
  std::vector<Wanted> wanted(files.size() + messages.size());
  std::unordered_map<std::string_view, std::size_t> by_base;
  std::unordered_map<Id128, std::size_t, Id128Hash> by_id;
  for (std::size_t i = 0; i < files.size(); ++i) {
    wanted[i].stored_size = files[i].stored_size;
    wanted[i].is_copy = files[i].is_copy;
    by_base.emplace(files[i].base, i);
    if (const auto id = removed_message(files[i]))
      by_id.emplace(*id, i);
  }
  for (std::size_t i = 0; i < messages.size(); ++i)
    by_id.emplace(messages[i], files.size() + i);
  std::vector<SeenFile> located;
  const auto see = [&](const std::string& name, bool in_cur) {
    SeenFile file{.base = name.substr(0, name.find(':', 1)), .name = name, .in_cur = in_cur};
    const auto of_base = by_base.find(file.base);
    const bool may_have_id = of_base == by_base.end() && !by_id.empty();
    const auto id = may_have_id ? message_id_in(name) : std::nullopt;
    const auto of_id = id ? by_id.find(*id) : by_id.end();
    if (of_base == by_base.end() && of_id == by_id.end())
      return;
    Wanted& one = wanted[of_base != by_base.end() ? of_base->second : of_id->second];
    file.stored_size = one.stored_size;
    file.is_copy = one.is_copy;
    if (of_base == by_base.end() && !own_message_id(name))
      return one.renamed.push_back(std::move(file));
    one.is_found = true;
    located.push_back(std::move(file));
  };
  for (int look = 0; look < 2 && !(by_base.empty() && by_id.empty()); ++look) {
    for (const bool in_cur : {false, true}) {
      const UniqueFd& directory = in_cur ? (*maildir)->cur : (*maildir)->fresh;
      const auto visited = visit_directory(directory.get(), [&](const std::string& name, FileKind) {
        see(name, in_cur);
        return true;
      });
      if (!visited)
        return std::unexpected(visited.error());
    }
    for (Wanted& one : wanted) {
      if (!one.is_found)
        std::move(one.renamed.begin(), one.renamed.end(), std::back_inserter(located));
      one.is_found = one.is_found || !one.renamed.empty();
      one.renamed.clear();
    }
    std::erase_if(by_base, [&](const auto& each) { return wanted[each.second].is_found; });
    std::erase_if(by_id, [&](const auto& each) { return wanted[each.second].is_found; });
  }
  return located;
}

} // namespace letterlock::queued
