// The content reader: the end of data and nothing else ends it, chunks are taken as they are, and
// no cut of the input changes anything.
#include "smtpd/content_reader.h"
#include "tests/unit/smtp_recorder.h"

#include <optional>
#include <string>
#include <vector>

#include "tests/unit/check.h" // last: its fail() is a macro

using namespace letterlock;
using namespace letterlock::smtpd;

namespace {

struct Outcome {
  bool ended = false;
  std::string stored, left;
  std::optional<ContentFault> fault;
  ContentCounts counts;
};

Outcome read(const std::vector<std::string_view>& pieces, const ContentLimits& limits = {}) {
  ContentReader reader(limits, Framing::dots);
  KeepingSink sink;
  Outcome outcome;
  for (auto piece : pieces) {
    if (!outcome.ended)
      outcome.ended = reader.read(piece, sink);
    outcome.left += piece;
  }
  outcome.fault = reader.fault();
  if (!outcome.fault) {
    outcome.stored = sink.kept;
    outcome.counts = reader.counts();
  }
  return outcome;
}

// Reads INPUT whole, in two pieces cut at every place, and octet by octet; all must agree.
Outcome read_every_way(std::string_view input, const ContentLimits& limits = {}) {
  const auto whole = read({input}, limits);
  std::vector<std::vector<std::string_view>> ways;
  for (std::size_t cut = 0; cut <= input.size(); ++cut)
    ways.push_back({input.substr(0, cut), input.substr(cut)});
  ways.emplace_back();
  for (std::size_t i = 0; i < input.size(); ++i)
    ways.back().push_back(input.substr(i, 1));
  for (const auto& way : ways) {
    const auto outcome = read(way, limits);
    assert_true(outcome.ended == whole.ended);
    assert_text_equal(outcome.stored, whole.stored);
    assert_text_equal(outcome.left, whole.left);
    assert_true(outcome.fault == whole.fault);
    assert_true(outcome.counts == whole.counts);
  }
  return whole;
}

void good_content_is_unstuffed_and_stored_with_lf(void**) {
  struct {
    std::string_view input, stored, left;
    std::uint64_t wire_size, header_size;
  } const table[] = {
      {".\r\n", "", "", 0, 0},
      {"\r\n.\r\n", "\n", "", 2, 0},
      {"A: b\r\n\r\nbody\r\n.\r\nQUIT\r\n", "A: b\n\nbody\n", "QUIT\r\n", 14, 5},
      {"A: b\r\n.\r\n", "A: b\n", "", 6, 5},
      {"A: b\r\n c\r\nD: e\r\n\r\nF: g\r\n.\r\n", "A: b\n c\nD: e\n\nF: g\n", "", 24, 13},
      {"\r\n..\r\n.\r\n", "\n.\n", "", 5, 0},
      {"..\r\n.\r\n", ".\n", "", 3, 0},
      {"\r\n...x\r\n.y\r\n.\r\n.\r\n", "\n..x\ny\n", ".\r\n", 10, 0},
      {"\r\n\xff\x80\t\x01\r\n.\r\n", "\n\xff\x80\t\x01\n", "", 8, 0},
      {"\r\n\r\n\r\n.\r\n", "\n\n\n", "", 6, 0},
  };
  for (const auto& row : table) {
    const auto outcome = read_every_way(row.input);
    assert_true(outcome.ended && !outcome.fault);
    assert_text_equal(outcome.stored, row.stored);
    assert_text_equal(outcome.left, row.left);
    assert_int_equal(outcome.counts.stored_size, row.stored.size());
    assert_int_equal(outcome.counts.wire_size, row.wire_size);
    assert_int_equal(outcome.counts.header_size, row.header_size);
  }
}

void nothing_but_the_end_of_data_ends_it(void**) {
  using namespace std::string_view_literals;
  // Followed by "QUIT", which must not be left over, and by the true end.
  const std::string_view table[] = {
      "x\n.\n"sv,       "x\n.\r\n"sv,     "x\r\n.\n"sv,     "x\r.\r\n"sv,
      "x\r\n.\r\r\n"sv, "x\r.\r"sv,       "x\r\r\n.\r"sv,   "\n.\r\n"sv,
      ".\n"sv,          ".\r"sv,          ".\r\r\n"sv,      "x\r\n.\r.\r\n"sv,
      "x\n\r.\n\r"sv,   "x\r\n.\0\r\n"sv, "x\0\r\n.\0\n"sv, "x\r\n\0.\r\n"sv,
      "x\r\n.\r\0\n"sv, "x\r\0\n.\r\n"sv, "x\r\n.\n\r\n"sv, "x\n"sv,
      "x\ry"sv,         "\0"sv,           "x\r\n.\rx\n"sv,
  };
  for (const auto smuggled : table) {
    const auto outcome = read_every_way(std::string(smuggled) + "QUIT\r\n.\r\nNOOP\r\n");
    assert_true(outcome.ended);
    assert_text_equal(outcome.left, "NOOP\r\n");
    assert_true(outcome.fault == ContentFault::bad_line_end);
  }
}

// A chunk holds what DATA holds before its end and its dot-stuffing; all of it is content.
Outcome read_chunks(const std::vector<std::string_view>& chunks, const ContentLimits& limits = {}) {
  ContentReader reader(limits, Framing::chunks);
  KeepingSink sink;
  for (auto chunk : chunks) {
    assert_false(reader.read(chunk, sink));
    assert_true(chunk.empty());
  }
  reader.end_chunks(sink);
  return {.ended = true,
          .stored = sink.kept,
          .left = {},
          .fault = reader.fault(),
          .counts = reader.counts()};
}

void chunks_are_content_from_end_to_end(void**) {
  struct {
    std::string_view input, stored;
    std::uint64_t wire_size, header_size;
  } const table[] = {
      {"", "", 0, 0},
      {"\r\n", "\n", 2, 0},
      {".\r\n", ".\n", 3, 0},
      {"A: b\r\n\r\n.\r\n..\r\nx\r\n.\r\n", "A: b\n\n.\n..\nx\n.\n", 21, 5},
      {"A: b", "A: b\n", 6, 5},
      {"A: b\r\n\r\n.", "A: b\n\n.\n", 11, 5},
  };
  for (const auto& row : table)
    for (std::size_t cut = 0; cut <= row.input.size(); ++cut) {
      const auto outcome = read_chunks({row.input.substr(0, cut), row.input.substr(cut)});
      assert_false(outcome.fault.has_value());
      assert_text_equal(outcome.stored, row.stored);
      assert_int_equal(outcome.counts.stored_size, row.stored.size());
      assert_int_equal(outcome.counts.wire_size, row.wire_size);
      assert_int_equal(outcome.counts.header_size, row.header_size);
    }
}

void bare_line_ends_and_nuls_spoil_chunks(void**) {
  using namespace std::string_view_literals;
  for (const auto input : {"\n"sv, "\r"sv, "\0"sv, "x\ny\r\n"sv, "x\r"sv, "x\r\r\n"sv, "x\r\n\n"sv,
                           "x\ry"sv, "\n\r"sv})
    for (std::size_t cut = 0; cut <= input.size(); ++cut)
      assert_true(read_chunks({input.substr(0, cut), input.substr(cut)}).fault ==
                  ContentFault::bad_line_end);
}

void unfinished_content_does_not_end(void**) {
  for (const std::string_view input :
       {"", "x", ".", ".\r", "\r\n", "\r\n.", "\r\n.\r", "..\r\n", " .\r\n", ". \r\n"})
    assert_false(read_every_way(input).ended);
}

void the_size_limit_is_exact_and_ignores_stuffing(void**) {
  ContentLimits limits;
  limits.size = 10;
  assert_false(read_every_way("\r\n12345\r\n.\r\n", limits).fault.has_value() ||
               read_every_way("\r\n..12345\r\n.\r\n", limits).fault.has_value());
  assert_true(read_every_way("\r\n1234567\r\n.\r\n", limits).fault == ContentFault::too_big);
  assert_true(read_every_way("\r\n12345\r\n\r\n.\r\n", limits).fault == ContentFault::too_big);
  const auto outcome = read_every_way("\r\n" + std::string(300, 'x') + "\r\n.\r\nQUIT\r\n", limits);
  assert_true(outcome.ended);
  assert_text_equal(outcome.left, "QUIT\r\n");
}

void headers_are_limited_in_octets_and_fields(void**) {
  ContentLimits limits;
  limits.header_fields = 2;
  assert_false(
      read_every_way("A: b\r\n c\r\n d\r\nE: f\r\n\r\nx\r\ny\r\n.\r\n", limits).fault.has_value());
  assert_true(read_every_way("A: b\r\nC: d\r\nE: f\r\n\r\n.\r\n", limits).fault ==
              ContentFault::header_too_big);
  limits = {};
  limits.header_size = 10;
  assert_false(
      read_every_way("A: 456789\r\n\r\nlong enough body\r\n.\r\n", limits).fault.has_value());
  assert_true(read_every_way("A: 4567890\r\n\r\n.\r\n", limits).fault ==
              ContentFault::header_too_big);
}

// RFC 5321 §3.3: a message is not refused for what its header lacks.
void a_line_that_is_no_field_ends_the_header(void**) {
  struct {
    std::string_view input;
    std::uint64_t header_size;
  } const table[] = {
      {"no field\r\nA: b\r\n.\r\n", 0},
      {"A: b\r\nno field\r\n.\r\n", 5},
      {"A: b\r\nname\r\n\r\n.\r\n", 5},
      {"A: b\r\nname \t\r\n.\r\n", 5},
      {"A: b\r\n:\r\n.\r\n", 5},
      {"A: b\r\n\xc3\xbc: c\r\n.\r\n", 5},
      {" b\r\nA: b\r\n.\r\n", 0},
      {"A \t: b\r\n\tc\r\n \r\nB:\r\n.\r\n", 15},
      {"From a@b Sat\r\nA: b\r\n.\r\n", 0},
      {"A: b\r\nB : c\r\nx y: z\r\n.\r\n", 11},
  };
  for (const auto& row : table) {
    const auto outcome = read_every_way(row.input);
    assert_false(outcome.fault.has_value());
    assert_int_equal(outcome.counts.header_size, row.header_size);
  }
  std::string lines;
  for (int i = 0; i < 2000; ++i)
    lines += "a line of a message without a header " + std::to_string(i) + "\r\n";
  assert_false(read({lines + ".\r\n"}).fault.has_value());
  assert_false(read({std::string(300'000, 'x') + "\r\n.\r\n"}).fault.has_value());
  ContentLimits limits;
  limits.header_fields = 2;
  limits.received = 0;
  assert_false(read_every_way("A: b\r\nC: d\r\nx\r\nE: f\r\nReceived: x\r\n.\r\n", limits)
                   .fault.has_value());
}

void received_fields_in_the_header_are_counted(void**) {
  ContentLimits limits;
  limits.received = 2;
  assert_false(read_every_way("Received: a\r\n received: c\r\nRECEIVED \t: a\r\nReceived-SPF: x\r\n"
                              "Receive: d\r\n\r\nReceived: in body\r\n.\r\n",
                              limits)
                   .fault.has_value());
  assert_true(
      read_every_way("Received: a\r\nA: b\r\nreceived:\r\nReceived : a\r\n.\r\n", limits).fault ==
      ContentFault::loop);
}

void the_first_fault_of_the_list_is_reported(void**) {
  ContentLimits limits;
  limits.size = 30;
  limits.received = 0;
  limits.header_size = 5;
  const std::string loop = "Received: x\r\n";
  assert_true(read_every_way(loop + "\r\n.\r\n", {.size = 30, .received = 0}).fault ==
              ContentFault::loop);
  assert_true(read_every_way(loop + "\r\n.\r\n", limits).fault == ContentFault::header_too_big);
  const auto big = loop + "\r\n" + std::string(40, 'x');
  assert_true(read_every_way(big + "\r\n.\r\n", limits).fault == ContentFault::too_big);
  assert_true(read_every_way(big + "\nx\r\n.\r\n", limits).fault == ContentFault::bad_line_end);
  assert_true(read_every_way(big + std::string(1, '\0') + "\r\n.\r\n", limits).fault ==
              ContentFault::bad_line_end);
}

void long_lines_and_long_content_pass(void**) {
  std::string input = "A: b\r\n\r\n", stored = "A: b\n\n";
  for (int i = 0; i < 3000; ++i) {
    input += "a line of the body, " + std::to_string(i) + "\r\n";
    stored += "a line of the body, " + std::to_string(i) + "\n";
  }
  const std::string line(100'000, 'z');
  input += line + "\r\n.\r\n";
  stored += line + '\n';
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, input.size()}) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < input.size(); at += step)
      pieces.push_back(std::string_view(input).substr(at, step));
    const auto outcome = read(pieces);
    assert_true(outcome.ended && !outcome.fault);
    assert_true(outcome.stored == stored);
    assert_int_equal(outcome.counts.stored_size, stored.size());
    assert_int_equal(outcome.counts.wire_size, input.size() - 3);
  }
}

// Where the pieces that are handed on begin and end inside a line, in its end, and beside it.
void lines_are_whole_around_the_end_of_a_piece(void**) {
  for (std::size_t size = ContentSink::max_piece - 12; size < ContentSink::max_piece + 12; ++size) {
    const std::string line(size, 'l');
    const auto outcome = read({"\r\n" + line + "\r\nnext\r\n\r\n..\r\n.\r\n"});
    assert_true(outcome.ended && !outcome.fault);
    assert_true(outcome.stored == '\n' + line + "\nnext\n\n.\n");
    assert_int_equal(outcome.counts.stored_size, outcome.stored.size());
    for (const char* bad : {"\n", "\r", "\n\r\n", "\r\r\n", "x\ny"}) {
      const auto spoilt = read({"\r\n" + line + bad + "next\r\n.\r\n"});
      assert_true(spoilt.ended && spoilt.fault == ContentFault::bad_line_end);
    }
  }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(good_content_is_unstuffed_and_stored_with_lf),
      cmocka_unit_test(nothing_but_the_end_of_data_ends_it),
      cmocka_unit_test(chunks_are_content_from_end_to_end),
      cmocka_unit_test(bare_line_ends_and_nuls_spoil_chunks),
      cmocka_unit_test(unfinished_content_does_not_end),
      cmocka_unit_test(the_size_limit_is_exact_and_ignores_stuffing),
      cmocka_unit_test(headers_are_limited_in_octets_and_fields),
      cmocka_unit_test(a_line_that_is_no_field_ends_the_header),
      cmocka_unit_test(received_fields_in_the_header_are_counted),
      cmocka_unit_test(the_first_fault_of_the_list_is_reported),
      cmocka_unit_test(long_lines_and_long_content_pass),
      cmocka_unit_test(lines_are_whole_around_the_end_of_a_piece),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
