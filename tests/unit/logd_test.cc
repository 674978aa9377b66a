// How log lines look, and how the file is rotated.
#include "common/ipc/logger.h"
#include "logd/log_file.h"
#include "logd/log_record.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::logd;

namespace {

void fields_are_quoted_where_they_need_it(void**) {
  assert_text_equal(ipc::format_log_line("event", {{"plain", "a.b@c"},
                                                   {"space", "a b"},
                                                   {"quote", "a\"b\\"},
                                                   {"empty", ""},
                                                   {"number", 42}}),
                    "event plain=a.b@c space=\"a b\" quote=\"a\\\"b\\\\\" empty=\"\" number=42");
}

void a_record_has_time_process_and_severity(void**) {
  const auto at = std::chrono::system_clock::time_point(std::chrono::milliseconds(1795298405123));
  const ipc::LogLine line{ipc::Severity::info, 0, "message.stored id=1"};
  assert_text_equal(format_record(at, Role::queued, 0, line),
                    "2026-11-21T22:00:05.123Z queued info message.stored id=1\n");
  assert_text_equal(format_record(at, Role::smtpd, 1, line),
                    "2026-11-21T22:00:05.123Z smtpd[1] info message.stored id=1\n");
}

void dropped_lines_are_told_of(void**) {
  const auto at = std::chrono::system_clock::time_point(std::chrono::seconds(0));
  const ipc::LogLine line{ipc::Severity::error, 3, "x"};
  assert_text_equal(format_record(at, Role::keyd, 0, line),
                    "1970-01-01T00:00:00.000Z keyd warning log.dropped lines=3\n"
                    "1970-01-01T00:00:00.000Z keyd error x\n");
}

void syslog_gets_priority_and_name(void**) {
  const ipc::LogLine line{ipc::Severity::warning, 0, "x"};
  assert_text_equal(format_syslog(Role::authd, 0, line), "<20>letterlock/authd: x");
}

void what_strangers_write_stays_text(void**) {
  const struct {
    std::string_view sent, written;
  } rows[] = {
      {"user=\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa8", "user=\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa8"},
      {"x\xc2\x9b"
       "31mRED",
       "x?31mRED"},                                 // CSI as a character
      {"x\xc2\x80\xc2\x9f\xc2\xa0", "x??\xc2\xa0"}, // C1 and its neighbour
      {"x\x9b"
       "31m",
       "x?31m"}, // and as an octet
      {"\xff\xfe", "??"},
      {"a\xe2\x80\xa8"
       "b\xe2\x80\xa9",
       "a?b?"},                              // line and paragraph separator
      {"a\xe2\x80\xaetxt.exe", "a?txt.exe"}, // right-to-left override
      {"\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c\xe2\x80\x8e", "????"},
      {"cut in a character \xe2\x82", "cut in a character ??"},
      {"\xed\xa0\x80", "???"}, // a surrogate
  };
  const auto at = std::chrono::system_clock::time_point(std::chrono::seconds(0));
  for (const auto& row : rows) {
    const ipc::LogLine line{ipc::Severity::info, 0, *decltype(ipc::LogLine::text)::from(row.sent)};
    const std::string written(row.written);
    assert_text_equal(format_record(at, Role::authd, 0, line),
                      "1970-01-01T00:00:00.000Z authd info " + written + "\n");
    assert_text_equal(format_syslog(Role::authd, 0, line), "<22>letterlock/authd: " + written);
  }
}

std::string next_line(const UniqueFd& channel) {
  char record[2048];
  const ssize_t size = ::recv(channel.get(), record, sizeof record, MSG_DONTWAIT);
  return size < 0 ? "none" : std::string(record, static_cast<std::size_t>(size));
}

void lines_that_nobody_wants_are_not_sent(void**) {
  for (const bool early : {false, true})
    for (const auto least : {ipc::Severity::debug, ipc::Severity::info}) {
      int ends[2] = {-1, -1};
      assert_int_equal(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
      const UniqueFd channel(ends[0]);
      ipc::Logger log;
      if (!early)
        log.set_channel(UniqueFd(ends[1]), least);
      log.debug("detail");
      log.info("event");
      if (early)
        log.set_channel(UniqueFd(ends[1]), least);
      if (least == ipc::Severity::debug)
        assert_true(next_line(channel).ends_with("detail"));
      assert_true(next_line(channel).ends_with("event"));
      assert_text_equal(next_line(channel), "none");
    }
}

void a_full_file_is_rotated_and_the_oldest_goes(void**) {
  char directory[] = "/tmp/letterlock-log-XXXXXX";
  assert_non_null(::mkdtemp(directory));
  assert_int_equal(::chdir(directory), 0);
  LogFile file;
  const std::string line(LogFile::max_size / 2 + 1, 'x');
  // Every line but the first begins a new file.
  for (int i = 0; i < LogFile::kept + 3; ++i)
    file.append(line);
  struct stat status {};
  assert_int_equal(::stat("letterlock.log", &status), 0);
  assert_int_equal(status.st_size, line.size());
  const std::string last = "letterlock.log." + std::to_string(LogFile::kept);
  const std::string beyond = "letterlock.log." + std::to_string(LogFile::kept + 1);
  assert_int_equal(::stat(last.c_str(), &status), 0);
  assert_int_equal(::stat(beyond.c_str(), &status), -1);
  for (int i = 1; i <= LogFile::kept; ++i)
    ::unlink(("letterlock.log." + std::to_string(i)).c_str());
  ::unlink("letterlock.log");
  assert_int_equal(::chdir("/"), 0);
  assert_int_equal(::rmdir(directory), 0);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(fields_are_quoted_where_they_need_it),
      cmocka_unit_test(a_record_has_time_process_and_severity),
      cmocka_unit_test(dropped_lines_are_told_of),
      cmocka_unit_test(syslog_gets_priority_and_name),
      cmocka_unit_test(what_strangers_write_stays_text),
      cmocka_unit_test(lines_that_nobody_wants_are_not_sent),
      cmocka_unit_test(a_full_file_is_rotated_and_the_oldest_goes),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
