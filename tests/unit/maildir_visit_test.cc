// visit_messages: where the files of our own are met in a Maildir with sub-folders.
#include "queued/disk/directory.h"
#include "queued/maildir/maildir_name.h"
#include "queued/maildir/visit_messages.h"
#include "tests/unit/store_support.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

std::string name_of(std::uint8_t number) {
  return format_maildir_name(1'700'000'000, transaction(number), MaildirHost("mx.example.com"), 3,
                             4);
}

// A Maildir at the root of its own directory.
struct Fixture {
  TemporaryDirectory directory;
  UniqueFd maildir = directory.open();

  Fixture() { make_folder(""); }
  void make_folder(const std::string& name) const {
    for (const char* part : {"tmp", "new", "cur"})
      std::filesystem::create_directories(directory.path() / name / part);
  }
  void put(const std::string& where, std::uint8_t number, const std::string& flags = "") const {
    directory.write(where + "/" + name_of(number) + flags, "a\nb");
  }
  // "FOLDER NUMBER" of each call, sorted.
  std::vector<std::string> met(MaildirVisit* result = nullptr) const {
    std::vector<std::string> places;
    const auto visited = visit_messages(maildir.get(), [&](const MaildirPlace& place) {
      struct stat about = {};
      assert_int_equal(::fstatat(place.directory, place.name.c_str(), &about, AT_SYMLINK_NOFOLLOW),
                       0);
      places.push_back(std::string(place.folder) + ' ' + std::to_string(place.message.bytes[15]));
    });
    assert_true(visited.has_value());
    assert_int_equal(visited->messages, places.size());
    if (result != nullptr)
      *result = *visited;
    std::sort(places.begin(), places.end());
    return places;
  }
};

void assert_met(const std::vector<std::string>& met, const std::vector<std::string>& expected) {
  std::string is, should;
  for (const auto& one : met)
    is += one + '\n';
  for (const auto& one : expected)
    should += one + '\n';
  assert_text_equal(is, should);
}

void files_of_ours_are_met_wherever_they_are(void**) {
  Fixture f;
  f.make_folder(".Archive");
  f.make_folder(".Archive.2026");
  f.put("new", 1);
  f.put("cur", 2, ":2,S");
  f.put(".Archive/new", 3);
  f.put(".Archive.2026/cur", 4, ":2,FRS");
  MaildirVisit result;
  assert_met(f.met(&result), {".Archive.2026/cur 4", ".Archive/new 3", "cur 2", "new 1"});
  assert_int_equal(result.folders, 2);
  assert_int_equal(result.left_out, 0);
}

void what_is_not_ours_is_not_met(void**) {
  Fixture f;
  f.make_folder("Archive"); // no dot: not of Maildir++
  f.put("Archive/new", 1);
  f.put("tmp", 2);
  f.directory.write("new/1700000000.M1P2.host,S=3,W=4", "a\nb");
  f.directory.write("new/." + name_of(3), "a\nb");
  f.directory.write(".file", "no folder");
  std::filesystem::create_directory(f.directory.path() / "new" / name_of(4));
  assert_int_equal(::mkfifo((f.directory.path() / "cur" / name_of(5)).c_str(), 0600), 0);
  MaildirVisit result;
  assert_met(f.met(&result), {});
  assert_int_equal(result.folders + result.left_out, 0);
}

void nothing_is_followed_through_a_link(void**) {
  Fixture f, other;
  other.put("new", 1);
  std::filesystem::create_directory_symlink(other.directory.path(),
                                            f.directory.path() / ".Elsewhere");
  f.make_folder(".Half");
  std::filesystem::remove(f.directory.path() / ".Half" / "new");
  std::filesystem::create_directory_symlink(other.directory.path() / "new",
                                            f.directory.path() / ".Half" / "new");
  f.put(".Half/cur", 2);
  std::filesystem::create_symlink(other.directory.path() / "new" / name_of(1),
                                  f.directory.path() / "new" / name_of(1));
  MaildirVisit result;
  assert_met(f.met(&result), {".Half/cur 2"});
  assert_int_equal(result.left_out, 1); // .Half: a part of it was not read
}

void a_folder_without_its_directories_is_empty(void**) {
  Fixture f;
  std::filesystem::create_directory(f.directory.path() / ".Empty");
  std::filesystem::create_directories(f.directory.path() / ".NewOnly" / "new");
  f.put(".NewOnly/new", 1);
  MaildirVisit result;
  assert_met(f.met(&result), {".NewOnly/new 1"});
  assert_int_equal(result.folders, 2);
  assert_int_equal(result.left_out, 0);
}

// Who takes what is in it for absent would deliver it again.
void a_folder_is_not_left_out_for_want_of_descriptors(void**) {
  Fixture f;
  f.make_folder(".Archive");
  f.put(".Archive/cur", 1);
  rlimit before = {};
  assert_int_equal(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const auto next = UniqueFd(::dup(f.maildir.get())).get(); // that is free
  for (int more = 0;; ++more) {
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(next + more);
    assert_int_equal(::setrlimit(RLIMIT_NOFILE, &few), 0);
    std::size_t met = 0;
    const auto visited = visit_messages(f.maildir.get(), [&](const MaildirPlace&) { ++met; });
    assert_int_equal(::setrlimit(RLIMIT_NOFILE, &before), 0);
    if (visited) {
      assert_int_equal(met, 1);
      assert_true(more > 2); // a folder, one of its directories, and the listing of that
      return;
    }
    assert_int_equal(visited.error().number, EMFILE);
  }
}

void a_maildir_without_cur_is_an_error(void**) {
  Fixture f;
  std::filesystem::remove(f.directory.path() / "cur");
  const auto visited = visit_messages(f.maildir.get(), [](const MaildirPlace&) {});
  assert_false(visited.has_value());
  assert_int_equal(visited.error().number, ENOENT);
}

void folders_are_bounded(void**) {
  Fixture f;
  for (std::size_t i = 0; i < most_folders + 3; ++i)
    std::filesystem::create_directory(f.directory.path() / ("." + std::to_string(i)));
  MaildirVisit result;
  f.met(&result);
  assert_int_equal(result.folders, most_folders);
  assert_int_equal(result.left_out, 3);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(files_of_ours_are_met_wherever_they_are),
      cmocka_unit_test(what_is_not_ours_is_not_met),
      cmocka_unit_test(nothing_is_followed_through_a_link),
      cmocka_unit_test(a_folder_without_its_directories_is_empty),
      cmocka_unit_test(a_folder_is_not_left_out_for_want_of_descriptors),
      cmocka_unit_test(a_maildir_without_cur_is_an_error),
      cmocka_unit_test(folders_are_bounded),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
