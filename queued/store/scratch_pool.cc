// Lending scratch files.
#include "queued/store/scratch_pool.h"

#include <fcntl.h>
#include <unistd.h>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_idle = 64; // of one borrower; each costs two descriptors

} // namespace

void ScratchPool::lease(Borrower borrower, ScratchRoom room,
                        std::function<void(Expected<ScratchLease>)> done) {
  const auto refuse = [&](Error error) {
    services_.completions.post([done, error = std::move(error)] { done(std::unexpected(error)); });
  };
  if (leased_ >= limit_)
    return refuse({"scratch: " + std::to_string(limit_) + " files are lent already"});
  auto booked = services_.ledger.book(room.booked, 1, room.expected);
  if (!booked)
    return refuse(Error::system("scratch", booked.error().number));
  ++leased_;
  // Shared, because std::function wants its content copyable.
  const auto booking = std::make_shared<SpaceLedger::Booking>(std::move(*booked));
  Account& account = borrowers_[borrower];
  if (!account.idle.empty()) {
    auto file = std::move(account.idle.back());
    account.idle.pop_back();
    return services_.completions.post([this, borrower, file = std::move(file), booking, done] {
      lend(borrower, file, std::move(*booking), done);
    });
  }
  const bool posted = services_.workers.post([this, borrower, booking, done] {
    const auto made = std::make_shared<SystemResult<UniqueFd>>(
        services_.files.create_unnamed_file(services_.directory));
    services_.completions.post([this, borrower, booking, done, made] {
      if (*made)
        return lend(borrower, std::make_shared<const UniqueFd>(std::move(**made)),
                    std::move(*booking), done);
      --leased_;
      done(std::unexpected(Error::system("scratch", made->error().number)));
    });
  });
  if (!posted) {
    --leased_;
    refuse({"scratch: too much waits for the disk"});
  }
}

void ScratchPool::lend(Borrower borrower, ScratchFile file, SpaceLedger::Booking booking,
                       const std::function<void(Expected<ScratchLease>)>& done) {
  ScratchLease lease;
  lease.id = ScratchId{++last_id_};
  lease.file = UniqueFd(::fcntl(file->get(), F_DUPFD_CLOEXEC, 0));
  if (!lease.file) {
    --leased_;
    const Error error = Error::system("scratch");
    let_go({std::move(file)});
    return done(std::unexpected(error));
  }
  borrowers_[borrower].leases.emplace(lease.id, Lease{std::move(file), std::move(booking)});
  done(std::move(lease));
}

bool ScratchPool::grow(Borrower borrower, ScratchId id, std::uint64_t more) {
  const auto account = borrowers_.find(borrower);
  if (account == borrowers_.end())
    return false;
  const auto lease = account->second.leases.find(id);
  return lease != account->second.leases.end() &&
         services_.ledger.grow(lease->second.booking, more).has_value();
}

void ScratchPool::give_back(Borrower borrower, ScratchId id) {
  const auto account = borrowers_.find(borrower);
  if (account == borrowers_.end())
    return;
  const auto found = account->second.leases.find(id);
  if (found == account->second.leases.end())
    return;
  ScratchFile file = std::move(found->second.file);
  account->second.leases.erase(found);
  --leased_;
  // While a commit still reads it, emptying it would spoil that commit: let it go instead.
  if (file.use_count() > 1 || account->second.idle.size() >= most_idle)
    return let_go({std::move(file)});
  const bool posted = services_.workers.post([this, borrower, file]() mutable {
    if (services_.files.truncate(file->get()) && ::lseek(file->get(), 0, SEEK_SET) == 0)
      services_.completions.post([this, borrower, file] { emptied(borrower, file); });
  });
  if (!posted)
    let_go({std::move(file)});
}

void ScratchPool::emptied(Borrower borrower, ScratchFile file) {
  const auto account = borrowers_.find(borrower);
  if (account == borrowers_.end() || account->second.idle.size() >= most_idle)
    return let_go({std::move(file)});
  account->second.idle.push_back(std::move(file));
}

void ScratchPool::forget(Borrower borrower) {
  const auto account = borrowers_.find(borrower);
  if (account == borrowers_.end())
    return;
  leased_ -= account->second.leases.size();
  std::vector<ScratchFile> files = std::move(account->second.idle);
  for (auto& [id, lease] : account->second.leases)
    files.push_back(std::move(lease.file));
  borrowers_.erase(account);
  let_go(std::move(files));
}

// The last close of a file frees its room, which waits for the disk.
void ScratchPool::let_go(std::vector<ScratchFile> files) {
  // If too much waits already, so does the caller.
  static_cast<void>(
      services_.workers.post([files = std::move(files)]() mutable { files.clear(); }));
}

ScratchFile ScratchPool::find(Borrower borrower, ScratchId id) const {
  const auto account = borrowers_.find(borrower);
  if (account == borrowers_.end())
    return nullptr;
  const auto lease = account->second.leases.find(id);
  return lease == account->second.leases.end() ? nullptr : lease->second.file;
}

} // namespace letterlock::queued
