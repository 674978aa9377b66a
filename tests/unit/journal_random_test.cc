// A journal under random use on a disk that fails at random, killed and cut off at random: what a
// reader finds is compared with a model. Prints its seed; takes another as its argument.
#include "tests/unit/journal_scene.h"

#include "tests/unit/check.h"

#include <random>

using namespace letterlock;
using namespace letterlock::queued;
using namespace letterlock::queued::journal;

namespace {

unsigned first_seed = 1;
constexpr unsigned runs = 24, steps = 120;

// A record and the moments of its life, counted in changes of the disk.
struct Life {
  std::string body;
  Id128 transaction;
  std::size_t begun = 0;
  std::optional<std::size_t> durable, voided;
};

class RandomJournal {
public:
  explicit RandomJournal(unsigned seed) : random_(seed), scene_(3 + seed % 3) { scene_.start(); }

  void run() {
    for (unsigned i = 0; i < steps; ++i) {
      step();
      if (below(4) == 0)
        check_crash(below(scene_.files().now() + 1));
    }
    check_restart();
  }

private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  void step() {
    switch (below(16)) {
    case 0:
      return cause_trouble();
    case 1:
      return check_restart();
    case 2:
    case 3:
      return retire();
    case 4:
      (void)scene_.writer().prepare_slot();
      return;
    case 5:
      return lazily();
    case 6:
      add_some();
      scene_.writer().discard();
      batch_.clear();
      return;
    default:
      add_some();
      return commit();
    }
  }

  void cause_trouble() {
    static constexpr Call calls[] = {Call::write_at, Call::sync_file, Call::append,
                                     Call::create,   Call::rename,    Call::sync_directory};
    const int error = below(2) == 0 ? ENOSPC : EIO;
    if (below(4) == 0)
      scene_.disk().tear_next_write();
    else
      scene_.files().fail(calls[below(std::size(calls))], static_cast<int>(1 + below(3)), error);
  }

  Id128 random_id() {
    Id128 id;
    for (auto& byte : id.bytes)
      byte = static_cast<std::uint8_t>(random_());
    return id;
  }

  void add(const Record& record, Id128 transaction = {}) {
    const Sequence sequence = scene_.writer().add(record);
    batch_[sequence] = {
        static_cast<char>(type_of(record)) + body_of(record), transaction, 0, {}, {}};
  }

  void add_some() {
    for (std::size_t count = 1 + below(4); count > 0; --count) {
      const Id128 transaction = random_id();
      if (below(4) == 0) {
        add(Expunge{transaction, 1, {{random_id()}, {std::string_view("foreign.1")}}}, transaction);
        continue;
      }
      const std::string content(below(below(4) == 0 ? 9'000 : 300), static_cast<char>(random_()));
      Accept accept;
      accept.transaction = transaction;
      accept.message = random_id();
      accept.stored_size = content.size();
      accept.content = content;
      accept.copies = {{1, ++mailbox_sequence_, "Delivered-To: somebody\n"}};
      add(accept, transaction);
    }
  }

  void lazily() {
    add(Materialised{id_of(1), below(1000)});
    begin();
    const auto result = scene_.writer().write_lazily();
    if (result) {
      // Durable with the next batch, or at once if it began a segment; that cannot be told.
      lazy_.insert(batch_.begin(), batch_.end());
      finish_into_model();
    } else {
      end(result.error().fault);
    }
  }

  void begin() {
    for (auto& [sequence, life] : batch_)
      life.begun = scene_.files().now();
  }

  bool commit_and_tell() {
    begin();
    const auto result = scene_.writer().commit();
    if (!result) {
      end(result.error().fault);
      return false;
    }
    assert_int_equal(result->size(), batch_.size());
    const std::size_t now = scene_.files().now();
    auto place = result->begin();
    for (auto& [sequence, life] : batch_) {
      life.durable = now;
      std::string buffer;
      const auto again = read_record(scene_.descriptor(), *place++, buffer);
      assert_true(again.has_value());
      assert_text_equal(static_cast<char>(type_of(*again)) + body_of(*again), life.body);
    }
    for (const auto& [sequence, life] : lazy_)
      newest(sequence).durable = now;
    lazy_.clear();
    finish_into_model();
    return true;
  }

  void commit() { commit_and_tell(); }

  Life& newest(Sequence sequence) { return std::prev(lives_.upper_bound(sequence))->second; }

  void finish_into_model() {
    for (const auto& [sequence, life] : batch_) {
      assert_true(sequence > highest_);
      lives_.emplace(sequence, life);
      highest_ = sequence;
    }
    batch_.clear();
  }

  void end(BatchFault fault) {
    const std::size_t now = scene_.files().now();
    if (fault == BatchFault::full || fault == BatchFault::broken) {
      batch_.clear(); // was never written
      if (fault == BatchFault::broken && below(2) == 0)
        mend();
      return;
    }
    if (fault == BatchFault::failed) {
      for (auto& [sequence, life] : batch_)
        life.voided = now;
      for (const auto& [sequence, life] : lazy_)
        newest(sequence).voided = now;
    } else {
      for (const auto& [sequence, life] : batch_)
        doubtful_.push_back(sequence);
      for (const auto& [sequence, life] : lazy_)
        doubtful_.push_back(sequence);
    }
    lazy_.clear();
    finish_into_model();
  }

  void mend() {
    if (!scene_.writer().mend())
      return;
    for (const Sequence sequence : doubtful_)
      newest(sequence).voided = scene_.files().now();
    doubtful_.clear();
  }

  void retire() {
    if (highest_ == 0)
      return;
    const Sequence up_to = std::max(retired_, highest_ - below(std::min<Sequence>(highest_, 40)));
    claims_.emplace_back(scene_.files().now(), up_to);
    add(Retire{up_to, 1});
    if (commit_and_tell()) {
      scene_.writer().retire(up_to);
      retired_ = up_to;
    }
  }

  void check_restart() {
    const std::size_t now = scene_.files().now();
    scene_.disk().set_dead(false);
    const Reading before = reading_of(scene_.descriptor());
    check(before, now);
    const auto last = before.contents.last_sequence;
    scene_.writer().discard();
    // What is left of troubles that were caused may hit the start.
    for (int attempts = 0;; ++attempts) {
      assert_true(attempts < 20);
      try {
        scene_.restart();
        break;
      } catch (const std::runtime_error&) {
      }
    }
    claims_.emplace_back(now, last);
    retired_ = last;
    highest_ = last;
    doubtful_.clear();
    lazy_.clear();
    for (int attempts = 0; !scene_.writer().mend(); ++attempts)
      assert_true(attempts < 20);
  }

  // After a power cut at MOMENT: of what was not synced, each sector may be there.
  void check_crash(std::size_t moment) {
    const TemporaryDirectory all, synced, mixed;
    scene_.files().lay_out(moment, Crash::killed, 0, all.open().get());
    scene_.files().lay_out(moment, Crash::power_cut, 0, synced.open().get());
    check(reading_of(all), moment);
    check(reading_of(synced), moment);
    lay_out_sectors(all, synced, mixed, [this] { return below(2) == 0; });
    check(reading_of(mixed), moment);
  }

  void check(const Reading& reading, std::size_t moment) {
    assert_true(reading.in_order);
    if (!reading.contents.damage.empty())
      fail_msg("damage: %s", reading.contents.damage.front().why.c_str());
    Sequence may_be_retired = 0;
    for (const auto& [when, up_to] : claims_)
      if (when <= moment)
        may_be_retired = std::max(may_be_retired, up_to);
    if (reading.contents.retired > may_be_retired + 1)
      fail_msg("%llu is not retired", static_cast<unsigned long long>(reading.contents.retired));

    for (const auto& [sequence, body] : reading.records) {
      if (body[0] == 5 || body[0] == 7 || body[0] == 8)
        continue; // Void, Seen, Positions: the writer's own
      const auto [first, end] = lives_.equal_range(sequence);
      if (first == end)
        fail_msg("record %llu was never written", static_cast<unsigned long long>(sequence));
      const std::string& found = body;
      const bool is_one = std::any_of(first, end, [&](const auto& known) {
        const Life& life = known.second;
        return life.body == found && life.begun < moment &&
               !(life.voided && *life.voided <= moment);
      });
      if (!is_one)
        fail_msg("record %llu should not be there", static_cast<unsigned long long>(sequence));
    }
    const std::set<Id128> seen(reading.contents.seen.begin(), reading.contents.seen.end());
    for (const auto& [sequence, life] : lives_) {
      const bool is_durable = life.durable && *life.durable <= moment;
      if (is_durable && sequence >= reading.contents.retired && !reading.records.contains(sequence))
        fail_msg("record %llu is lost", static_cast<unsigned long long>(sequence));
      if (life.transaction == Id128{})
        continue;
      const bool is_void = life.begun >= moment || (life.voided && *life.voided <= moment);
      if (is_void && seen.contains(life.transaction))
        fail_msg("transaction of %llu was not seen", static_cast<unsigned long long>(sequence));
      if (is_durable && !seen.contains(life.transaction) && reading.contents.seen.size() < 512)
        fail_msg("transaction of %llu is forgotten", static_cast<unsigned long long>(sequence));
    }
  }

  std::mt19937 random_;
  JournalScene scene_;
  std::map<Sequence, Life> batch_, lazy_;
  // Of what never got to the disk, a later start uses the numbers again.
  std::multimap<Sequence, Life> lives_;
  std::vector<Sequence> doubtful_;
  std::vector<std::pair<std::size_t, Sequence>> claims_; // what may be retired, since which moment
  Sequence highest_ = 0, retired_ = 0;
  std::uint64_t mailbox_sequence_ = 0;
};

void a_journal_is_what_its_model_is(void**) {
  for (unsigned seed = first_seed; seed < first_seed + runs; ++seed) {
    print_message("seed %u\n", seed);
    RandomJournal(seed).run();
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1)
    first_seed = static_cast<unsigned>(std::stoul(argv[1]));
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_journal_is_what_its_model_is),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
