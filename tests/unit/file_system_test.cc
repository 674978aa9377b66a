// The machine's file system: writing past its cache.
#include "queued/disk/file_system.h"
#include "tests/unit/store_support.h"

#include "tests/unit/check.h" // last

using namespace letterlock;
using namespace letterlock::queued;

namespace {

constexpr auto block = FileSystem::uncached_block;

struct alignas(block) Block {
  std::array<char, block> octets;
};

// In memory, and on a disk: what they can do is not the same, what is in the file is.
struct Places {
  TemporaryDirectory memory;
  std::filesystem::path disk;

  Places() {
    std::string pattern = std::filesystem::temp_directory_path() / "letterlock-files-XXXXXX";
    assert_non_null(::mkdtemp(pattern.data()));
    disk = pattern;
  }
  ~Places() { std::filesystem::remove_all(disk); }

  template <class Test> void each(Test test) const {
    for (const auto& path : {memory.path(), disk}) {
      const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY));
      auto file = posix_file_system().create_file(directory.get(), "file", 0600);
      assert_true(file.has_value());
      test(file->get());
      assert_true(posix_file_system().sync_file(file->get()).has_value());
    }
  }
};

std::string content_of(int file) {
  std::string content(10 * block, '\0');
  const auto got = ::pread(file, content.data(), content.size(), 0);
  assert_true(got >= 0);
  content.resize(static_cast<std::size_t>(got));
  return content;
}

std::vector<Block> noise() {
  std::vector<Block> blocks(4);
  std::uint32_t last = 1;
  for (Block& one : blocks)
    for (char& octet : one.octets) {
      last = last * 1664525 + 1013904223;
      octet = static_cast<char>(last >> 24);
    }
  return blocks;
}

// Whole blocks, what is left over, and both behind something that brings them out of step; from an
// address that is a block's and one that is not.
void what_is_written_past_the_cache_is_there(void**) {
  const auto blocks = noise();
  const auto all = std::as_bytes(std::span(blocks));
  const Places places;
  for (const std::size_t before : {std::size_t{0}, std::size_t{1}, block})
    for (const std::size_t from : {std::size_t{0}, std::size_t{1}})
      for (const std::size_t size : {std::size_t{0}, std::size_t{7}, block, 3 * block - 1})
        places.each([&](int file) {
          auto& files = posix_file_system();
          const auto first = all.first(before), second = all.subspan(from, size);
          assert_true(files.append(file, first).has_value());
          assert_true(files.append_uncached(file, second).has_value());
          assert_true(files.append_uncached(file, second).has_value());
          assert_true(content_of(file) == std::string(as_text(first)) +
                                              std::string(as_text(second)) +
                                              std::string(as_text(second)));
          // What comes next is nobody's to align.
          assert_true(files.append(file, all.subspan(1, 9)).has_value());
          assert_int_equal(content_of(file).size(), before + 2 * size + 9);
          std::filesystem::remove(places.memory.path() / "file");
          std::filesystem::remove(places.disk / "file");
        });
}

void an_error_past_the_cache_is_told(void**) {
  const auto blocks = noise();
  const UniqueFd closed_to_writing(::open("/dev/null", O_RDONLY));
  const auto written = posix_file_system().append_uncached(closed_to_writing.get(),
                                                           std::as_bytes(std::span(blocks)));
  assert_int_equal(written.error().number, EBADF);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_past_the_cache_is_there),
      cmocka_unit_test(an_error_past_the_cache_is_told),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
