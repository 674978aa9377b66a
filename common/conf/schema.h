// The one table of sections and keys: what may stand in the configuration, and how it is read.
//
// Reading, the messages about unknown and missing keys, the listing of `letterlock keys` and the
// test of the manual page follow from it. A new key is a row here, a member of its struct, and an
// item of letterlock.conf(5).
#pragma once

#include "common/conf/configuration.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace letterlock::conf {

enum class SectionKind : std::uint8_t { server, tls, account, domain, address, access, limits };

struct SectionRow {
  SectionKind kind;
  std::string_view name;
  std::string_view argument; // "DOMAIN" in [domain DOMAIN]; empty: a section without one
  std::size_t most;          // how many there may be
  std::string_view example;  // of a whole heading
  std::string_view doc;      // one line

  bool takes_argument() const { return !argument.empty(); }
};

// One section while it is read. Its argument and its pair of certificate and key, either of which
// may be missing, become other types once it is whole.
struct SectionDraft {
  Server server;
  Account account;
  Access access;
  Limits limits;
  std::optional<AccountName> target; // domain's catchall, address's account
  std::vector<LocalPart> block;
  std::optional<Path> certificate;
  std::optional<Path> key;
};

struct KeyRow {
  SectionKind section;
  std::string_view key;
  std::string_view form;         // of the value, for people: "SIZE"
  std::string_view default_text; // read like a value of the file; empty: none
  bool required;
  std::string_view example;
  std::string_view doc; // one line
  Parsed<void> (*set)(SectionDraft& draft, std::string_view value);
};

std::span<const SectionRow> section_rows();
std::span<const KeyRow> key_rows();

// Null if there is none.
const SectionRow* find_section(std::string_view name);
const KeyRow* find_key(SectionKind section, std::string_view key);

// "hostname, state_dir, ..." and "[server], [domain DOMAIN], ...", for messages.
std::string key_names(SectionKind section);
std::string section_names();

// Every section and key with form, default and meaning, aligned for a terminal.
std::string key_listing();

} // namespace letterlock::conf
