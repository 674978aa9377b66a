// Disk: the model of a disk under a file system: what is settled on it, what only the page cache
// has, and so everything that it may hold after a power cut.
//
// What it takes from whom, and why:
// - A disk writes sectors of 512 octets whole and in any order; between two syncs the system writes
//   pages back when it likes. So each sector of a file that was written since the file's last sync
//   is, by itself, as any of those writes left it, or as it was before.
// - The size of a file is not written with its content: it is old or new by itself. A sector inside
//   the size that was never written holds zeros, or, on file systems that do not order content
//   before sizes, whatever its block held before ("stale").
// - sync_file (fdatasync) settles content and size of that file, but no name of it: POSIX promises
//   none, though ext4 often keeps it.
// - A sync_file that fails settles nothing, and the system forgets that the pages were to be
//   written (Linux since 4.13 tells once; the pages count as clean): a later sync does not settle
//   them either, only writing them again does. So says sync_everything of all files.
// - sync_directory (fsync) settles the names in that directory. One that fails leaves them to the
//   next: no file system goes on after a failure of its own journal.
// - Of a rename, the new name and the removal of the old one are each kept or dropped by
//   themselves, as on file systems without a journal; the new name stands for the old file or the
//   new one, never for nothing. A file that was renamed or linked before its content was synced
//   may be empty under its name (delayed allocation).
// - ext4 settles names in the order of their changes, whatever the directory, and any sync of a
//   directory settles all before it. States of this kind are told by ordered().
#pragma once

#include "tests/crash/image.h"

#include <algorithm>
#include <vector>

namespace letterlock::crash {

inline constexpr std::size_t sector_size = 512;

// One thing about the disk that is not settled: a name in a directory, one sector of a file, or
// the size of a file. It has so many ways to be; way 0 is as settled, the last as in the page
// cache.
struct Choice {
  enum class About : std::uint8_t { name, sector, size };
  About about{};
  Node node = no_node;
  std::string name{};
  std::size_t sector = 0;
  std::size_t ways = 0;
};
// A way for each choice, in their order.
using Decision = std::vector<std::size_t>;

class Disk {
public:
  Disk() { directories_[root_node]; }
  // A disk that holds IMAGE, all of it settled: as it is at the start of a machine.
  explicit Disk(const Image& image) {
    for (const auto& [node, names] : image.directories)
      for (const auto& [name, child] : names)
        directories_[node][name].settled = child;
    directories_[root_node];
    for (const auto& [node, names] : image.directories)
      directories_[node];
    for (const auto& [node, content] : image.files) {
      File& file = files_[node];
      file.cached = file.settled = content->bytes;
    }
  }

  // NODE and CHILD of what comes are numbers of the caller's; a child that is new is made.
  void apply(const Operation& what) {
    switch (what.call) {
    case Call::create:
      files_[what.child];
      return set_name(what.node, what.name, what.child, ++step_);
    case Call::make_directory:
      directories_[what.child];
      return set_name(what.node, what.name, what.child, ++step_);
    case Call::link:
      return set_name(what.to, what.to_name, what.child, ++step_);
    case Call::unlink:
      return set_name(what.node, what.name, no_node, ++step_);
    case Call::rename:
      set_name(what.to, what.to_name, what.child, ++step_);
      set_name(what.node, what.name, no_node, step_);
      if (what.gentle)
        gentle_.push_back({what.node, what.name, what.to, what.to_name, step_, what.atomic});
      return;
    case Call::append:
    case Call::write_at:
      return files_.at(what.node).write(what.offset, what.bytes);
    case Call::truncate:
      return files_.at(what.node).truncate();
    case Call::sync_file:
      return files_.at(what.node).sync(what.failed);
    case Call::sync_everything:
      for (auto& [node, file] : files_)
        file.sync(what.failed);
      if (!what.failed)
        for (auto& [node, names] : directories_)
          settle(names);
      return;
    case Call::sync_directory:
      if (!what.failed)
        settle(directories_.at(what.node));
      return;
    }
  }

  // What is not settled, in an order that stays until the next apply().
  std::vector<Choice> choices() const {
    std::vector<Choice> all;
    for (const auto& [node, names] : directories_)
      for (const auto& [name, entry] : names)
        if (!entry.later.empty())
          all.push_back({Choice::About::name, node, name, 0, entry.later.size() + 1});
    for (const auto& [node, file] : files_) {
      if (!file.sizes.empty())
        all.push_back({Choice::About::size, node, {}, 0, file.sizes.size() + 1});
      for (const auto& [sector, versions] : file.sectors)
        all.push_back({Choice::About::sector, node, {}, sector, versions.size() + 1});
    }
    return all;
  }

  // STALE: sectors that have a place but were never written hold what was there before.
  Image image(const std::vector<Choice>& choices, Decision decision, bool stale = false) const {
    be_gentle(choices, decision);
    std::map<std::pair<Node, std::string>, Node> decided;
    std::map<Node, Chosen> chosen;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const Choice& choice = choices[i];
      const std::size_t way = decision[i];
      if (choice.about == Choice::About::name) {
        const Entry& entry = directories_.at(choice.node).at(choice.name);
        decided[{choice.node, choice.name}] = way == 0 ? entry.settled : entry.later[way - 1].child;
      } else if (choice.about == Choice::About::size) {
        chosen[choice.node].size = way;
      } else {
        chosen[choice.node].sectors.emplace_back(choice.sector, way);
      }
    }
    Image made;
    made.directories.clear();
    add_directory(root_node, decided, chosen, stale, made);
    return made;
  }

  // The page cache: what every process sees, and what is there after one is killed.
  Image cached() const {
    const auto all = choices();
    return image(all, last_ways(all));
  }

  // The same for disks that may come to hold the same.
  std::uint64_t hash() const {
    const auto all = choices();
    std::uint64_t hash =
        mix(image(all, last_ways(all)).hash(), image(all, Decision(all.size(), 0)).hash());
    for (const Choice& choice : all) {
      hash =
          mix(mix(mix(mix(hash, choice.node), choice.sector), choice.ways), hash_of(choice.name));
      if (choice.about == Choice::About::sector)
        hash = mix(hash, files_.at(choice.node).sectors.at(choice.sector).back().lost ? 2 : 1);
    }
    return hash;
  }

  static Decision last_ways(const std::vector<Choice>& choices) {
    Decision decision;
    for (const Choice& choice : choices)
      decision.push_back(choice.ways - 1);
    return decision;
  }

  // ext4: names as they were after STEP changes of names, whatever the files hold. DECISION's other
  // ways stay. Steps before first_ordered_step() cannot be: they are settled by a sync since.
  void ordered(std::size_t step, const std::vector<Choice>& choices, Decision& decision) const {
    for (std::size_t i = 0; i < choices.size(); ++i)
      if (choices[i].about == Choice::About::name) {
        const auto& later = directories_.at(choices[i].node).at(choices[i].name).later;
        decision[i] = 0;
        while (decision[i] < later.size() && later[decision[i]].step <= step)
          ++decision[i];
      }
  }
  // The highest number in use, of what can be reached or not.
  Node last_node() const {
    return std::max(directories_.rbegin()->first, files_.empty() ? 0 : files_.rbegin()->first);
  }
  std::size_t first_ordered_step() const { return ordered_from_; }
  std::size_t last_ordered_step() const { return step_; }

private:
  struct Version {
    Node child = no_node;
    std::size_t step = 0; // which change of names made it so
  };
  struct Entry {
    Node settled = no_node; // no_node: it is not there
    std::vector<Version> later{};
  };
  using Names = std::map<std::string, Entry>;

  struct SectorVersion {
    std::string bytes; // sector_size of them
    bool lost = false; // a sync of it failed: no later one settles it
  };
  struct File {
    std::string cached, settled;
    std::vector<std::size_t> sizes{}; // since the last sync, without repeats next to each other
    std::map<std::size_t, std::vector<SectorVersion>> sectors{}; // those with writes since then
    mutable SharedContent shared{};                              // of `cached`, when asked for

    static std::string sector_of(std::string_view content, std::size_t sector) {
      std::string bytes(
          content.substr(std::min(content.size(), sector * sector_size), sector_size));
      bytes.resize(sector_size);
      return bytes;
    }
    void resize(std::size_t size) {
      if (size != cached.size())
        sizes.push_back(size);
      cached.resize(size);
    }
    void write(std::uint64_t offset, const std::string& bytes) {
      shared.reset();
      if (bytes.empty())
        return;
      const auto from = static_cast<std::size_t>(offset);
      resize(std::max(cached.size(), from + bytes.size()));
      cached.replace(from, bytes.size(), bytes);
      for (std::size_t at = from / sector_size; at * sector_size < from + bytes.size(); ++at)
        sectors[at].push_back({sector_of(cached, at)});
    }
    void truncate() {
      shared.reset();
      for (std::size_t at = 0; at * sector_size < cached.size(); ++at)
        sectors[at].push_back({std::string(sector_size, '\0')});
      resize(0);
    }
    void sync(bool failed) {
      if (failed) {
        for (auto& [at, versions] : sectors)
          for (SectorVersion& version : versions)
            version.lost = true;
        return;
      }
      std::string old = std::move(settled);
      settled = cached;
      sizes.clear();
      for (auto each = sectors.begin(); each != sectors.end();)
        if (each->second.back().lost) {
          const std::size_t from = each->first * sector_size;
          if (from < settled.size()) // not cut off since
            settled.replace(from, std::min(sector_size, settled.size() - from),
                            sector_of(old, each->first), 0,
                            std::min(sector_size, settled.size() - from));
          ++each;
        } else {
          each = sectors.erase(each);
        }
    }
  };
  struct Chosen { // of one file
    std::size_t size = 0;
    std::vector<std::pair<std::size_t, std::size_t>> sectors{}; // number, way
  };
  struct GentleRename {
    Node from = no_node;
    std::string name{};
    Node to = no_node;
    std::string to_name{};
    std::size_t step = 0;
    bool atomic = false;
  };

  void set_name(Node directory, const std::string& name, Node child, std::size_t step) {
    directories_.at(directory)[name].later.push_back({child, step});
  }

  void settle(Names& names) {
    for (auto each = names.begin(); each != names.end();) {
      Entry& entry = each->second;
      if (!entry.later.empty())
        entry.settled = entry.later.back().child;
      entry.later.clear();
      each = entry.settled == no_node ? names.erase(each) : std::next(each);
    }
    ordered_from_ = step_;
  }

  // A gentle rename whose old name is gone has its new name, or what came of that later; an atomic
  // one whose old name is there has not.
  void be_gentle(const std::vector<Choice>& choices, Decision& decision) const {
    const auto place_of = [&](Node node, const std::string& name) {
      std::size_t i = 0;
      while (i < choices.size() && (choices[i].about != Choice::About::name ||
                                    choices[i].node != node || choices[i].name != name))
        ++i;
      return i;
    };
    // The way in which this step has just been done; 0 if it is settled.
    const auto way_of = [&](Node node, const std::string& name, std::size_t step) {
      const auto& later = directories_.at(node).at(name).later;
      const auto made = std::find_if(later.begin(), later.end(),
                                     [&](const Version& version) { return version.step == step; });
      return made == later.end() ? 0 : static_cast<std::size_t>(made - later.begin()) + 1;
    };
    for (const GentleRename& rename : gentle_) {
      const std::size_t to = place_of(rename.to, rename.to_name);
      const std::size_t from = place_of(rename.from, rename.name);
      if (to == choices.size()) { // its new name is settled
        if (rename.atomic && from != choices.size())
          decision[from] = std::max(decision[from], way_of(rename.from, rename.name, rename.step));
        continue;
      }
      const std::size_t made = way_of(rename.to, rename.to_name, rename.step);
      const bool gone =
          from == choices.size() || decision[from] >= way_of(rename.from, rename.name, rename.step);
      if (gone)
        decision[to] = std::max(decision[to], made);
      else if (rename.atomic && made > 0)
        decision[to] = std::min(decision[to], made - 1);
    }
  }

  void add_directory(Node node, const std::map<std::pair<Node, std::string>, Node>& decided,
                     const std::map<Node, Chosen>& chosen, bool stale, Image& made) const {
    Image::Names& names = made.directories[node];
    for (const auto& [name, entry] : directories_.at(node)) {
      const auto found = decided.find({node, name});
      const Node child = found == decided.end() ? entry.settled : found->second;
      if (child == no_node)
        continue;
      names[name] = child;
      if (directories_.contains(child))
        add_directory(child, decided, chosen, stale, made);
      else if (!made.files.contains(child))
        made.files[child] = content_of(child, chosen, stale);
    }
  }

  SharedContent content_of(Node node, const std::map<Node, Chosen>& chosen, bool stale) const {
    const File& file = files_.at(node);
    const auto found = chosen.find(node);
    if (found == chosen.end()) {
      if (!file.shared)
        file.shared = std::make_shared<const Content>(file.cached);
      return file.shared;
    }
    const Chosen& ways = found->second;
    std::string bytes = file.settled;
    bytes.resize(ways.size == 0 ? bytes.size() : file.sizes[ways.size - 1]);
    for (const auto& [sector, way] : ways.sectors) {
      const std::size_t from = sector * sector_size;
      if (from >= bytes.size() || (way == 0 && (!stale || from < file.settled.size())))
        continue;
      const std::size_t length = std::min(sector_size, bytes.size() - from);
      if (way == 0)
        bytes.replace(from, length, length, '\xa5');
      else
        bytes.replace(from, length, file.sectors.at(sector)[way - 1].bytes, 0, length);
    }
    return std::make_shared<const Content>(std::move(bytes));
  }

  std::map<Node, Names> directories_;
  std::map<Node, File> files_;
  std::vector<GentleRename> gentle_;
  std::size_t step_ = 0;         // changes of names so far
  std::size_t ordered_from_ = 0; // how many of them the last sync of names had settled, on ext4
};

} // namespace letterlock::crash
