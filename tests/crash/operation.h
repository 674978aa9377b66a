// Operation: one change to the disk as the recorder saw it, and the numbers that stand for files.
#pragma once

#include "common/base/byte_reader.h"

#include <cstdint>
#include <string>

namespace letterlock::crash {

// Stands for a file or a directory, whatever its names. The system uses numbers of inodes again;
// these are never.
using Node = std::uint32_t;
inline constexpr Node root_node = 0;
inline constexpr Node no_node = ~Node{0};

enum class Call : std::uint8_t {
  create,
  make_directory,
  append,
  write_at,
  truncate,
  sync_file,
  sync_directory,
  sync_everything,
  link,
  rename,
  unlink,
};

inline const char* name_of(Call call) {
  static constexpr const char* names[] = {
      "create",         "make_directory",  "append", "write_at", "truncate", "sync_file",
      "sync_directory", "sync_everything", "link",   "rename",   "unlink"};
  return names[static_cast<std::size_t>(call)];
}

struct Operation {
  Call call{};
  Node node = no_node;      // the file or directory that is written or synced; or that NAME is in
  std::string name{};       // what is made, linked, renamed or unlinked
  Node child = no_node;     // what NAME stands for; of a link, TO_NAME's as well
  Node to = no_node;        // of a rename: the directory of the new name
  std::string to_name{};    // the new name
  std::uint64_t offset = 0; // of a write
  std::string bytes{};      // of a write
  bool failed = false;      // of a sync
  // Of a rename: whoever did it (a mail reader) relies on the new name being there before the old
  // one goes, as every file system in use has it; or on the one or the other being there, as those
  // with a journal have it.
  bool gentle = false, atomic = false;
};

inline std::string describe(const Operation& what) {
  const auto node = [](Node number) { return '#' + std::to_string(number); };
  std::string text = std::string(name_of(what.call)) + ' ' + node(what.node);
  if (!what.name.empty())
    text += '/' + what.name;
  if (what.child != no_node)
    text += " (" + node(what.child) + ')';
  if (what.call == Call::rename)
    text += " to " + node(what.to) + '/' + what.to_name;
  if (what.call == Call::append || what.call == Call::write_at)
    text += " at " + std::to_string(what.offset) + ", " + std::to_string(what.bytes.size());
  return text + (what.failed ? " FAILED" : "");
}

} // namespace letterlock::crash
