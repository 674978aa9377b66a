// Committing, row by row of docs/spool.md: what is stored, what each failure leaves, repeats, and
// that many commits share their syncs.
#include "queued/maildir/maildir_name.h"
#include "tests/unit/check.h"
#include "tests/unit/store_support.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

const std::string text = "Subject: hello\n\nworld\n";

// A store with the maildrops 1 and 2, on a file system that can be made to fail.
struct Fixture {
  TemporaryDirectory directory;
  UniqueFd root = directory.open();
  RecordingFileSystem files{root.get()};
  StoreUnderTest store;

  explicit Fixture(MaildirStoreOptions options = StoreUnderTest::default_options())
      : store(directory, files, options) {
    assert_true(store.resolve({"main", "alice"}).has_value());
    wait_for_spare_slot(directory);
  }
  std::size_t in_new(unsigned account) {
    store.settle(account);
    return directory.names(directory.maildir(account) / "new").size();
  }
  // Nothing of it is left, in either maildrop.
  void assert_nothing_kept() {
    for (const unsigned account : {1U, 2U}) {
      store.settle(account);
      for (const char* name : {"tmp", "new", "cur"})
        assert_int_equal(directory.names(directory.maildir(account) / name).size(), 0);
    }
    assert_int_equal(directory.names("large").size(), 0);
  }
};

void assert_status(CommitStatus actual, CommitStatus expected) {
  assert_int_equal(static_cast<int>(actual), static_cast<int>(expected));
}

void one_delivery_to_two_accounts_is_two_files(void**) {
  Fixture f;
  assert_status(f.store.commit(delivery(transaction(1), text, {1, 2})), CommitStatus::committed);
  for (const unsigned account : {1U, 2U}) {
    const auto drop = f.directory.maildir(account);
    assert_int_equal(f.in_new(account), 1);
    const std::string name = f.directory.names(drop / "new").at(0);
    const std::string whole = head_for(account) + text;
    assert_text_equal(f.directory.read(drop / "new" / name), whole);
    const auto id = message_id_in(name);
    assert_true(id.has_value());
    assert_text_equal(name, "1700000000." + id->hex() +
                                ".mx.example.com,S=" + std::to_string(whole.size()) +
                                ",W=" + std::to_string(mail::wire_size(whole)));
    assert_int_equal(f.directory.names(drop / "tmp").size(), 0);
  }
}

void content_comes_from_a_scratch_file(void**) {
  Fixture f;
  const std::string large(700'001, 'x'); // several buffers
  auto lease = f.store.lease_scratch(Borrower{7}, large.size());
  assert_int_equal(::write(lease->file.get(), large.data(), large.size()), large.size());
  Delivery what = delivery(transaction(1), large, {1, 2});
  what.content = ScratchContent{Borrower{7}, lease->id};
  assert_status(f.store.commit(std::move(what)), CommitStatus::committed);
  f.store.settle(2);
  const auto names = f.directory.names(f.directory.maildir(2) / "new");
  assert_text_equal(f.directory.read(f.directory.maildir(2) / "new" / names.at(0)),
                    head_for(2) + large);
}

// A copy that is the only one leaves in whole blocks, wherever its head ends.
void a_large_message_of_one_copy_begins_with_its_head(void**) {
  auto options = StoreUnderTest::default_options();
  options.limits.head_bytes = 1u << 20;
  Fixture f(options);
  std::uint8_t number = 0;
  for (const std::size_t lines : {0, 1, 372, 373, 50'000, 70'000}) { // of eleven octets
    Delivery what = delivery(transaction(++number), std::string(300'001, 'x'));
    auto& head = what.copies.at(0).head;
    head.clear();
    for (std::size_t i = 0; i < lines; ++i)
      head += "X-Head: ab\n";
    const std::string whole = head + std::get<InlineContent>(what.content).bytes;
    auto lease = f.store.lease_scratch(Borrower{7}, what.stored_size);
    const auto& content = std::get<InlineContent>(what.content).bytes;
    assert_int_equal(::write(lease->file.get(), content.data(), content.size()), content.size());
    if (lines % 2 == 0) // else from the delivery itself
      what.content = ScratchContent{Borrower{7}, lease->id};
    assert_status(f.store.commit(std::move(what)), CommitStatus::committed);
    f.store.settle(1);
    const auto names = f.directory.names(f.directory.maildir(1) / "new");
    assert_int_equal(names.size(), 1);
    assert_true(f.directory.read(f.directory.maildir(1) / "new" / names.at(0)) == whole);
    std::filesystem::remove(f.directory.path() / f.directory.maildir(1) / "new" / names.at(0));
  }
}

void content_of_another_borrower_is_refused(void**) {
  Fixture f;
  auto lease = f.store.lease_scratch(Borrower{7}, text.size());
  assert_int_equal(::write(lease->file.get(), text.data(), text.size()), text.size());
  Delivery what = delivery(transaction(1), text);
  what.content = ScratchContent{Borrower{8}, lease->id};
  assert_status(f.store.commit(std::move(what)), CommitStatus::refused);
  f.assert_nothing_kept();
}

void content_that_is_not_as_declared_is_refused(void**) {
  Fixture f;
  std::uint8_t number = 0;
  const auto refused_with = [&](auto&& spoil) {
    Delivery what = delivery(transaction(++number), text, {1, 2});
    auto lease = f.store.lease_scratch(Borrower{1}, 0);
    assert_int_equal(::write(lease->file.get(), text.data(), text.size()), text.size());
    what.content = ScratchContent{Borrower{1}, lease->id};
    spoil(what);
    assert_status(f.store.commit(std::move(what)), CommitStatus::refused);
    f.assert_nothing_kept();
  };
  refused_with([](Delivery& what) { what.crc ^= 1; });
  refused_with([](Delivery& what) { what.wire_size += 1; });
  refused_with([](Delivery& what) { what.stored_size += 1; });
  refused_with([](Delivery& what) { what.stored_size = std::uint64_t{1} << 62; });
  refused_with([](Delivery& what) { what.received = -1; });
  refused_with([](Delivery& what) { what.header_size = what.stored_size + 1; });
  refused_with([](Delivery& what) { what.copies.clear(); });
  refused_with([](Delivery& what) { what.copies[1].account = what.copies[0].account; });
  refused_with([](Delivery& what) { what.copies[0].head = "no end of line"; });
  refused_with([](Delivery& what) { what.content = InlineContent{"other"}; });
}

void an_empty_message_is_a_message(void**) {
  Fixture f;
  assert_status(f.store.commit(delivery(transaction(1), "")), CommitStatus::committed);
  assert_int_equal(f.in_new(1), 1);
}

void no_room_is_full_before_anything_is_written(void**) {
  auto options = StoreUnderTest::default_options();
  options.reserve = 1'000'000;
  Fixture f(options);
  f.files.set_free_bytes(1'000'000 + text.size());
  const std::size_t before = f.files.now();
  assert_status(f.store.commit(delivery(transaction(1), text)), CommitStatus::full);
  assert_int_equal(f.files.now(), before);
  f.files.set_free_bytes(900'000); // already below the reserve
  assert_status(f.store.commit(delivery(transaction(2), text)), CommitStatus::full);
  f.files.set_free_bytes(2'000'000);
  assert_status(f.store.commit(delivery(transaction(3), text)), CommitStatus::committed);
}

// docs/spool.md, "When the disk fails".
void the_journals_failures_are_voided_before_they_are_answered(void**) {
  for (const auto& [call, error] :
       {std::pair(Call::write_at, EIO), std::pair(Call::write_at, ENOSPC),
        std::pair(Call::sync_file, EIO)}) {
    Fixture f;
    f.files.fail(call, 1, error);
    assert_status(f.store.commit(delivery(transaction(1), text, {1, 2})), CommitStatus::failed);
    f.assert_nothing_kept();
    assert_status(f.store.commit(delivery(transaction(2), text, {1, 2})), CommitStatus::committed);
    f.store.close();
    StoreUnderTest next(f.directory, f.files);
    next.settle(1);
    assert_int_equal(f.directory.names(f.directory.maildir(1) / "new").size(), 1);
  }
}

void what_a_large_file_cannot_take_is_refused_and_removed(void**) {
  const std::string large(300'000, 'x');
  const struct {
    Call call;
    int error;
    CommitStatus status;
  } table[] = {
      {Call::create, ENOSPC, CommitStatus::full},
      {Call::create, EIO, CommitStatus::failed},
      {Call::append, EDQUOT, CommitStatus::full},
      {Call::append, EIO, CommitStatus::failed},
      {Call::sync_file, EIO, CommitStatus::failed},
      {Call::sync_directory, EIO, CommitStatus::failed},
  };
  for (const auto& row : table) {
    Fixture f;
    f.files.fail(row.call, 1, row.error);
    assert_status(f.store.commit(delivery(transaction(1), large, {1, 2})), row.status);
    f.assert_nothing_kept();
    assert_status(f.store.commit(delivery(transaction(2), large, {1, 2})), CommitStatus::committed);
  }
}

void what_a_maildrop_does_not_take_is_read_from_the_journal_and_tried_again(void**) {
  auto options = StoreUnderTest::default_options();
  options.first_retry = std::chrono::hours(1);
  Fixture f(options);
  f.files.fail(Call::create, 1, ENOSPC);
  assert_status(f.store.commit(delivery(transaction(1), text)), CommitStatus::committed);
  auto maildrop = *f.store.list();
  assert_int_equal(maildrop->messages().size(), 1);
  assert_int_equal(f.directory.names(f.directory.maildir(1) / "new").size(), 0);
  assert_text_equal(f.store.read(*maildrop, 0), head_for(1) + text);
  // Its next attempt is the next start's.
  maildrop.reset();
  f.store.close();
  StoreUnderTest next(f.directory, f.files);
  wait_for_files(f.directory, f.directory.maildir(1) / "new", 1);
}

void what_is_expunged_before_it_has_its_place_never_comes(void**) {
  auto options = StoreUnderTest::default_options();
  options.first_retry = std::chrono::hours(1);
  Fixture f(options);
  f.files.fail(Call::create, 1, ENOSPC);
  assert_status(f.store.commit(delivery(transaction(1), text)), CommitStatus::committed);
  auto maildrop = *f.store.list();
  assert_true(f.store.expunge(*maildrop, {0}).has_value());
  maildrop.reset();
  assert_int_equal((*f.store.list())->messages().size(), 0);
  f.store.close();
  StoreUnderTest next(f.directory, f.files);
  assert_int_equal((*next.list())->messages().size(), 0);
}

void a_failure_leaves_the_rest_of_its_batch_alone(void**) {
  Fixture f;
  f.files.close_gate(Call::sync_file);
  auto first = f.store.submit(delivery(transaction(1), text, {1}));
  f.files.wait_for_caller_at_gate();
  Delivery bad = delivery(transaction(2), text, {1});
  bad.crc ^= 1;
  auto second = f.store.submit(std::move(bad));
  auto third = f.store.submit(delivery(transaction(3), text, {1, 2}));
  f.files.open_gate();
  assert_status(f.store.wait_for(first).status, CommitStatus::committed);
  assert_status(f.store.wait_for(second).status, CommitStatus::refused);
  assert_status(f.store.wait_for(third).status, CommitStatus::committed);
  assert_int_equal(f.in_new(1), 2);
}

void commits_that_wait_share_one_sync(void**) {
  Fixture f;
  const std::size_t syncs = f.files.count(Call::sync_file);
  f.files.close_gate(Call::sync_file);
  std::vector<std::shared_ptr<std::optional<CommitResult>>> answers;
  answers.push_back(f.store.submit(delivery(transaction(0), text)));
  f.files.wait_for_caller_at_gate();
  for (std::uint8_t i = 1; i <= 200; ++i)
    answers.push_back(f.store.submit(delivery(transaction(i), text)));
  f.files.open_gate();
  for (auto& answer : answers)
    assert_status(f.store.wait_for(answer).status, CommitStatus::committed);
  assert_int_equal(f.files.count(Call::sync_file) - syncs, 2);
  assert_int_equal(f.in_new(1), 201);
}

void a_full_backlog_is_busy(void**) {
  auto options = StoreUnderTest::default_options();
  options.limits.backlog_deliveries = 2;
  Fixture f(options);
  f.files.close_gate(Call::sync_file);
  auto first = f.store.submit(delivery(transaction(1), text));
  auto second = f.store.submit(delivery(transaction(2), text));
  assert_status(f.store.commit(delivery(transaction(3), text)), CommitStatus::busy);
  f.files.open_gate();
  assert_status(f.store.wait_for(first).status, CommitStatus::committed);
  assert_status(f.store.wait_for(second).status, CommitStatus::committed);
  assert_status(f.store.commit(delivery(transaction(3), text)), CommitStatus::committed);
}

void a_repeat_joins_the_commit_under_way(void**) {
  Fixture f;
  f.files.close_gate(Call::sync_file);
  auto first = f.store.submit(delivery(transaction(1), text));
  f.files.wait_for_caller_at_gate();
  Delivery repeat = delivery(transaction(1), text);
  repeat.again = true;
  auto second = f.store.submit(std::move(repeat));
  assert_status(f.store.commit(delivery(transaction(1), text)), CommitStatus::refused);
  f.files.open_gate();
  assert_status(f.store.wait_for(first).status, CommitStatus::committed);
  assert_status(f.store.wait_for(second).status, CommitStatus::committed);
  assert_int_equal(f.in_new(1), 1);
}

Delivery repeat_of(std::uint8_t number, std::vector<std::uint32_t> accounts) {
  Delivery repeat = delivery(transaction(number), text, std::move(accounts));
  repeat.again = true;
  return repeat;
}

void a_repeat_after_a_restart_is_known(void**) {
  Fixture f;
  assert_status(f.store.commit(delivery(transaction(1), text, {1, 2})), CommitStatus::committed);
  f.store.close();
  StoreUnderTest next(f.directory, f.files);
  Delivery repeat = repeat_of(1, {1, 2});
  repeat.content = ScratchContent{Borrower{1}, ScratchId{1}}; // died with the queued before
  assert_status(next.commit(std::move(repeat)), CommitStatus::committed);
  next.settle(1);
  assert_int_equal(f.directory.names(f.directory.maildir(1) / "new").size(), 1);
}

void a_repeat_after_an_expunge_and_restarts_does_not_bring_it_back(void**) {
  Fixture f;
  assert_status(f.store.commit(delivery(transaction(1), text)), CommitStatus::committed);
  assert_true(f.store.expunge(**f.store.list(), {0}, transaction(2)).has_value());
  f.store.close();
  for (int start = 0; start < 3; ++start) {
    StoreUnderTest next(f.directory, f.files);
    assert_status(next.commit(repeat_of(1, {1})), CommitStatus::committed);
    assert_true(next->knows(transaction(2)));
    assert_false(next->knows(transaction(3)));
    next.settle(1);
    assert_int_equal(f.directory.names(f.directory.maildir(1) / "new").size(), 0);
  }
}

void a_repeat_that_nobody_knows_is_committed(void**) {
  Fixture f;
  Delivery repeat = repeat_of(1, {1});
  f.directory.write("content", text);
  repeat.content =
      FileContent{UniqueFd(::open((f.directory.path() / "content").c_str(), O_RDONLY))};
  assert_status(f.store.commit(std::move(repeat)), CommitStatus::committed);
  assert_int_equal(f.in_new(1), 1);
}

void a_repeat_of_a_message_expunged_since_does_not_bring_it_back(void**) {
  Fixture f;
  assert_status(f.store.commit(delivery(transaction(1), text)), CommitStatus::committed);
  assert_true(f.store.expunge(**f.store.list(), {0}).has_value());
  assert_status(f.store.commit(repeat_of(1, {1})), CommitStatus::committed);
  assert_int_equal(f.in_new(1), 0);
}

void an_id_that_was_used_is_refused_to_another(void**) {
  Fixture f;
  assert_status(f.store.commit(delivery(transaction(1), text)), CommitStatus::committed);
  assert_status(f.store.commit(delivery(transaction(1), text)), CommitStatus::refused);
  assert_int_equal(f.in_new(1), 1);
}

void an_unknown_account_is_refused(void**) {
  Fixture f;
  assert_status(f.store.commit(delivery(transaction(1), text, {1, 9})), CommitStatus::refused);
  f.assert_nothing_kept();
}

void what_was_accepted_is_committed_before_the_store_goes(void**) {
  Fixture f;
  for (std::uint8_t i = 0; i < 50; ++i)
    f.store.submit(delivery(transaction(i), text));
  f.store.close();
  assert_int_equal(f.directory.names(f.directory.maildir(1) / "new").size(), 50);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(one_delivery_to_two_accounts_is_two_files),
      cmocka_unit_test(content_comes_from_a_scratch_file),
      cmocka_unit_test(a_large_message_of_one_copy_begins_with_its_head),
      cmocka_unit_test(content_of_another_borrower_is_refused),
      cmocka_unit_test(content_that_is_not_as_declared_is_refused),
      cmocka_unit_test(an_empty_message_is_a_message),
      cmocka_unit_test(no_room_is_full_before_anything_is_written),
      cmocka_unit_test(the_journals_failures_are_voided_before_they_are_answered),
      cmocka_unit_test(what_a_large_file_cannot_take_is_refused_and_removed),
      cmocka_unit_test(what_a_maildrop_does_not_take_is_read_from_the_journal_and_tried_again),
      cmocka_unit_test(what_is_expunged_before_it_has_its_place_never_comes),
      cmocka_unit_test(a_failure_leaves_the_rest_of_its_batch_alone),
      cmocka_unit_test(commits_that_wait_share_one_sync),
      cmocka_unit_test(a_full_backlog_is_busy),
      cmocka_unit_test(a_repeat_joins_the_commit_under_way),
      cmocka_unit_test(a_repeat_after_a_restart_is_known),
      cmocka_unit_test(a_repeat_after_an_expunge_and_restarts_does_not_bring_it_back),
      cmocka_unit_test(a_repeat_that_nobody_knows_is_committed),
      cmocka_unit_test(a_repeat_of_a_message_expunged_since_does_not_bring_it_back),
      cmocka_unit_test(an_id_that_was_used_is_refused_to_another),
      cmocka_unit_test(an_unknown_account_is_refused),
      cmocka_unit_test(what_was_accepted_is_committed_before_the_store_goes),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
