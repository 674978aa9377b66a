// Group commit into Maildirs.
#include "queued/store/batch_committer.h"

#include "common/base/crc32c.h"
#include "common/mail/wire_size.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace letterlock::queued {

namespace {

constexpr std::size_t buffer_size = 256 * 1024;
constexpr mode_t message_mode = 0640;
constexpr std::uint64_t overhead = 4096; // of a file, beyond its content: the last block, the inode
constexpr std::size_t most_open_copies = 128;

// Reads up to INTO.size() octets; fewer only at the end of the file.
SystemResult<std::size_t> read_at(int file, std::uint64_t offset, std::span<std::byte> into) {
  std::size_t filled = 0;
  while (filled < into.size()) {
    const ssize_t got = ::pread(file, into.data() + filled, into.size() - filled,
                                static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return std::unexpected(Errno{errno});
    if (got == 0)
      break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

std::string maildrop_text(AccountId account) {
  return "maildrop " + std::to_string(static_cast<std::uint32_t>(account));
}

} // namespace

std::string check_delivery(const Delivery& delivery, const StoreLimits& limits) {
  if (delivery.copies.empty() || delivery.copies.size() > limits.copies)
    return "it has no copies, or too many";
  if (delivery.received < 0)
    return "its time is negative";
  if (delivery.stored_size > limits.message_bytes)
    return "its content is larger than the limit";
  std::set<AccountId> accounts;
  for (const Copy& copy : delivery.copies) {
    if (!accounts.insert(copy.account).second)
      return "an account is named twice";
    if (copy.head.size() > limits.head_bytes)
      return "a head is larger than the limit";
    if (!copy.head.empty() && copy.head.back() != '\n')
      return "a head does not end in a line feed";
  }
  const auto* content = std::get_if<InlineContent>(&delivery.content);
  if (content != nullptr && content->bytes.size() != delivery.stored_size)
    return "its content has not the declared size";
  return {};
}

std::uint64_t backlog_bytes(const Delivery& delivery) {
  std::uint64_t bytes = delivery.stored_size;
  for (const Copy& copy : delivery.copies)
    bytes += copy.head.size();
  return bytes;
}

struct BatchCommitter::Maildir {
  MaildirDirectories directories;
  bool fresh_touched = false, cur_touched = false; // to be synced before anyone is answered
};

struct BatchCommitter::CopyState {
  enum class Place : std::uint8_t { nowhere, in_tmp, in_new, there_before };

  const Copy* copy = nullptr;
  Maildir* maildir = nullptr;
  std::string name;
  UniqueFd file; // open while it is written and not yet synced
  Place place = Place::nowhere;
  bool was_in_new = false; // so that its directory's failure concerns it
};

struct BatchCommitter::Work {
  const PendingDelivery* pending = nullptr;
  std::vector<CopyState> copies;
  SpaceLedger::Booking booking;
  bool earlier_known = false;                    // whether an earlier attempt left copies is known
  CommitStatus status = CommitStatus::committed; // unless something says otherwise
  std::string text;

  const Delivery& delivery() const { return pending->delivery; }
  bool going_on() const { return status == CommitStatus::committed; }
};

BatchCommitter::BatchCommitter(FileSystem& files, int root, SpaceLedger& ledger,
                               std::string_view server_name)
    : files_(files), root_(root), ledger_(ledger), host_(server_name), buffer_(buffer_size) {}

std::vector<CommitResult> BatchCommitter::commit(std::span<const PendingDelivery> batch) {
  std::vector<Work> works(batch.size());
  Maildirs maildirs;
  std::size_t open_copies = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    works[i].pending = &batch[i];
    works[i].earlier_known = !batch[i].delivery.again;
    if (!open_maildirs(works[i], maildirs))
      continue;
    if (batch[i].delivery.again)
      find_earlier_copies(works[i]);
    write_copies(works[i]);
    open_copies += works[i].copies.size();
    if (open_copies >= most_open_copies) {
      sync_files(works);
      open_copies = 0;
    }
  }
  sync_files(works);
  for (Work& work : works)
    link_copies(work);
  sync_directories(works, maildirs);

  std::vector<CommitResult> results;
  for (Work& work : works)
    results.push_back({work.delivery().transaction, work.status, std::move(work.text)});
  return results;
}

bool BatchCommitter::open_maildirs(Work& work, Maildirs& maildirs) {
  for (const Copy& copy : work.delivery().copies) {
    auto known = maildirs.find(copy.account);
    if (known == maildirs.end()) {
      auto opened = MaildirDirectories::open(root_, static_cast<std::uint32_t>(copy.account));
      if (!opened) {
        fail(work, opened.error(), maildrop_text(copy.account));
        return false;
      }
      known = maildirs.emplace(copy.account, Maildir{std::move(*opened)}).first;
    }
    CopyState state;
    state.copy = &copy;
    state.maildir = &known->second;
    const std::uint64_t copy_wire_size = mail::wire_size(copy.head) + work.delivery().wire_size;
    state.name =
        format_maildir_name(work.delivery().received, work.delivery().transaction, host_,
                            copy.head.size() + work.delivery().stored_size, copy_wire_size);
    work.copies.push_back(std::move(state));
  }
  return true;
}

void BatchCommitter::find_earlier_copies(Work& work) {
  for (CopyState& copy : work.copies) {
    Maildir& maildir = *copy.maildir;
    // new/ before cur/: a message that is moved meanwhile is seen in one of them.
    for (const auto& [directory, touched] :
         {std::pair(&maildir.directories.fresh, &maildir.fresh_touched),
          std::pair(&maildir.directories.cur, &maildir.cur_touched)}) {
      bool found = false;
      const auto visited =
          visit_directory(directory->get(), [&](const std::string& name, FileKind kind) {
            const auto parsed = MaildirName::parse(name);
            found = kind == FileKind::regular && parsed &&
                    parsed->transaction == work.delivery().transaction;
            return !found;
          });
      if (!visited)
        return fail(work, visited.error(), maildrop_text(copy.copy->account));
      if (found) {
        copy.place = CopyState::Place::there_before;
        copy.was_in_new = copy.was_in_new || directory == &maildir.directories.fresh;
        *touched = true;
      }
    }
  }
  work.earlier_known = true;
}

void BatchCommitter::write_copies(Work& work) {
  if (!work.going_on())
    return;
  // No overflow: check_delivery bounds each of them.
  std::uint64_t needed = 0;
  for (const CopyState& copy : work.copies)
    if (copy.place == CopyState::Place::nowhere)
      needed += copy.copy->head.size() + work.delivery().stored_size + overhead;
  if (needed > 0) {
    if (std::holds_alternative<ScratchContent>(work.delivery().content) && !work.pending->scratch)
      return refuse(work, CommitStatus::failed, "it is not there, and its content is gone");
    auto booking = ledger_.book(needed, work.copies.size());
    if (!booking)
      return fail(work, booking.error(), "booking");
    work.booking = std::move(*booking);
  }
  for (CopyState& copy : work.copies)
    if (copy.place == CopyState::Place::nowhere && !write_copy(work, copy))
      return;
}

bool BatchCommitter::write_copy(Work& work, CopyState& copy) {
  const Delivery& delivery = work.delivery();
  const auto* held = std::get_if<InlineContent>(&delivery.content);
  auto file = files_.create_file(copy.maildir->directories.tmp.get(), copy.name, message_mode);
  if (!file) {
    fail(work, file.error(), "tmp");
    return false;
  }
  copy.file = std::move(*file);
  copy.place = CopyState::Place::in_tmp;

  // The head goes in front of the first piece, so that a small message is one write.
  std::size_t used = std::min(copy.copy->head.size(), buffer_.size());
  if (used < copy.copy->head.size()) {
    if (const auto written = files_.append(copy.file.get(), as_bytes(copy.copy->head)); !written) {
      fail(work, written.error(), "tmp");
      return false;
    }
    used = 0;
  }
  std::copy_n(as_bytes(copy.copy->head).begin(), used, buffer_.begin());

  std::uint32_t crc = 0;
  mail::WireSize wire_size;
  std::uint64_t done = 0;
  do {
    const std::size_t wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(delivery.stored_size - done, buffer_.size() - used));
    const auto piece = std::span(buffer_).subspan(used, wanted);
    if (held != nullptr) {
      std::copy_n(as_bytes(held->bytes).begin() + static_cast<std::ptrdiff_t>(done), wanted,
                  piece.begin());
    } else {
      const auto got = read_at(work.pending->scratch->get(), done, piece);
      if (!got) {
        fail(work, got.error(), "scratch");
        return false;
      }
      if (*got < wanted) {
        refuse(work, CommitStatus::refused, "its content is shorter than declared");
        return false;
      }
    }
    crc = crc32c(crc, piece);
    wire_size.add(as_text(piece));
    const auto written = files_.append(copy.file.get(), Bytes(buffer_).first(used + wanted));
    if (!written) {
      fail(work, written.error(), "tmp");
      return false;
    }
    done += wanted;
    used = 0;
  } while (done < delivery.stored_size);

  if (crc != delivery.crc || wire_size.octets() != delivery.wire_size) {
    refuse(work, CommitStatus::refused, "its content has not the declared checksum or wire size");
    return false;
  }
  return true;
}

void BatchCommitter::sync_files(std::vector<Work>& works) {
  for (Work& work : works)
    for (CopyState& copy : work.copies) {
      if (!copy.file)
        continue;
      if (work.going_on())
        if (const auto synced = files_.sync_file(copy.file.get()); !synced)
          fail(work, synced.error(), "syncing a message");
      copy.file.reset();
    }
}

void BatchCommitter::link_copies(Work& work) {
  if (!work.going_on())
    return;
  for (CopyState& copy : work.copies) {
    if (copy.place != CopyState::Place::in_tmp)
      continue;
    const int tmp = copy.maildir->directories.tmp.get();
    const auto linked = files_.link(tmp, copy.name, copy.maildir->directories.fresh.get(), copy.name);
    if (!linked && linked.error().number == EEXIST)
      return refuse(work, CommitStatus::refused, "its id was used before");
    if (!linked)
      return fail(work, linked.error(), "new");
    // Its name in tmp/ is only litter now, and swept at the next start if this fails.
    static_cast<void>(files_.unlink(tmp, copy.name));
    copy.place = CopyState::Place::in_new;
    copy.was_in_new = true;
    copy.maildir->fresh_touched = true;
  }
}

void BatchCommitter::sync_directories(std::vector<Work>& works, Maildirs& maildirs) {
  std::set<const Maildir*> unsynced;
  for (auto& [account, maildir] : maildirs) {
    for (const auto& [directory, touched] :
         {std::pair(&maildir.directories.fresh, &maildir.fresh_touched),
          std::pair(&maildir.directories.cur, &maildir.cur_touched)}) {
      if (*touched && !files_.sync_directory(directory->get()))
        unsynced.insert(&maildir);
      *touched = false;
    }
  }
  for (Work& work : works) {
    const bool concerned =
        std::any_of(work.copies.begin(), work.copies.end(), [&](const auto& copy) {
          return unsynced.contains(copy.maildir) &&
                 (copy.was_in_new || copy.place == CopyState::Place::there_before);
        });
    if (concerned)
      refuse(work, CommitStatus::in_doubt, "a maildrop's directory could not be synced");
  }
  // What was undone just now; its answer is "in doubt" whether this succeeds or not.
  for (auto& [account, maildir] : maildirs)
    if (maildir.fresh_touched)
      static_cast<void>(files_.sync_directory(maildir.directories.fresh.get()));
}

void BatchCommitter::fail(Work& work, Errno error, std::string_view doing) {
  refuse(work, error.is_full() ? CommitStatus::full : CommitStatus::failed,
         Error::system(doing, error.number).text);
}

void BatchCommitter::refuse(Work& work, CommitStatus status, std::string text) {
  // An earlier attempt's copy may have been answered and read: it stays, and so no refusal can be
  // promised.
  const bool earlier =
      std::any_of(work.copies.begin(), work.copies.end(), [](const CopyState& copy) {
        return copy.place == CopyState::Place::there_before;
      });
  if (earlier || !work.earlier_known)
    status = CommitStatus::in_doubt;
  if (work.status != CommitStatus::in_doubt)
    work.status = status;
  if (work.text.empty())
    work.text = std::move(text);
  undo(work);
}

void BatchCommitter::undo(Work& work) {
  for (CopyState& copy : work.copies) {
    copy.file.reset();
    if (copy.place == CopyState::Place::in_tmp) {
      // Never seen by a reader, and swept at the next start if this fails.
      static_cast<void>(files_.unlink(copy.maildir->directories.tmp.get(), copy.name));
    } else if (copy.place == CopyState::Place::in_new) {
      const auto removed = files_.unlink(copy.maildir->directories.fresh.get(), copy.name);
      copy.maildir->fresh_touched = true;
      // ENOENT: a mail reader has moved it to cur/ already, and somebody may have read it.
      if (!removed)
        work.status = CommitStatus::in_doubt;
    } else {
      continue;
    }
    copy.place = CopyState::Place::nowhere;
  }
}

} // namespace letterlock::queued
