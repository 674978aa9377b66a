// The model of the disk, rule by rule of disk.h: which states there are, and which there are not.
#include "tests/crash/states.h"
#include "tests/unit/store_support.h"

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::crash;

namespace {

using Paths = std::map<std::string, std::string>;

constexpr Breadth everything{100'000, 0, 0, 0};

Operation create(const char* name, Node child, Node in = root_node) {
  return {Call::create, in, name, child};
}
Operation write(Node file, std::size_t offset, std::string bytes) {
  Operation what{Call::write_at, file};
  what.offset = offset;
  what.bytes = std::move(bytes);
  return what;
}
Operation sync(Node node, Call call = Call::sync_file, bool failed = false) {
  Operation what{call, node};
  what.failed = failed;
  return what;
}
Operation rename(const char* from, Node child, const char* to, bool gentle = false,
                 bool atomic = false) {
  Operation what{Call::rename, root_node, from, child, root_node, to};
  what.gentle = gentle;
  what.atomic = atomic;
  return what;
}
Operation unlink(const char* name, Node child) {
  return {Call::unlink, root_node, name, child};
}

Disk after(const std::vector<Operation>& all) {
  Disk disk;
  for (const Operation& what : all)
    disk.apply(what);
  return disk;
}

// Every state that a power cut may leave.
std::set<Paths> states_of(const Disk& disk, const Breadth& breadth = everything) {
  std::set<Paths> all;
  for_each_state(disk, breadth, 1, [&](const CrashState& state) {
    if (!state.killed)
      all.insert(state.image.paths());
  });
  return all;
}

void assert_states(const std::vector<Operation>& operations, const std::set<Paths>& expected) {
  const auto found = states_of(after(operations));
  for (const Paths& state : found)
    if (!expected.contains(state))
      fail_msg("a state that cannot be: %s has %zu octets",
               state.empty() ? "nothing" : state.begin()->first.c_str(),
               state.empty() ? 0 : state.begin()->second.size());
  assert_int_equal(found.size(), expected.size());
}

const std::string a(512, 'a'), b(512, 'b'), c(512, 'c'), zeros(512, '\0');

void content_is_kept_sector_by_sector(void**) {
  assert_states({create("f", 1), sync(root_node, Call::sync_directory), write(1, 0, a + b)},
                {{{"f", ""}},
                 {{"f", zeros + zeros}},
                 {{"f", a + zeros}},
                 {{"f", zeros + b}},
                 {{"f", a + b}}});
}

void an_overwritten_sector_is_old_or_new(void**) {
  assert_states({create("f", 1), sync(root_node, Call::sync_directory), write(1, 0, a + a), sync(1),
                 write(1, 0, b), write(1, 0, c)},
                {{{"f", a + a}}, {{"f", b + a}}, {{"f", c + a}}});
  // A write of a part of two sectors.
  const std::string old(1024, 'a'), now = std::string(500, 'a') + "bbbbbbbbbbbbbbbbbbbbbbbb";
  const std::string one = now.substr(0, 512) + a, two = a + now.substr(512) + a.substr(12);
  assert_states(
      {create("f", 1), sync(root_node, Call::sync_directory), write(1, 0, old), sync(1),
       write(1, 500, now.substr(500))},
      {{{"f", old}}, {{"f", one}}, {{"f", two}}, {{"f", one.substr(0, 512) + two.substr(512)}}});
}

void synced_content_is_there_if_its_name_is(void**) {
  assert_states({create("f", 1), write(1, 0, a), sync(1)}, {{}, {{"f", a}}});
  assert_states({create("f", 1), write(1, 0, a), sync(root_node, Call::sync_everything)},
                {{{"f", a}}});
}

void a_sync_that_failed_is_not_made_good_by_another(void**) {
  const std::vector<Operation> failed{create("f", 1), write(1, 0, a),
                                      sync(1),        sync(root_node, Call::sync_directory),
                                      write(1, 0, b), sync(1, Call::sync_file, true),
                                      sync(1)};
  assert_states(failed, {{{"f", a}}, {{"f", b}}});
  auto again = failed;
  again.push_back(write(1, 0, b));
  again.push_back(sync(1));
  assert_states(again, {{{"f", b}}});
  auto all_failed = failed;
  all_failed[5] = sync(root_node, Call::sync_everything, true);
  assert_states(all_failed, {{{"f", a}}, {{"f", b}}});
}

void names_are_kept_one_by_one(void**) {
  assert_states({create("f", 1), create("g", 2), unlink("f", 1)},
                {{}, {{"f", ""}}, {{"g", ""}}, {{"f", ""}, {"g", ""}}});
  // A directory without its name takes with it what is in it.
  assert_states(
      {{Call::make_directory, root_node, "d", 1}, create("f", 2, 1), sync(1, Call::sync_directory)},
      {{}, {{"d/", "a directory"}, {"d/f", ""}}});
}

void a_rename_is_two_names(void**) {
  const std::vector<Operation> settled{create("old", 1),
                                       write(1, 0, a),
                                       sync(1),
                                       create("new", 2),
                                       write(2, 0, b),
                                       sync(2),
                                       sync(root_node, Call::sync_directory)};
  auto renamed = settled;
  renamed.push_back(rename("old", 1, "new"));
  // The new name always stands for one of the two.
  assert_states(renamed,
                {{{"old", a}, {"new", b}}, {{"old", a}, {"new", a}}, {{"new", a}}, {{"new", b}}});
  auto gentle = settled;
  gentle.push_back(rename("old", 1, "new", true));
  assert_states(gentle, {{{"old", a}, {"new", b}}, {{"old", a}, {"new", a}}, {{"new", a}}});
  auto atomic = settled;
  atomic.push_back(rename("old", 1, "new", true, true));
  assert_states(atomic, {{{"old", a}, {"new", b}}, {{"new", a}}});
}

void a_renamed_file_that_was_not_synced_may_be_empty(void**) {
  const auto states = states_of(after({create("f", 1), write(1, 0, a), rename("f", 1, "g")}));
  assert_true(states.contains({{"g", ""}}));
  assert_true(states.contains({{"g", zeros}}));
  assert_true(states.contains({{"f", a}, {"g", a}}));
}

void names_in_order_are_a_prefix(void**) {
  const Disk disk = after({create("f", 1), sync(root_node, Call::sync_directory), create("g", 2),
                           rename("f", 1, "h"), create("i", 3)});
  const auto states = states_of(disk, {0, 0, 0, 100});
  assert_true(states == (std::set<Paths>{{{"f", ""}},
                                         {{"f", ""}, {"g", ""}},
                                         {{"g", ""}, {"h", ""}},
                                         {{"g", ""}, {"h", ""}, {"i", ""}}}));
}

void a_killed_process_leaves_everything(void**) {
  const Disk disk = after({create("f", 1), write(1, 0, a), write(1, 512, b)});
  for_each_state(disk, {0, 0, 0, 0}, 1, [&](const CrashState& state) {
    if (state.killed)
      assert_true(state.image.paths() == (Paths{{"f", a + b}}));
  });
}

void a_disk_of_an_image_has_one_state(void**) {
  const Disk disk = after({create("f", 1), write(1, 0, a), create("g", 2)});
  const Image image = disk.cached();
  assert_true(states_of(Disk(image)) == (std::set<Paths>{image.paths()}));
  assert_int_equal(Disk(image).hash(), Disk(image).hash());
  assert_int_not_equal(Disk(image).hash(), disk.hash());
}

void images_are_laid_out_and_read_back(void**) {
  Operation link{Call::link, root_node, "f", 1, 3, "second"};
  const Disk disk = after({create("f", 1),
                           write(1, 100, a + std::string(9000, '\0') + b),
                           create("empty", 2),
                           {Call::make_directory, root_node, "d", 3},
                           link});
  const queued::TemporaryDirectory directory;
  const Inodes inodes = ImageWriter::write(disk.cached(), directory.open().get());
  assert_int_equal(inodes.size(), 4);
  const Image read = ImageReader::read(directory.open().get());
  assert_true(read.paths() == disk.cached().paths());
  assert_int_equal(read.hash(), disk.cached().hash());
  // Two names of one file are told from two files that are alike.
  const Disk two = after({create("f", 1), create("g", 2)});
  const Disk one = after({create("f", 1), {Call::link, root_node, "f", 1, root_node, "g"}});
  assert_true(one.cached().paths() == two.cached().paths());
  assert_int_not_equal(one.cached().hash(), two.cached().hash());
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(content_is_kept_sector_by_sector),
      cmocka_unit_test(an_overwritten_sector_is_old_or_new),
      cmocka_unit_test(synced_content_is_there_if_its_name_is),
      cmocka_unit_test(a_sync_that_failed_is_not_made_good_by_another),
      cmocka_unit_test(names_are_kept_one_by_one),
      cmocka_unit_test(a_rename_is_two_names),
      cmocka_unit_test(a_renamed_file_that_was_not_synced_may_be_empty),
      cmocka_unit_test(names_in_order_are_a_prefix),
      cmocka_unit_test(a_killed_process_leaves_everything),
      cmocka_unit_test(a_disk_of_an_image_has_one_state),
      cmocka_unit_test(images_are_laid_out_and_read_back),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
