// The materialiser's threads put together.
#include "queued/store/materialiser.h"

#include "queued/store/materialiser_shard.h"

#include <algorithm>
#include <iterator>
#include <latch>

namespace letterlock::queued {

namespace {

std::uint64_t bytes_of(const CopyJob& job) {
  return job.content ? job.content->size() + job.head.size() : 0;
}

} // namespace

Materialiser::Materialiser(const MaterialiserPlaces& places, const MaterialiserOptions& options)
    : backlog_(std::make_shared<MaterialiserBacklog>()), options_(options) {
  for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i)
    shards_.push_back(std::make_unique<MaterialiserShard>(places, options, backlog_, counts_));
}

Materialiser::~Materialiser() = default;

template <class Of> void Materialiser::post_one(std::uint32_t mailbox, Of job) {
  std::vector<MaterialiserJob> one;
  one.emplace_back(std::move(job));
  backlog_->add(1, 0);
  shards_[mailbox % shards_.size()]->post(std::move(one));
}

void Materialiser::add(std::vector<CopyJob> jobs) {
  std::vector<std::vector<MaterialiserJob>> by_shard(shards_.size());
  std::uint64_t bytes = 0;
  const std::size_t count = jobs.size();
  for (CopyJob& job : jobs) {
    bytes += bytes_of(job);
    by_shard[job.mailbox % shards_.size()].emplace_back(std::move(job));
  }
  backlog_->add(count, bytes);
  for (std::size_t i = 0; i < shards_.size(); ++i)
    if (!by_shard[i].empty())
      shards_[i]->post(std::move(by_shard[i]));
}

void Materialiser::add(RemovalJob job) {
  const std::uint32_t mailbox = job.mailbox;
  post_one(mailbox, std::move(job));
}

void Materialiser::settle(std::vector<Settlement> settlements) {
  const auto tally = std::make_shared<SettlementTally>();
  tally->unfinished = settlements.size();
  for (Settlement& settlement : settlements) {
    const std::uint32_t mailbox = settlement.mailbox;
    post_one(mailbox, Settle{std::move(settlement), tally});
  }
}

Unsettled Materialiser::stuck_up_to(journal::Sequence up_to) {
  Unsettled all;
  std::mutex mutex; // guards all
  std::latch listed(static_cast<std::ptrdiff_t>(shards_.size()));
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard)
    post_one(shard, ListStuck{up_to, [&](Unsettled part) {
                                {
                                  const std::lock_guard guard(mutex);
                                  std::move(part.copies.begin(), part.copies.end(),
                                            std::back_inserter(all.copies));
                                  std::move(part.removals.begin(), part.removals.end(),
                                            std::back_inserter(all.removals));
                                }
                                listed.count_down();
                              }});
  listed.wait();
  return all;
}

void Materialiser::moved(Moved one) {
  const std::uint32_t mailbox = one.mailbox;
  post_one(mailbox, std::move(one));
}

void Materialiser::after_all(std::uint32_t mailbox,
                             std::function<void(SystemResult<Unsettled>)> then) {
  backlog_->add(1, 0);
  shards_[mailbox % shards_.size()]->post_urgently({mailbox, std::move(then)});
}

void Materialiser::rewrite(std::uint32_t mailbox, std::vector<CopyJob> jobs,
                           std::function<void(std::string why)> done) {
  post_one(mailbox, Rewrite{mailbox, std::move(jobs), std::move(done)});
}

void Materialiser::wait_for_room() {
  std::unique_lock lock(backlog_->mutex);
  backlog_->changed.wait(lock, [this] {
    return backlog_->jobs < options_.backlog_jobs && backlog_->bytes < options_.backlog_bytes;
  });
}

} // namespace letterlock::queued
