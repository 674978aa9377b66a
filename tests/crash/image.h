// Image: what is on a disk at one moment: directories, names and contents. It can be laid out as
// real files, read back from them, and told from others by a hash.
#pragma once

#include "queued/disk/directory.h"
#include "tests/crash/operation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <unordered_map>

namespace letterlock::crash {

inline std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash * 0xd6e8feb86659fd93u + value) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 29;
}

inline std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t hash = mix(1, bytes.size());
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    hash = mix(hash, word);
  }
  for (const char byte : bytes)
    hash = mix(hash, static_cast<unsigned char>(byte));
  return hash;
}

// The content of a file, shared between all images that have it.
struct Content {
  explicit Content(std::string all) : bytes(std::move(all)), hash(hash_of(bytes)) {}
  const std::string bytes;
  const std::uint64_t hash;
};
using SharedContent = std::shared_ptr<const Content>;

using Inodes = std::unordered_map<ino_t, Node>;

struct Image {
  using Names = std::map<std::string, Node>;
  std::map<Node, Names> directories{{root_node, {}}}; // those that can be reached from the root
  std::map<Node, SharedContent> files;

  // The same for images that look the same, whatever their nodes' numbers.
  std::uint64_t hash() const {
    std::map<Node, std::uint64_t> seen; // files by the order of their first names
    return hash_of_directory(root_node, seen);
  }

  // Each path with what is there: two images are compared by this, for people to read.
  std::map<std::string, std::string> paths() const {
    std::map<std::string, std::string> all;
    list(root_node, "", all);
    return all;
  }

private:
  std::uint64_t hash_of_directory(Node node, std::map<Node, std::uint64_t>& seen) const {
    std::uint64_t hash = 2;
    for (const auto& [name, child] : directories.at(node)) {
      hash = mix(hash, hash_of(name));
      if (directories.contains(child)) {
        hash = mix(hash, hash_of_directory(child, seen));
        continue;
      }
      const auto [number, first] = seen.emplace(child, seen.size());
      hash = mix(mix(hash, number->second), first ? files.at(child)->hash : 3);
    }
    return mix(hash, 4);
  }

  void list(Node node, const std::string& before, std::map<std::string, std::string>& all) const {
    for (const auto& [name, child] : directories.at(node)) {
      if (directories.contains(child)) {
        all[before + name + '/'] = "a directory";
        list(child, before + name + '/', all);
      } else {
        all[before + name] = files.at(child)->bytes;
      }
    }
  }
};

inline std::runtime_error trouble_with(const std::string& name) {
  return std::runtime_error(name + ": " + std::strerror(errno));
}

inline struct stat about_descriptor(int descriptor) {
  struct stat about = {};
  if (::fstat(descriptor, &about) != 0)
    throw trouble_with("fstat");
  return about;
}

inline UniqueFd open_below(int directory, const std::string& name) {
  auto opened = queued::open_directory(directory, name);
  if (!opened)
    throw trouble_with(name);
  return std::move(*opened);
}

// Makes an image as files below an empty directory. A file with several names is one.
class ImageWriter {
public:
  // Returns which inode stands for which node.
  static Inodes write(const Image& image, int root) {
    ImageWriter writer(image, root);
    writer.write_directory(root_node, root, "");
    return std::move(writer.inodes_);
  }

private:
  ImageWriter(const Image& image, int root) : image_(image), root_(root) {}

  // BEFORE is the path to it from the root, ending in a slash if not empty.
  void write_directory(Node node, int directory, const std::string& before) {
    inodes_[about_descriptor(directory).st_ino] = node;
    for (const auto& [name, child] : image_.directories.at(node)) {
      if (image_.directories.contains(child)) {
        if (::mkdirat(directory, name.c_str(), 0750) != 0)
          throw trouble_with(name);
        write_directory(child, open_below(directory, name).get(), before + name + '/');
      } else if (const auto [first, is_new] = places_.emplace(child, before + name); is_new) {
        write_file(child, directory, name);
      } else if (::linkat(root_, first->second.c_str(), directory, name.c_str(), 0) != 0) {
        throw trouble_with(name);
      }
    }
  }

  // Pieces of zeros are left out: most of a journal has never been written.
  void write_file(Node node, int directory, const std::string& name) {
    const std::string_view bytes = image_.files.at(node)->bytes;
    const UniqueFd file(
        ::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
    if (!file || ::ftruncate(file.get(), static_cast<off_t>(bytes.size())) != 0)
      throw trouble_with(name);
    inodes_[about_descriptor(file.get()).st_ino] = node;
    static const std::string zeros(4096, '\0');
    for (std::size_t at = 0; at < bytes.size(); at += zeros.size()) {
      const auto part = bytes.substr(at, zeros.size());
      if (std::memcmp(part.data(), zeros.data(), part.size()) != 0 &&
          ::pwrite(file.get(), part.data(), part.size(), static_cast<off_t>(at)) !=
              static_cast<ssize_t>(part.size()))
        throw trouble_with(name);
    }
  }

  const Image& image_;
  const int root_;
  Inodes inodes_;
  std::map<Node, std::string> places_; // the first name of each file
};

// Reads what is below a directory as an image, but the lock, which nobody reads.
class ImageReader {
public:
  static Image read(int root) {
    ImageReader reader;
    reader.read_directory(root, root_node);
    return std::move(reader.image_);
  }

private:
  void read_directory(int directory, Node node) {
    image_.directories[node];
    const auto visited =
        queued::visit_directory(directory, [&](const std::string& name, queued::FileKind kind) {
          if (node == root_node && name == "lock")
            return true;
          if (kind == queued::FileKind::directory) {
            image_.directories[node][name] = ++last_;
            read_directory(open_below(directory, name).get(), last_);
          } else {
            image_.directories[node][name] = read_file(directory, name);
          }
          return true;
        });
    if (!visited)
      throw std::runtime_error("a directory cannot be read");
  }

  Node read_file(int directory, const std::string& name) {
    const UniqueFd file(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
      throw trouble_with(name);
    const auto about = about_descriptor(file.get());
    if (const auto known = files_.find(about.st_ino); known != files_.end())
      return known->second;
    std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
    if (::pread(file.get(), bytes.data(), bytes.size(), 0) != about.st_size)
      throw trouble_with(name);
    image_.files[++last_] = std::make_shared<const Content>(std::move(bytes));
    return files_[about.st_ino] = last_;
  }

  Image image_;
  Inodes files_;
  Node last_ = root_node;
};

} // namespace letterlock::crash
