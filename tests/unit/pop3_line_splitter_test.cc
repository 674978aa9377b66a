// The splitter of a POP3 client's input into lines.
#include "libpop3/line_splitter.h"
#include "tests/unit/check.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <span>
#include <string>

using namespace letterlock::pop3;
using Event = LineSplitter::Event;

namespace {

// Gets what stands first in the memory that is given back next.
std::span<char> given_back;

void give_back(void* memory) {
  if (memory != nullptr)
    std::copy_n(static_cast<const char*>(memory), given_back.size(), given_back.begin());
  std::free(memory);
}

} // namespace

void* operator new[](std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr)
    throw std::bad_alloc();
  return memory;
}
void operator delete[](void* memory) noexcept {
  give_back(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  give_back(memory);
}

namespace {

// The lines in [], * for one that was too long, ! for what ends the session.
std::string split(std::string_view input, std::size_t piece) {
  LineSplitter splitter;
  std::string result;
  while (!input.empty()) {
    const auto [event, consumed] = splitter.take(input.substr(0, piece));
    input.remove_prefix(consumed);
    if (event == Event::line)
      result.append("[").append(splitter.line()).append("]");
    else if (event == Event::too_long)
      result += '*';
    else if (event != Event::incomplete)
      return result + '!';
  }
  return result;
}

void lines_are_the_same_for_every_split(void**) {
  const std::string longest(max_line - 2, 'x');
  const struct {
    std::string input, lines;
  } rows[] = {
      {"", ""},
      {"NOOP", ""},
      {"NOOP\r", ""},
      {"NOOP\r\n", "[NOOP]"},
      {"\r\n\r\n", "[][]"},
      {"a\r\nb c\r\nd", "[a][b c]"},
      {"a\nb\r\n", "!"},
      {"a\r\nb\rc\r\n", "[a]!"},
      {"a\r\r\n", "!"},
      {"a\r\n\n", "[a]!"},
      {std::string("a\0b\r\n", 5), "!"},
      {std::string("a\r\0\n", 4), "!"},
      {longest + "\r\na\r\n", "[" + longest + "][a]"},
      {longest + "x\r\na\r\n", "*[a]"},
      {std::string(max_skipped_line, 'x') + "\r\na\r\n", "*[a]"},
      {std::string(max_skipped_line + 1, 'x'), "!"},
      {longest + "xx\n", "!"},
  };
  for (const auto& row : rows) {
    const std::size_t most = std::min(row.input.size() + 1, max_line + 2);
    for (std::size_t piece = 1; piece <= most; piece += piece < 16 ? 1 : 101)
      assert_text_equal(split(row.input, piece), row.lines);
    assert_text_equal(split(row.input, row.input.size() + 1), row.lines);
  }
}

void nothing_is_left_of_a_line_after_reset(void**) {
  LineSplitter splitter;
  const auto [event, consumed] = splitter.take("PASS secret\r\nNOOP\r\n");
  assert_true(event == Event::line);
  assert_int_equal(consumed, 13);
  const std::size_t size = splitter.line().size();
  char last_words[32] = "unseen";
  given_back = std::span(last_words).first(size);
  splitter.reset();
  given_back = {};
  for (const char c : std::span(last_words).first(size))
    assert_int_equal(c, 0);
  assert_true(splitter.line().empty());
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_the_same_for_every_split),
      cmocka_unit_test(nothing_is_left_of_a_line_after_reset),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
