// The encoder of messages and the size that it must agree with, against a naive reference.
#include "common/mail/wire_size.h"
#include "libpop3/message_encoder.h"
#include "libpop3/output_buffer.h"
#include "tests/unit/check.h"
#include "tests/unit/pop3_reference.h"

#include <string>
#include <vector>

using namespace letterlock::pop3;
using letterlock::mail::wire_size;
using letterlock::mail::WireSize;

namespace {

const Extent whole{};

std::string encode(std::string_view stored, Extent extent, std::size_t first, std::size_t piece) {
  MessageEncoder encoder(extent);
  OutputBuffer out;
  bool more = true;
  for (std::size_t at = 0, length = first; more && at < stored.size(); length = piece) {
    const std::size_t before = out.unsent().size();
    const std::string_view chunk = stored.substr(at, length);
    more = encoder.append(chunk, out);
    assert_true(out.unsent().size() - before <= 2 * chunk.size());
    at += chunk.size();
  }
  encoder.finish(out);
  return std::string(out.unsent());
}

void check_at_every_boundary(const std::string& stored, Extent extent) {
  const std::string expected = reference_encoding(stored, extent);
  for (std::size_t first = 0; first <= stored.size(); ++first)
    assert_text_equal(encode(stored, extent, first, stored.size()), expected);
  for (std::size_t piece = 1; piece <= stored.size(); ++piece)
    assert_text_equal(encode(stored, extent, piece, piece), expected);
}

// All texts of up to six octets from those that matter, and one that does not.
void every_short_message_agrees_with_the_reference(void**) {
  const std::string_view alphabet = ".\nx\r";
  std::vector<std::string> texts = {""};
  for (std::size_t done = 0; texts[done].size() < 6; ++done)
    for (const char c : alphabet)
      texts.push_back(texts[done] + c);
  for (const std::string& text : texts) {
    assert_text_equal(encode(text, whole, text.size(), 1), reference_encoding(text, whole));
    assert_text_equal(encode(text, whole, 1, 1), reference_encoding(text, whole));
    for (std::uint32_t lines = 0; lines < 3; ++lines) {
      assert_text_equal(encode(text, {lines}, text.size(), 1), reference_encoding(text, {lines}));
      assert_text_equal(encode(text, {lines}, 1, 1), reference_encoding(text, {lines}));
    }
  }
}

const std::string sample = "From: a@example.com\nSubject: dots\n\n.\n..\n. a\nb.\n\n\n.last";

void boundaries_do_not_show(void**) {
  check_at_every_boundary(sample, whole);
  check_at_every_boundary(sample + "\n", whole);
  const std::string foreign = "A: 1\r\nB: 2\r\n\r\n.\r\r\n\n\r\n.x\r.\r";
  check_at_every_boundary(foreign, whole);
  check_at_every_boundary(foreign + "\n", whole);
  for (std::uint32_t lines = 0; lines < 10; ++lines) {
    check_at_every_boundary(sample, {lines});
    check_at_every_boundary(foreign, {lines});
  }
}

void the_encoding_is_known(void**) {
  assert_text_equal(encode("", whole, 1, 1), ".\r\n");
  assert_text_equal(encode("a", whole, 1, 1), "a\r\n.\r\n");
  assert_text_equal(encode(".\n.", whole, 3, 3), "..\r\n..\r\n.\r\n");
  assert_text_equal(encode("a\n.\nb\n", whole, 9, 9), "a\r\n..\r\nb\r\n.\r\n");
  // Files of other programs.
  assert_text_equal(encode("a\r\n\r\nb\r\n", whole, 9, 9), "a\r\n\r\nb\r\n.\r\n");
  assert_text_equal(encode("a\r\r\nb\rc\r", whole, 9, 9), "a\r\r\nb\rc\r\n.\r\n");
}

void top_counts_lines_of_the_body(void**) {
  const std::string message = "A: 1\nB: 2\n\none\ntwo\n";
  const std::string header = "A: 1\r\nB: 2\r\n\r\n";
  assert_text_equal(encode(message, {0}, 99, 99), header + ".\r\n");
  assert_text_equal(encode(message, {1}, 99, 99), header + "one\r\n.\r\n");
  assert_text_equal(encode(message, {2}, 99, 99), header + "one\r\ntwo\r\n.\r\n");
  assert_text_equal(encode(message, {4294967295}, 99, 99), header + "one\r\ntwo\r\n.\r\n");
  assert_text_equal(encode("A: 1\nno body", {0}, 99, 99), "A: 1\r\nno body\r\n.\r\n");
}

void the_encoder_asks_for_no_more_than_top_needs(void**) {
  MessageEncoder encoder(Extent{1});
  OutputBuffer out;
  assert_true(encoder.append("A: 1\n\non", out));
  assert_false(encoder.append("e\ntwo\nthree\n", out));
  encoder.finish(out);
  assert_text_equal(out.unsent(), "A: 1\r\n\r\none\r\n.\r\n");
}

void the_wire_size_is_what_is_sent_without_stuffing(void**) {
  assert_int_equal(wire_size(""), 0);
  assert_int_equal(wire_size("a"), 3);
  assert_int_equal(wire_size("a\n"), 3);
  assert_int_equal(wire_size("a\n\n"), 5);
  assert_int_equal(wire_size("a\r"), 3);
  assert_int_equal(wire_size("a\r\n"), 3);
  assert_int_equal(wire_size("a\r\r\n"), 4);
  for (const std::string plain :
       {"A: 1\n\nno line begins with it.\nlast", "A: 1\r\n\r\nfrom\r\r\nelsewhere\r\n\nlast\r"}) {
    assert_int_equal(wire_size(plain), encode(plain, whole, 99, 99).size() - 3);
    for (std::size_t cut = 0; cut <= plain.size(); ++cut) {
      WireSize size;
      size.add(std::string_view(plain).substr(0, cut));
      size.add(std::string_view(plain).substr(cut));
      assert_int_equal(size.octets(), wire_size(plain));
    }
  }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_short_message_agrees_with_the_reference),
      cmocka_unit_test(boundaries_do_not_show),
      cmocka_unit_test(the_encoding_is_known),
      cmocka_unit_test(top_counts_lines_of_the_body),
      cmocka_unit_test(the_encoder_asks_for_no_more_than_top_needs),
      cmocka_unit_test(the_wire_size_is_what_is_sent_without_stuffing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
