// MaildirWriter: removing files that others hold on to, move or copy.
#include "queued/maildir/maildir_writer.h"
#include "tests/unit/passing_file_system.h"
#include "tests/unit/store_support.h"

#include "tests/unit/check.h" // last

using namespace letterlock;
using namespace letterlock::queued;
namespace fs = std::filesystem;

namespace {

struct Scene final : PassingFileSystem {
  TemporaryDirectory directory;
  UniqueFd root = directory.open();
  MaildirWriter writer{*this, root.get()};
  fs::path box = directory.maildir(1);
  std::string fixed;     // what has this in its name cannot be removed
  int error = EPERM;     // for this reason
  std::size_t tries = 0; // of that

  Scene() : PassingFileSystem(posix_file_system()) {
    for (const char* name : {"tmp", "new", "cur"})
      fs::create_directories(box / name);
  }
  SystemResult<void> unlink(int from, const std::string& name) override {
    if (fixed.empty() || name.find(fixed) == std::string::npos)
      return PassingFileSystem::unlink(from, name);
    ++tries;
    return std::unexpected(Errno{error});
  }

  SeenFile file(const std::string& name) const {
    directory.write(box / "new" / name, "x\n");
    return {.base = name, .name = name};
  }
};

constexpr std::size_t many = 10;

void what_cannot_be_removed_does_not_keep_the_others(void**) {
  Scene scene;
  scene.fixed = "immutable";
  std::vector<SeenFile> files;
  for (std::size_t i = 0; i < many; ++i)
    files.push_back(scene.file("immutable-" + std::to_string(i)));
  files.push_back(scene.file("last"));
  const auto removed = scene.writer.remove(1, files);
  assert_int_equal(removed.error().number, EPERM);
  assert_int_equal(scene.directory.names(scene.box / "new").size(), many);
}

void where_nothing_can_be_removed_not_all_is_tried(void**) {
  Scene scene;
  scene.fixed = "file";
  scene.error = EROFS;
  std::vector<SeenFile> files;
  for (std::size_t i = 0; i < many; ++i)
    files.push_back(scene.file("file-" + std::to_string(i)));
  assert_int_equal(scene.writer.remove(1, files).error().number, EROFS);
  assert_true(scene.tries < many);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_cannot_be_removed_does_not_keep_the_others),
      cmocka_unit_test(where_nothing_can_be_removed_not_all_is_tried),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
