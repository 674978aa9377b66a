// MaildirMaildrop: when a directory is read again, whose sizes are believed, and what a message's
// reader can do with its descriptor.
#include "libpop3/message_encoder.h"
#include "libpop3/output_buffer.h"
#include "queued/maildir/list_maildrop.h"
#include "queued/maildir/maildir_maildrop.h"
#include "tests/unit/store_support.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

// The clock of the sessions: set by each test.
std::chrono::system_clock::time_point now;

struct Fixture {
  TemporaryDirectory directory;
  UniqueFd root = directory.open();
  std::filesystem::path drop = directory.maildir(1);
  std::unique_ptr<CompletionQueue> completions = *CompletionQueue::make();
  WorkerPool workers{1, 100};
  MaildropIndexCache indices;
  MentionedFiles mentioned;
  MaildirHost host{"mx.example.com"};
  MaildropServices services{posix_file_system(), root.get(), workers, *completions, indices,
                            mentioned,           host,       1000,    {},           {},
                            [] { return now; }};

  Fixture() {
    now =
        std::chrono::system_clock::now() + std::chrono::hours(1); // all that changes is old by then
    for (const char* name : {"tmp", "new", "cur"})
      std::filesystem::create_directories(drop / name);
  }

  std::string put(std::uint8_t number, const std::string& text,
                  const std::string& folder = "new") const {
    const std::string name = format_maildir_name(1'700'000'000, transaction(number), host,
                                                 text.size(), mail::wire_size(text));
    directory.write(drop / folder / name, text);
    return name;
  }

  // Until a change now would have another time than the last change of the maildrop: on the disk of
  // a test everything happens within a tick, which the clock of the tests hides.
  void wait_for_tick() const {
    const auto changed = [](const std::filesystem::path& path) {
      struct stat about = {};
      if (::stat(path.c_str(), &about) != 0)
        throw std::runtime_error("stat");
      return std::pair(about.st_ctim.tv_sec, about.st_ctim.tv_nsec);
    };
    const auto last = std::max(changed(drop / "new"), changed(drop / "cur"));
    do
      directory.write("tick", "");
    while (changed(directory.path() / "tick") <= last);
  }

  std::shared_ptr<MaildirMaildrop> open(std::span<const PendingMessage> pending = {}) {
    auto opened = MaildirMaildrop::open(services, AccountId{1}, MaildropLock(nullptr),
                                        {{pending.begin(), pending.end()}, {}, {}});
    if (!opened)
      throw std::runtime_error(opened.error().text);
    return *opened;
  }

  ReadResult<OpenedMessage> open_message(MaildirMaildrop& maildrop, std::size_t index) {
    std::optional<ReadResult<OpenedMessage>> answer;
    maildrop.open_message(index, [&](auto opened) { answer = std::move(opened); });
    while (!answer) {
      pollfd watched{completions->descriptor(), POLLIN, 0};
      if (::poll(&watched, 1, 20'000) != 1)
        throw std::runtime_error("no answer came");
      completions->drain();
    }
    return std::move(*answer);
  }

  // The content, or what is wrong.
  std::string read(MaildirMaildrop& maildrop, std::size_t index) {
    auto opened = open_message(maildrop, index);
    if (!opened)
      return opened.error().fault == ReadFault::gone ? "(gone)" : "(failed) " + opened.error().text;
    std::string text(opened->stored_size + 1, '\0'); // one more, to see the end
    const ssize_t got = ::read(opened->file.get(), text.data(), text.size());
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
};

// ---- When the directories are read

void an_index_is_used_again_while_nobody_was_there(void**) {
  Fixture f;
  f.put(1, "a\n");
  const auto first = f.open();
  assert_ptr_equal(&f.open()->index(), &first->index());
  f.wait_for_tick();
  f.put(2, "b\n");
  const auto second = f.open();
  assert_int_equal(second->messages().size(), 2);
  assert_ptr_equal(&f.open()->index(), &second->index());
  assert_int_equal(first->messages().size(), 1); // what it saw stays
}

void every_change_to_the_directories_is_seen(void**) {
  Fixture f;
  const std::string name = f.put(1, "a\n");
  f.put(2, "b\n");
  assert_false(f.open()->index().in_cur(0));
  f.wait_for_tick();
  std::filesystem::rename(f.drop / "new" / name, f.drop / "cur" / (name + ":2,"));
  assert_true(f.open()->index().in_cur(0));
  f.wait_for_tick();
  std::filesystem::rename(f.drop / "cur" / (name + ":2,"), f.drop / "cur" / (name + ":2,S"));
  assert_text_equal(f.open()->index().name(0), name + ":2,S");
  f.wait_for_tick();
  std::filesystem::remove(f.drop / "cur" / (name + ":2,S"));
  assert_int_equal(f.open()->messages().size(), 1);
  // Another directory of the same name, with the same times but for the change of its inode.
  std::filesystem::rename(f.drop / "new", f.directory.path() / "old");
  std::filesystem::create_directory(f.drop / "new");
  assert_int_equal(f.open()->messages().size(), 0);
}

void a_listing_too_soon_after_a_change_is_not_trusted(void**) {
  Fixture f;
  f.put(1, "a\n");
  now = std::chrono::system_clock::now();
  const auto first = f.open();
  const auto second = f.open();
  assert_ptr_not_equal(&second->index(), &first->index());
  now += std::chrono::hours(1);
  const auto third = f.open();
  assert_ptr_equal(&f.open()->index(), &third->index());
}

void directories_are_settled_after_two_seconds(void**) {
  Fixture f;
  const auto directories = *MaildirDirectories::open(f.root.get(), 1);
  const auto times = *MaildirTimes::of(directories);
  struct stat fresh = {}, cur = {};
  assert_int_equal(::fstat(directories.fresh.get(), &fresh), 0);
  assert_int_equal(::fstat(directories.cur.get(), &cur), 0);
  const auto at = [](const timespec& time) {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)));
  };
  const auto last = std::max(at(fresh.st_ctim), at(cur.st_ctim));
  using namespace std::chrono_literals;
  assert_false(times.are_settled(last - 24h)); // a clock that was turned back
  assert_false(times.are_settled(last));
  assert_false(times.are_settled(last + 2s));
  assert_true(times.are_settled(last + 2s + 1us));
}

// ---- Sizes

void wire_sizes_of_other_programs_are_not_believed(void**) {
  Fixture f;
  f.directory.write(f.drop / "new" / "1.M1P2.host,S=4,W=6", "a\nb\nc\n");
  const auto maildrop = f.open();
  assert_int_equal(maildrop->messages()[0].wire_size, 9);
  assert_int_equal(maildrop->index().stored_size(0), 6);
  assert_text_equal(f.read(*maildrop, 0), "a\nb\nc\n");
}

void a_message_with_another_size_than_its_name_says_is_unavailable(void**) {
  Fixture f;
  const std::string name = f.put(1, "four");
  f.directory.write(f.drop / "new" / name, "fives");
  const auto maildrop = f.open();
  assert_text_equal(f.read(*maildrop, 0), "(failed) " + name + ": has 5 octets and should have 4");
}

void a_file_that_was_changed_since_it_was_listed_is_unavailable(void**) {
  Fixture f;
  f.directory.write(f.drop / "new" / "1.foreign", "a\nb\n");
  const auto first = f.open();
  f.directory.write(f.drop / "new" / "1.foreign", "a\nb\nc\n");
  assert_true(f.read(*first, 0).starts_with("(failed)"));
  // Its directory has not changed, but the next session looks.
  const auto second = f.open();
  assert_int_equal(second->messages()[0].wire_size, 9);
  assert_text_equal(f.read(*second, 0), "a\nb\nc\n");
  // As many octets, but other ones.
  f.directory.write(f.drop / "new" / "1.foreign", "a\nbcd\n");
  const timespec times[2] = {{0, UTIME_OMIT}, {1'000'000'000, 0}};
  assert_int_equal(::utimensat(AT_FDCWD, (f.drop / "new" / "1.foreign").c_str(), times, 0), 0);
  assert_true(f.read(*second, 0).starts_with("(failed)"));
  assert_int_equal(f.open()->messages()[0].wire_size, 8);
}

void a_file_is_not_read_again_for_its_size(void**) {
  Fixture f;
  const std::string file = f.drop / "new" / "1.foreign";
  f.directory.write(file, "a\nb\n");
  struct stat about = {};
  assert_int_equal(::stat(file.c_str(), &about), 0);
  const auto first = f.open();
  assert_int_equal(first->messages()[0].wire_size, 6);
  // Nobody can tell this content from the other without reading it.
  f.directory.write(file, "abcd");
  const timespec times[2] = {about.st_atim, about.st_mtim};
  assert_int_equal(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  f.wait_for_tick();
  f.put(1, "x\n");
  const auto second = f.open();
  assert_int_equal(second->messages().size(), 2);
  assert_int_equal(second->messages()[0].wire_size, 6);
}

// What LIST says and what RETR sends are one, whatever line ends a file has: a CR is content.
void sizes_agree_with_what_pop3_sends(void**) {
  const std::string contents[] = {"a\r\nb\r\n",
                                  "a\nb\n",
                                  "a\r\n\r\nb",
                                  "\r",
                                  "\r\r\n\n\r",
                                  "",
                                  "Subject: x\r\n\r\nbody\r\n",
                                  std::string("a\0\r\nb", 5)};
  Fixture f;
  std::uint8_t number = 0;
  for (const std::string& content : contents)
    f.directory.write(f.drop / "new" / ("1." + std::to_string(number++)), content);
  const auto maildrop = f.open();
  assert_int_equal(maildrop->messages().size(), std::size(contents));
  for (std::size_t i = 0; i < std::size(contents); ++i) {
    const std::string content = f.read(*maildrop, i);
    assert_text_equal(content, contents[i]);
    pop3::MessageEncoder encoder({});
    pop3::OutputBuffer out;
    assert_true(encoder.append(content, out));
    encoder.finish(out);
    const std::string_view sent = out.unsent();
    const std::size_t end = content.empty() ? sent.size() : std::string_view(".\r\n").size();
    assert_int_equal(maildrop->messages()[i].wire_size, content.empty() ? 0 : sent.size() - end);
  }
}

// ---- What a reader gets

void a_message_cannot_be_changed_by_who_reads_it(void**) {
  Fixture f;
  const std::string name = f.put(1, "content\n");
  const auto maildrop = f.open();
  const auto opened = f.open_message(*maildrop, 0);
  const int file = opened->file.get();
  assert_int_equal(::fcntl(file, F_GETFL) & O_ACCMODE, O_RDONLY);
  assert_true(::fcntl(file, F_GETFD) & FD_CLOEXEC);
  assert_int_equal(::write(file, "x", 1), -1);
  assert_int_equal(::pwrite(file, "x", 1, 0), -1);
  assert_int_equal(::ftruncate(file, 0), -1);
  assert_int_equal(::fallocate(file, 0, 0, 100), -1);
  assert_text_equal(f.directory.read(f.drop / "new" / name), "content\n");
}

// As a checkpoint leaves it that writes again what others have renamed.
void another_file_that_is_sent_in_as_many_octets_is_read(void**) {
  Fixture f;
  f.directory.write(f.drop / "new" / "1.foreign", "a\nb\n");
  const auto maildrop = f.open();
  f.directory.write(f.drop / "tmp" / "1.foreign", "a\nb\n");
  const timespec times[2] = {{0, UTIME_OMIT}, {1'000'000'000, 0}};
  assert_int_equal(::utimensat(AT_FDCWD, (f.drop / "tmp" / "1.foreign").c_str(), times, 0), 0);
  std::filesystem::rename(f.drop / "tmp" / "1.foreign", f.drop / "new" / "1.foreign");
  assert_text_equal(f.read(*maildrop, 0), "a\nb\n");
}

void only_regular_files_are_opened(void**) {
  Fixture f;
  const std::string name = f.put(1, "content\n");
  f.directory.write("secret", "content\n");
  const auto maildrop = f.open();
  const auto path = f.drop / "new" / name;
  std::filesystem::remove(path);
  std::filesystem::create_symlink(f.directory.path() / "secret", path);
  assert_true(f.read(*maildrop, 0).starts_with("(failed)"));
  std::filesystem::remove(path);
  assert_int_equal(::mkfifo(path.c_str(), 0600), 0);
  assert_true(f.read(*maildrop, 0).starts_with("(failed)"));
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  assert_true(f.read(*maildrop, 0).starts_with("(failed)"));
}

void files_of_another_file_system_are_not_opened(void**) {
  // Of any other than the one that the directory is on; /proc is one.
  const UniqueFd directory(::open("/", O_RDONLY | O_DIRECTORY));
  struct stat about = {}, root = {}, proc = {};
  assert_int_equal(::stat("/", &root), 0);
  if (::stat("/proc/version", &proc) != 0 || proc.st_dev == root.st_dev)
    skip();
  const auto opened = open_message_file(directory.get(), "proc/version", about);
  assert_false(opened.has_value());
  assert_int_equal(opened.error().number, EINVAL);
}

// ---- Pending messages

void a_pending_message_is_read_from_where_it_is(void**) {
  Fixture f;
  f.put(1, "one\n");
  std::string asked;
  bool has_come = false;
  f.services.open_pending = [&](AccountId account, const Id128& message) {
    if (has_come || message != transaction(2))
      return ReadResult<OpenedMessage>(std::unexpected(ReadError{ReadFault::gone, "not pending"}));
    asked = std::to_string(static_cast<std::uint32_t>(account)) + ' ' + message.hex();
    f.directory.write("copy", "two\n");
    return ReadResult<OpenedMessage>(
        OpenedMessage{UniqueFd(::open((f.directory.path() / "copy").c_str(), O_RDONLY)), 4});
  };
  const PendingMessage pending[] = {{transaction(2), 1'800'000'000, 4, 5}};
  const auto maildrop = f.open(pending);
  assert_int_equal(maildrop->messages().size(), 2);
  assert_text_equal(maildrop->messages()[1].uidl, transaction(2).hex());
  assert_text_equal(f.read(*maildrop, 1), "two\n");
  assert_text_equal(asked, "1 " + transaction(2).hex());
  // It is not among what the next session finds in the directories.
  assert_int_equal(f.open()->messages().size(), 1);
  assert_text_equal(f.read(*maildrop, 0), "one\n");
  // What has its name may be what a power cut has left of it. Once it is pending no more, it is
  // read.
  const std::string name = format_maildir_name(1'800'000'000, transaction(2), f.host, 4, 5);
  f.directory.write(f.drop / "new" / name, "2.0\n");
  assert_text_equal(f.read(*maildrop, 1), "two\n");
  has_come = true;
  assert_text_equal(f.read(*maildrop, 1), "2.0\n");
}

// What mutt does with one that is marked as new.
void a_listed_message_that_goes_back_to_new_is_found(void**) {
  Fixture f;
  const std::string name = f.put(1, "content\n");
  std::filesystem::rename(f.drop / "new" / name, f.drop / "cur" / (name + ":2,"));
  const auto maildrop = f.open();
  std::filesystem::rename(f.drop / "cur" / (name + ":2,"), f.drop / "new" / name);
  assert_text_equal(f.read(*maildrop, 0), "content\n");
}

void a_pending_message_may_come_and_be_moved_meanwhile(void**) {
  Fixture f;
  f.services.open_pending = [&](AccountId, const Id128&) {
    return ReadResult<OpenedMessage>(std::unexpected(ReadError{ReadFault::gone, "not pending"}));
  };
  const PendingMessage pending[] = {{transaction(2), 1'800'000'000, 4, 5}};
  const auto maildrop = f.open(pending);
  assert_text_equal(f.read(*maildrop, 0), "(gone)");
  const std::string name =
      format_maildir_name(1'800'000'000, transaction(2), f.host, 4, 5) + ":2,S";
  f.directory.write(f.drop / "cur" / name, "two\n");
  assert_text_equal(f.read(*maildrop, 0), "two\n");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_index_is_used_again_while_nobody_was_there),
      cmocka_unit_test(every_change_to_the_directories_is_seen),
      cmocka_unit_test(a_listing_too_soon_after_a_change_is_not_trusted),
      cmocka_unit_test(directories_are_settled_after_two_seconds),
      cmocka_unit_test(wire_sizes_of_other_programs_are_not_believed),
      cmocka_unit_test(a_message_with_another_size_than_its_name_says_is_unavailable),
      cmocka_unit_test(a_file_that_was_changed_since_it_was_listed_is_unavailable),
      cmocka_unit_test(another_file_that_is_sent_in_as_many_octets_is_read),
      cmocka_unit_test(a_file_is_not_read_again_for_its_size),
      cmocka_unit_test(sizes_agree_with_what_pop3_sends),
      cmocka_unit_test(a_message_cannot_be_changed_by_who_reads_it),
      cmocka_unit_test(only_regular_files_are_opened),
      cmocka_unit_test(files_of_another_file_system_are_not_opened),
      cmocka_unit_test(a_pending_message_is_read_from_where_it_is),
      cmocka_unit_test(a_listed_message_that_goes_back_to_new_is_found),
      cmocka_unit_test(a_pending_message_may_come_and_be_moved_meanwhile),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
