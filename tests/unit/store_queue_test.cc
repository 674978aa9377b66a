// The queue of mail for other hosts, row by row of docs/spool.md, "The queue": over restarts, power
// cuts at every moment, disks that fail, and rotten files.
#include "tests/unit/check.h"
#include "tests/unit/store_support.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

const std::string text = "Subject: hello\n\nworld\n";
const Id128 this_life{{1}}, another_life{{2}};

MaildirStoreOptions queue_options(Id128 life = this_life) {
  auto options = StoreUnderTest::default_options();
  options.limits.segment_bytes = 256 * 1024;
  options.life = life;
  return options;
}

MaildirStoreOptions eager_options() {
  auto options = queue_options();
  options.checkpoint_interval = std::chrono::milliseconds(2);
  return options;
}

std::shared_ptr<const RelayEnvelope> envelope(std::vector<std::string> addresses) {
  RelayEnvelope made{"me@example.com", "id-1", "HDRS", 1'700'000'007, {}};
  for (std::string& address : addresses)
    made.recipients.push_back({std::move(address), "FAILURE,DELAY", "rfc822;x@example.net"});
  return std::make_shared<const RelayEnvelope>(std::move(made));
}

Delivery outgoing(std::uint8_t number, std::string content, std::vector<std::string> addresses,
                  std::vector<std::uint32_t> accounts = {}) {
  Delivery made = delivery(transaction(number), std::move(content), std::move(accounts));
  made.relay = envelope(std::move(addresses));
  return made;
}

QueueOutcome outcome(const Id128& message, std::uint16_t recipient, QueuedState state,
                     std::int64_t next = 0, std::string status = "said so") {
  QueueOutcome made;
  made.message = message;
  made.recipients.push_back({recipient, {state, next, std::move(status)}});
  return made;
}

CommitResult commit(StoreUnderTest& store, Delivery what) {
  return store.wait_for(store.submit(std::move(what)));
}

std::shared_ptr<std::optional<CommitResult>> begin_record(StoreUnderTest& store,
                                                          QueueOutcome what) {
  auto answer = std::make_shared<std::optional<CommitResult>>();
  store->record_outcome(std::move(what),
                        [answer](CommitResult result) { *answer = std::move(result); });
  return answer;
}
CommitResult record(StoreUnderTest& store, QueueOutcome what) {
  return store.wait_for(begin_record(store, std::move(what)));
}

std::string content_of(StoreUnderTest& store, const Id128& message) {
  auto answer = std::make_shared<std::optional<ReadResult<OpenedMessage>>>();
  store->open_queued(message, [answer](auto opened) { *answer = std::move(opened); });
  auto opened = store.wait_for(answer);
  if (!opened)
    return opened.error().fault == ReadFault::gone ? "(gone)" : "(failed)";
  std::string whole(opened->stored_size, '\0');
  const ssize_t got = ::read(opened->file.get(), whole.data(), whole.size());
  whole.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return whole;
}

// "w" waiting, "d" deferred, "D" done, "F" failed; "" if it is not in the queue.
std::string states(StoreUnderTest& store, const Id128& message) {
  std::string all;
  if (const auto found = store->find_queued(message))
    for (const QueuedRecipient& one : found->recipients)
      all += "wdDF"[static_cast<int>(one.state)];
  return all;
}

void assert_status(const CommitResult& actual, CommitStatus expected) {
  if (actual.status != expected)
    fail_msg("status %d, expected %d: %s", static_cast<int>(actual.status),
             static_cast<int>(expected), actual.text.c_str());
}

template <class Done> void wait_until(Done&& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("a checkpoint was waited for in vain");
    ::poll(nullptr, 0, 1);
  }
}

struct Fixture {
  TemporaryDirectory directory;
  UniqueFd root = directory.open();
  RecordingFileSystem files{root.get()};
  StoreUnderTest store;

  explicit Fixture(MaildirStoreOptions options = queue_options())
      : store(directory, files, options) {
    assert_true(store.resolve({"main"}).has_value());
    wait_for_spare_slot(directory);
  }
  bool has(const std::string& name) const {
    return std::filesystem::exists(directory.path() / "queue" / name);
  }
};

void the_queue_tells_all_of_a_message(void**) {
  Fixture f;
  const auto result = commit(f.store, outgoing(1, text, {"a@example.net", "b@example.org"}, {1}));
  assert_status(result, CommitStatus::committed);
  const auto queue = f.store->queue();
  assert_int_equal(queue.size(), 1);
  const QueuedMessage& one = queue[0];
  assert_true(one.message == result.message);
  assert_int_equal(one.received, 1'700'000'000);
  assert_int_equal(one.stored_size, text.size());
  assert_int_equal(one.wire_size, mail::wire_size(text));
  assert_text_equal(one.envelope->reverse_path, "me@example.com");
  assert_text_equal(one.envelope->recipients.at(1).address, "b@example.org");
  assert_text_equal(states(f.store, one.message), "ww");
  assert_text_equal(content_of(f.store, one.message), text);
  f.store.settle();
  assert_int_equal(f.directory.names(f.directory.maildir(1) / "new").size(), 1);
}

void a_queued_message_survives_with_all_that_belongs_to_it(void**) {
  for (const bool large : {false, true})
    for (const bool checkpoint : {false, true})
      for (const Id128& life : {this_life, another_life}) {
        Fixture f(checkpoint ? eager_options() : queue_options());
        const std::string content = large ? std::string(300'000, 'x') + "\n" : text;
        const Id128 message =
            commit(f.store, outgoing(1, content, {"a@example.net", "b@example.org"}, {1})).message;
        assert_status(record(f.store, outcome(message, 1, QueuedState::deferred, 1'700'000'300,
                                              "451 4.2.0 later\r\n")),
                      CommitStatus::committed);
        if (checkpoint)
          wait_until([&] { return f.has(message.hex() + ".state"); });
        TemporaryDirectory left;
        f.files.lay_out(f.files.now(), life == this_life ? Crash::killed : Crash::power_cut, 0,
                        left.open().get());
        for (int start = 0; start < 3; ++start) {
          StoreUnderTest next(left, posix_file_system(), queue_options(life));
          const auto found = next->find_queued(message);
          assert_true(found.has_value());
          assert_int_equal(found->received, 1'700'000'000);
          assert_int_equal(found->stored_size, content.size());
          assert_text_equal(found->envelope->reverse_path, "me@example.com");
          assert_text_equal(found->envelope->envelope_id, "id-1");
          assert_text_equal(found->envelope->ret, "HDRS");
          assert_int_equal(found->envelope->not_before, 1'700'000'007);
          assert_text_equal(found->envelope->recipients.at(0).address, "a@example.net");
          assert_text_equal(found->envelope->recipients.at(0).notify, "FAILURE,DELAY");
          assert_text_equal(found->envelope->recipients.at(0).original, "rfc822;x@example.net");
          assert_text_equal(states(next, message), "wd");
          assert_int_equal(found->recipients.at(1).next_attempt, 1'700'000'300);
          assert_text_equal(found->recipients.at(1).status, "451 4.2.0 later??");
          assert_true(content_of(next, message) == content);
          wait_for_files(left, left.maildir(1) / "new", 1);
        }
      }
}

void one_that_is_finished_before_a_checkpoint_never_gets_files(void**) {
  Fixture f;
  const std::size_t created = f.files.count(Call::create);
  const Id128 message = commit(f.store, outgoing(1, text, {"a@example.net"})).message;
  assert_status(record(f.store, outcome(message, 0, QueuedState::done)), CommitStatus::committed);
  assert_int_equal(f.store->queue().size(), 0);
  assert_text_equal(content_of(f.store, message), "(gone)");
  f.store.close();
  assert_int_equal(f.files.count(Call::create), created);
  StoreUnderTest next(f.directory, f.files, queue_options());
  assert_int_equal(next->queue().size(), 0);
  assert_int_equal(f.directory.names("queue").size(), 0);
}

void outcomes_that_contradict_are_refused(void**) {
  Fixture f;
  const Id128 message = commit(f.store, outgoing(1, text, {"a@x.net", "b@x.net"})).message;
  assert_status(record(f.store, outcome(transaction(9), 0, QueuedState::done)),
                CommitStatus::refused);
  assert_status(record(f.store, outcome(message, 2, QueuedState::done)), CommitStatus::refused);
  f.files.close_gate(Call::sync_file);
  auto first = begin_record(f.store, outcome(message, 0, QueuedState::done));
  assert_status(record(f.store, outcome(message, 0, QueuedState::failed)), CommitStatus::refused);
  auto second = begin_record(f.store, outcome(message, 1, QueuedState::deferred));
  f.files.open_gate();
  assert_status(f.store.wait_for(first), CommitStatus::committed);
  assert_status(f.store.wait_for(second), CommitStatus::committed);
  assert_status(record(f.store, outcome(message, 0, QueuedState::deferred)), CommitStatus::refused);
  assert_text_equal(states(f.store, message), "Dd");
}

void a_repeat_of_an_outcome_is_told_by_its_dsn(void**) {
  Fixture f;
  const Id128 message = commit(f.store, outgoing(1, text, {"a@example.net"})).message;
  const auto failure = [&](bool again) {
    QueueOutcome made = outcome(message, 0, QueuedState::failed);
    made.dsn = delivery(transaction(2), "Subject: failed\n\n");
    made.dsn->again = again;
    return made;
  };
  assert_status(record(f.store, failure(false)), CommitStatus::committed);
  assert_status(record(f.store, failure(true)), CommitStatus::committed);
  assert_status(record(f.store, failure(false)), CommitStatus::refused);
  f.store.settle();
  assert_int_equal(f.directory.names(f.directory.maildir(1) / "new").size(), 1);
  f.store.close();
  StoreUnderTest next(f.directory, f.files, queue_options());
  assert_status(record(next, failure(true)), CommitStatus::committed);
  next.settle();
  assert_int_equal(f.directory.names(f.directory.maildir(1) / "new").size(), 1);
}

void an_outcome_that_the_disk_does_not_take_leaves_the_queue_as_it_was(void**) {
  Fixture f;
  const Id128 message = commit(f.store, outgoing(1, text, {"a@example.net"})).message;
  QueueOutcome failure = outcome(message, 0, QueuedState::failed);
  failure.dsn = delivery(transaction(2), "Subject: failed\n\n");
  f.files.fail(Call::sync_file, 1, EIO);
  assert_status(record(f.store, std::move(failure)), CommitStatus::failed);
  assert_text_equal(states(f.store, message), "w");
  f.store.settle();
  assert_int_equal(f.directory.names(f.directory.maildir(1) / "new").size(), 0);
  f.files.fail(Call::sync_file, 1, EIO);
  assert_status(record(f.store, outcome(message, 0, QueuedState::done)), CommitStatus::failed);
  assert_text_equal(content_of(f.store, message), text);
  assert_status(record(f.store, outcome(message, 0, QueuedState::done)), CommitStatus::committed);
}

void a_full_queue_takes_dsns_only(void**) {
  auto options = queue_options();
  options.limits.queue_messages = 1;
  Fixture f(options);
  const Id128 message = commit(f.store, outgoing(1, text, {"a@x.net", "b@x.net"})).message;
  assert_status(commit(f.store, outgoing(2, text, {"a@example.net"})), CommitStatus::full);
  QueueOutcome failure = outcome(message, 0, QueuedState::failed);
  failure.dsn = outgoing(3, text, {"me@example.net"});
  const auto result = record(f.store, std::move(failure));
  assert_status(result, CommitStatus::committed);
  assert_text_equal(states(f.store, result.message), "w");
  failure = outcome(message, 1, QueuedState::failed);
  failure.dsn = outgoing(4, text, {"me@example.net"});
  assert_status(record(f.store, std::move(failure)), CommitStatus::full);
  assert_status(record(f.store, outcome(result.message, 0, QueuedState::done)),
                CommitStatus::committed);
  assert_status(record(f.store, outcome(message, 1, QueuedState::done)), CommitStatus::committed);
  assert_status(commit(f.store, outgoing(2, text, {"a@example.net"})), CommitStatus::committed);
}

// Without it, what it tells of other recipients would be lost, and they would get the message
// again.
void a_dsn_goes_to_a_maildrop_for_which_too_much_waits(void**) {
  auto options = queue_options();
  options.limits.stuck_copies = 1;
  Fixture f(options);
  const Id128 message = commit(f.store, outgoing(1, text, {"a@example.net"})).message;
  for (const char* name : {"tmp", "new", "cur"})
    f.files.freeze(f.directory.maildir(1) / name);
  assert_status(commit(f.store, delivery(transaction(2), text)), CommitStatus::committed);
  f.store.settle();
  assert_status(commit(f.store, delivery(transaction(3), text)), CommitStatus::failed);
  QueueOutcome failure = outcome(message, 0, QueuedState::failed);
  failure.dsn = delivery(transaction(4), "Subject: failed\n\n");
  assert_status(record(f.store, std::move(failure)), CommitStatus::committed);
  assert_int_equal(f.store->queue().size(), 0);
  assert_int_equal((*f.store.list())->messages().size(), 2);
}

void a_checkpoint_that_cannot_keep_does_not_retire(void**) {
  for (const auto& [call, nth] : {std::pair(Call::create, 1), std::pair(Call::append, 1),
                                  std::pair(Call::rename, 1), std::pair(Call::link, 1)}) {
    auto options = eager_options();
    std::size_t failures = 0;
    options.report = [&](const StoreReport& report) {
      failures += report.event == "checkpoint.failed";
    };
    Fixture f(options);
    const std::string content(call == Call::link ? 300'000 : 10, 'x');
    f.files.fail(call, nth, EIO); // a small message makes no files but the queue's
    const auto result = commit(f.store, outgoing(1, content, {"a@example.net"}));
    assert_status(result, CommitStatus::committed);
    // It is tried again, and nothing is lost meanwhile.
    wait_until([&] { return f.has(result.message.hex()); });
    assert_true(content_of(f.store, result.message) == content);
    f.store.settle(); // drains the reports
    assert_int_equal(failures, 1);
    f.store.close();
    StoreUnderTest next(f.directory, f.files, queue_options(another_life));
    assert_true(content_of(next, result.message) == content);
  }
}

// ---- Every moment

// What was asked for and answered: an effect is not there up to BEGUN, and there from ANSWERED on.
struct Window {
  std::size_t begun = 0, answered = 0;
  bool must(std::size_t moment) const { return moment >= answered; }
  bool may(std::size_t moment) const { return moment > begun; }
};

void at_every_moment_the_queue_is_as_it_was(bool sync_everything) {
  Fixture f(eager_options());
  if (!sync_everything)
    f.files.lack_sync_everything();
  const std::string large(300'000, 'L'), report = "Subject: failed\n\nsorry\n";
  const std::size_t first_moment = f.files.now();
  const auto during = [&](auto&& act) {
    Window window;
    window.begun = f.files.now();
    act();
    window.answered = f.files.now();
    return window;
  };
  Id128 small_id, dsn_id, large_id;
  const Window accepted = during([&] {
    const auto result = commit(f.store, outgoing(1, text, {"a@example.net", "b@example.net"}));
    assert_status(result, CommitStatus::committed);
    small_id = result.message;
  });
  wait_until([&] { return f.has(small_id.hex()); });
  const Window deferred = during([&] {
    assert_status(record(f.store, outcome(small_id, 0, QueuedState::deferred, 1'700'000'300)),
                  CommitStatus::committed);
  });
  wait_until([&] { return f.has(small_id.hex() + ".state"); });
  const Window failed = during([&] {
    QueueOutcome failure = outcome(small_id, 1, QueuedState::failed);
    failure.dsn = outgoing(2, report, {"me@example.net"}, {1});
    const auto result = record(f.store, std::move(failure));
    assert_status(result, CommitStatus::committed);
    dsn_id = result.message;
  });
  wait_until([&] { return f.has(dsn_id.hex()); });
  const Window finished = during([&] {
    assert_status(record(f.store, outcome(small_id, 0, QueuedState::done)),
                  CommitStatus::committed);
  });
  wait_until([&] { return !f.has(small_id.hex() + ".state"); });
  const Window large_accepted = during([&] {
    const auto result = commit(f.store, outgoing(3, large, {"c@example.net"}));
    assert_status(result, CommitStatus::committed);
    large_id = result.message;
  });
  wait_until([&] { return f.has(large_id.hex()) && f.directory.names("large").empty(); });
  const Window large_done = during([&] {
    assert_status(record(f.store, outcome(large_id, 0, QueuedState::done)),
                  CommitStatus::committed);
  });
  wait_until([&] { return !f.has(large_id.hex() + ".content"); });
  f.store.close();

  const auto check = [&](std::size_t moment, Crash crash, unsigned seed) {
    TemporaryDirectory left;
    f.files.lay_out(moment, crash, seed, left.open().get());
    StoreUnderTest store(left, posix_file_system(),
                         queue_options(crash == Crash::killed ? this_life : another_life));
    const std::string small = states(store, small_id);
    const std::string where =
        "moment " + std::to_string(moment) + " of " + std::to_string(f.files.now()) + ", crash " +
        std::to_string(static_cast<int>(crash)) + " " + std::to_string(seed) + ": " + small;
    const auto holds = [&](bool good, const char* what) {
      if (!good)
        fail_msg("%s: %s", where.c_str(), what);
    };
    // The small message, and its recipients.
    holds(!small.empty() || !accepted.must(moment) || finished.may(moment), "it is lost");
    holds(small.empty() || (accepted.may(moment) && !finished.must(moment)), "it is there again");
    if (!small.empty()) {
      holds(small[0] == (deferred.must(moment)  ? 'd'
                         : deferred.may(moment) ? small[0]
                                                : 'w'),
            "the first recipient");
      holds(small[1] == (failed.must(moment)  ? 'F'
                         : failed.may(moment) ? small[1]
                                              : 'w'),
            "the second recipient");
      holds(content_of(store, small_id) == text, "its content");
    }
    // The failure and its DSN: in the maildrop and in the queue, both or none.
    wait_until_retired(left);
    const bool is_failed = failed.must(moment) || (!small.empty() && small[1] == 'F');
    holds(left.names(left.maildir(1) / "new").size() == (is_failed ? 1u : 0u), "the DSN's copy");
    holds(states(store, dsn_id) == (is_failed ? "w" : ""), "the DSN in the queue");
    if (is_failed)
      holds(content_of(store, dsn_id) == report, "the DSN's content");
    // The large one.
    const bool has_large = !states(store, large_id).empty();
    holds(has_large || !large_accepted.must(moment) || large_done.may(moment), "the large one");
    holds(!has_large || (large_accepted.may(moment) && !large_done.must(moment)),
          "the large one again");
    if (has_large)
      holds(content_of(store, large_id) == large, "large content");
    // Recovery has kept all of it, and nothing else.
    std::vector<std::string> expected;
    for (const QueuedMessage& one : store->queue()) {
      expected.push_back(one.message.hex());
      if (one.message == large_id)
        expected.push_back(one.message.hex() + ".content");
      if (states(store, one.message).find_first_not_of('w') != std::string::npos)
        expected.push_back(one.message.hex() + ".state");
    }
    std::sort(expected.begin(), expected.end());
    holds(left.names("queue") == expected, "the files");
    holds(left.names("large").empty(), "left-overs in large");
    holds(left.names("corrupt").empty(), "something was set aside");
  };
  for (std::size_t moment = first_moment; moment <= f.files.now(); ++moment) {
    check(moment, Crash::killed, 0);
    check(moment, Crash::power_cut, 0);
    for (unsigned seed = 1; seed <= 6; ++seed)
      check(moment, Crash::mixed, seed);
  }
}

void at_every_moment_the_queue_is_as_it_was_answered(void**) {
  at_every_moment_the_queue_is_as_it_was(true);
}

void so_it_is_where_each_file_is_synced_by_itself(void**) {
  at_every_moment_the_queue_is_as_it_was(false);
}

void what_a_start_cannot_keep_stays_in_the_journal(void**) {
  for (const bool large : {false, true}) {
    Fixture f;
    const std::string content(large ? 300'000 : 10, 'x');
    const Id128 message = commit(f.store, outgoing(1, content, {"a@example.net"})).message;
    assert_status(record(f.store, outcome(message, 0, QueuedState::deferred, 5)),
                  CommitStatus::committed);
    f.store.close();
    std::size_t unsettled = 0;
    auto options = queue_options(another_life);
    options.report = [&](const StoreReport& report) {
      unsettled += report.event == "recovery.unsettled";
    };
    f.files.freeze(f.directory.path() / "queue");
    for (int start = 0; start < 3; ++start) {
      StoreUnderTest next(f.directory, f.files, options);
      assert_text_equal(states(next, message), "d");
      assert_true(content_of(next, message) == content);
      assert_false(f.has(message.hex()));
    }
    assert_int_equal(unsettled, 3);
    f.files.thaw();
    StoreUnderTest next(f.directory, f.files, options);
    assert_text_equal(states(next, message), "d");
    assert_true(content_of(next, message) == content);
    assert_true(f.has(message.hex()));
    assert_int_equal(f.directory.names("large").size(), 0);
  }
}

// ---- Rotten files

void rotten_files_are_set_aside(void**) {
  Fixture f(eager_options());
  std::vector<std::string> reports;
  const std::string large(300'000, 'x');
  const Id128 whole = commit(f.store, outgoing(1, text, {"a@x.net", "b@x.net"})).message;
  const Id128 rotten = commit(f.store, outgoing(2, text, {"a@x.net", "b@x.net"})).message;
  const Id128 stateless = commit(f.store, outgoing(3, text, {"a@x.net", "b@x.net"})).message;
  const Id128 empty = commit(f.store, outgoing(4, large, {"a@x.net"})).message;
  for (const Id128& message : {whole, rotten, stateless})
    assert_status(record(f.store, outcome(message, 0, QueuedState::done)), CommitStatus::committed);
  wait_until([&] {
    return f.has(whole.hex() + ".state") && f.has(rotten.hex() + ".state") &&
           f.has(stateless.hex() + ".state") && f.has(empty.hex());
  });
  f.store.close();
  // The journal needs none of it from here on.
  { StoreUnderTest settled(f.directory, f.files, queue_options()); }
  const auto spoil = [&](const std::string& name) {
    std::string bytes = f.directory.read("queue/" + name);
    bytes[bytes.size() / 2] ^= 1;
    f.directory.write("queue/" + name, bytes);
  };
  spoil(rotten.hex());
  spoil(stateless.hex() + ".state");
  std::filesystem::remove(f.directory.path() / "queue" / (empty.hex() + ".content"));
  f.directory.write("queue/stranger", "x");
  f.directory.write("queue/half.tmp", "x");
  f.directory.write("queue/" + transaction(77).hex() + ".state", "left over");
  std::filesystem::create_directory(f.directory.path() / "queue" / transaction(78).hex());
  std::filesystem::create_symlink("/etc/passwd",
                                  f.directory.path() / "queue" / transaction(79).hex());
  auto options = queue_options(another_life);
  options.report = [&](const StoreReport& report) { reports.push_back(report.event); };
  StoreUnderTest next(f.directory, f.files, options);
  assert_text_equal(states(next, whole), "Dw");
  assert_text_equal(states(next, stateless), "ww");
  assert_text_equal(states(next, rotten), "");
  assert_text_equal(states(next, empty), "");
  std::vector<std::string> expected = {"queue-" + rotten.hex() + ".1",
                                       "queue-" + rotten.hex() + ".state.1",
                                       "queue-" + stateless.hex() + ".state.1",
                                       "queue-" + empty.hex() + ".1",
                                       "queue-stranger.1",
                                       "queue-" + transaction(78).hex() + ".1",
                                       "queue-" + transaction(79).hex() + ".1"};
  std::sort(expected.begin(), expected.end());
  assert_true(f.directory.names("corrupt") == expected);
  expected = {whole.hex(), whole.hex() + ".state", stateless.hex()};
  std::sort(expected.begin(), expected.end());
  assert_true(f.directory.names("queue") == expected);
  next.settle(); // drains the reports
  assert_int_equal(std::count(reports.begin(), reports.end(), "queue.damage"), 7);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_queue_tells_all_of_a_message),
      cmocka_unit_test(a_queued_message_survives_with_all_that_belongs_to_it),
      cmocka_unit_test(one_that_is_finished_before_a_checkpoint_never_gets_files),
      cmocka_unit_test(outcomes_that_contradict_are_refused),
      cmocka_unit_test(a_repeat_of_an_outcome_is_told_by_its_dsn),
      cmocka_unit_test(an_outcome_that_the_disk_does_not_take_leaves_the_queue_as_it_was),
      cmocka_unit_test(a_full_queue_takes_dsns_only),
      cmocka_unit_test(a_dsn_goes_to_a_maildrop_for_which_too_much_waits),
      cmocka_unit_test(a_checkpoint_that_cannot_keep_does_not_retire),
      cmocka_unit_test(at_every_moment_the_queue_is_as_it_was_answered),
      cmocka_unit_test(so_it_is_where_each_file_is_synced_by_itself),
      cmocka_unit_test(what_a_start_cannot_keep_stays_in_the_journal),
      cmocka_unit_test(rotten_files_are_set_aside),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
