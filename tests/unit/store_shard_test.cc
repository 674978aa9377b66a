// One thread of the materialiser: in which order it does what it has been told at once, and what
// a checkpoint learns of that.
#include "queued/store/materialiser_shard.h"
#include "tests/unit/passing_file_system.h"
#include "tests/unit/store_support.h"

#include <future>

#include "tests/unit/check.h" // last

using namespace letterlock;
using namespace letterlock::queued;

namespace {

constexpr std::chrono::seconds patience{20};

// Never takes anything.
class FullDisk final : public PassingFileSystem {
public:
  FullDisk() : PassingFileSystem(posix_file_system()) {}
  SystemResult<UniqueFd> create_file(int, const std::string&, mode_t) override {
    return std::unexpected(Errno{ENOSPC});
  }
};

// A shard whose maildrop 1 is there, and takes nothing; what is stuck is not tried again.
struct Scene {
  TemporaryDirectory directory;
  UniqueFd root = directory.open();
  FullDisk disk;
  std::unique_ptr<CompletionQueue> completions = *CompletionQueue::make();
  Reporter reporter{*completions, nullptr};
  MaildirHost host{"mx.example.com"};
  Progress progress{0};
  StuckCounts counts;
  std::shared_ptr<MaterialiserBacklog> backlog = std::make_shared<MaterialiserBacklog>();
  std::optional<MaterialiserShard> shard;

  Scene() {
    for (const char* name : {"tmp", "new", "cur"})
      std::filesystem::create_directories(directory.maildir(1) / name);
    MaterialiserOptions options;
    options.first_retry = options.last_retry = std::chrono::hours(1);
    shard.emplace(MaterialiserPlaces{disk,
                                     root.get(),
                                     root.get(),
                                     root.get(),
                                     host,
                                     progress,
                                     reporter,
                                     [](std::uint32_t) {},
                                     {}},
                  options, backlog, counts);
  }

  // All at once.
  template <class... Jobs> void post(Jobs... jobs) {
    std::vector<MaterialiserJob> all;
    (all.emplace_back(std::move(jobs)), ...);
    backlog->add(all.size(), 0);
    shard->post(std::move(all));
  }
  static CopyJob copy(journal::Sequence sequence) {
    CopyJob job;
    job.sequence = sequence;
    job.mailbox = 1;
    job.message = transaction(static_cast<std::uint8_t>(sequence));
    job.content = std::make_shared<const std::string>("Subject: hello\n\nworld\n");
    return job;
  }
  RemovalJob removal_of(const CopyJob& of, journal::Sequence sequence) const {
    RemovalJob job;
    job.sequence = sequence;
    job.mailbox = 1;
    job.messages = {of.message};
    job.files.push_back({.base = of.name(host), .name = of.name(host)});
    return job;
  }

  // What a checkpoint would learn if it asked together with OTHERS, just after them.
  template <class... Jobs> Unsettled stuck_after(Jobs... others) {
    std::promise<Unsettled> answer;
    auto listed = answer.get_future();
    post(std::move(others)...,
         ListStuck{99, [&](Unsettled stuck) { answer.set_value(std::move(stuck)); }});
    if (listed.wait_for(patience) != std::future_status::ready)
      fail_msg("no list came");
    return listed.get();
  }
  // Until everything that was posted is carried out.
  void wait() {
    std::unique_lock lock(backlog->mutex);
    assert_true(backlog->changed.wait_for(lock, patience, [&] { return backlog->jobs == 0; }));
  }
};

Moved moved(const CopyJob& stuck, journal::Sequence to) {
  CopyJob again = stuck;
  again.sequence = to;
  return {stuck.mailbox, stuck.stuck, std::move(again)};
}

// Its new record would outlive that of its removal, and bring it back.
void what_waits_to_be_removed_is_not_written_again(void**) {
  Scene scene;
  const CopyJob copy = Scene::copy(1);
  scene.progress.begin(1, 1);
  assert_int_equal(scene.stuck_after(copy).copies.size(), 1);
  scene.progress.begin(2, 1);
  assert_int_equal(scene.stuck_after(scene.removal_of(copy, 2)).copies.size(), 0);
  scene.wait();
  assert_int_equal(scene.progress.done_up_to(), 2);
}

// Else the next checkpoint writes all of it again while a long removal is under way, and so on.
void what_was_written_again_is_known_before_the_next_list(void**) {
  Scene scene;
  scene.progress.begin(1, 1);
  const Unsettled stuck = scene.stuck_after(Scene::copy(1));
  assert_int_equal(stuck.copies.size(), 1);
  scene.progress.begin(3, 1);
  scene.progress.begin(4, 1);
  const Unsettled next =
      scene.stuck_after(scene.removal_of(Scene::copy(2), 3), moved(stuck.copies[0], 4));
  assert_int_equal(next.copies.size(), 1);
  assert_int_equal(next.copies[0].sequence, 4);
  scene.wait();
  assert_int_equal(scene.progress.done_up_to(), 3);
}

// Each record ends once, whatever a list said of it that was out of date.
void what_is_written_again_twice_ends_both_records(void**) {
  Scene scene;
  scene.progress.begin(1, 2); // and for another maildrop
  const Unsettled stuck = scene.stuck_after(Scene::copy(1));
  scene.progress.begin(2, 1);
  scene.progress.begin(3, 1);
  scene.post(moved(stuck.copies.at(0), 2), moved(stuck.copies.at(0), 3));
  scene.wait();
  assert_int_equal(scene.progress.done_up_to(), 0);
  scene.progress.end(1); // that of the other
  assert_int_equal(scene.progress.done_up_to(), 2);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_waits_to_be_removed_is_not_written_again),
      cmocka_unit_test(what_was_written_again_is_known_before_the_next_list),
      cmocka_unit_test(what_is_written_again_twice_ends_both_records),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
