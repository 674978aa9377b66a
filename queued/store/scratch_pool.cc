// Lending scratch files.
#include "queued/store/scratch_pool.h"

#include <fcntl.h>
#include <unistd.h>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_idle = 64; // of one borrower; each costs two descriptors

} // namespace

Expected<ScratchLease> ScratchPool::lease(Borrower borrower, std::uint64_t bytes) {
  if (leased_ >= limit_)
    return fail("scratch: " + std::to_string(limit_) + " files are lent already");
  auto booking = ledger_.book(bytes, 1);
  if (!booking)
    return std::unexpected(Error::system("scratch", booking.error().number));

  Account& account = borrowers_[borrower];
  ScratchFile file;
  if (!account.idle.empty()) {
    file = std::move(account.idle.back());
    account.idle.pop_back();
  } else {
    auto made = files_.create_unnamed_file(directory_);
    if (!made)
      return std::unexpected(Error::system("scratch", made.error().number));
    file = std::make_shared<const UniqueFd>(std::move(*made));
  }
  ScratchLease lease;
  lease.id = ScratchId{++last_id_};
  lease.file = UniqueFd(::fcntl(file->get(), F_DUPFD_CLOEXEC, 0));
  if (!lease.file)
    return fail_errno("scratch");
  account.leases.emplace(lease.id, Lease{std::move(file), std::move(*booking)});
  ++leased_;
  return lease;
}

bool ScratchPool::grow(Borrower borrower, ScratchId id, std::uint64_t more) {
  const auto account = borrowers_.find(borrower);
  if (account == borrowers_.end())
    return false;
  const auto lease = account->second.leases.find(id);
  return lease != account->second.leases.end() &&
         ledger_.grow(lease->second.booking, more).has_value();
}

void ScratchPool::give_back(Borrower borrower, ScratchId id) {
  const auto account = borrowers_.find(borrower);
  if (account == borrowers_.end())
    return;
  const auto found = account->second.leases.find(id);
  if (found == account->second.leases.end())
    return;
  const ScratchFile file = std::move(found->second.file);
  account->second.leases.erase(found);
  --leased_;
  // While a commit still reads it, emptying it would spoil that commit: let it go instead.
  if (file.use_count() > 1 || account->second.idle.size() >= most_idle)
    return;
  if (!files_.truncate(file->get()) || ::lseek(file->get(), 0, SEEK_SET) != 0)
    return;
  account->second.idle.push_back(file);
}

void ScratchPool::forget(Borrower borrower) {
  const auto account = borrowers_.find(borrower);
  if (account == borrowers_.end())
    return;
  leased_ -= account->second.leases.size();
  borrowers_.erase(account);
}

ScratchFile ScratchPool::find(Borrower borrower, ScratchId id) const {
  const auto account = borrowers_.find(borrower);
  if (account == borrowers_.end())
    return nullptr;
  const auto lease = account->second.leases.find(id);
  return lease == account->second.leases.end() ? nullptr : lease->second.file;
}

} // namespace letterlock::queued
