// Runs one fuzz target without libFuzzer: on its seeds, and on as many inputs as are asked for that
// are made of them by chance, the same ones at each run.
//
//   X_replay [-runs=N] [-seed=N] [-dict=FILE] [-found=FILE] PATH...
//
// A PATH is an input, or a directory of inputs: the seeds. They count as one test, and what is made
// of them as another. The way to repeat an input that ends the program, or takes longer than a
// minute, is said; if it is no seed it is written to FILE.
#include "tests/fuzz/fuzz.h"

#include "tests/crash/dice.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <optional>
#include <vector>

namespace {

using letterlock::crash::Dice;
using Texts = std::vector<std::string>;

constexpr std::size_t longest_input = 4096;
constexpr unsigned run_patience = 60; // seconds: an input that takes this long hangs

struct Options {
  std::uint64_t runs = 0, seed = 1;
  std::string dictionary, found = "found.input";
  std::vector<std::filesystem::path> paths;
};

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "replay: %s\n", why.c_str());
  std::exit(64);
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file)
    refuse(path.string() + " cannot be read");
  return text;
}

// ---- The command line

std::uint64_t number_of(std::string_view option, std::string_view digits) {
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stopped != end)
    refuse(std::string(option) + " is no number");
  return value;
}

Options read_options(int argc, char* argv[]) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    const auto value_of = [&](std::string_view name) -> std::optional<std::string_view> {
      if (!argument.starts_with(name))
        return std::nullopt;
      return argument.substr(name.size());
    };
    if (const auto runs = value_of("-runs="))
      options.runs = number_of(argument, *runs);
    else if (const auto seed = value_of("-seed="))
      options.seed = number_of(argument, *seed);
    else if (const auto file = value_of("-dict="))
      options.dictionary = *file;
    else if (const auto found = value_of("-found="))
      options.found = *found;
    else if (argument.starts_with('-'))
      refuse("there is no option " + std::string(argument));
    else
      options.paths.emplace_back(argument);
  }
  if (options.paths.empty())
    refuse("no seeds are named");
  return options;
}

struct Seeds {
  Texts texts, paths;
};

// In the order of their names, so that all runs are alike.
Seeds read_seeds(const std::vector<std::filesystem::path>& paths) {
  Seeds seeds;
  for (const auto& path : paths) {
    std::vector<std::filesystem::path> files{path};
    if (std::filesystem::is_directory(path)) {
      files.clear();
      for (const auto& entry : std::filesystem::directory_iterator(path))
        files.push_back(entry.path());
      std::sort(files.begin(), files.end());
    }
    for (const auto& file : files) {
      seeds.texts.push_back(content_of(file));
      seeds.paths.push_back(file.string());
    }
  }
  if (seeds.texts.empty())
    refuse("there is no seed");
  return seeds;
}

// ---- The dictionary, in libFuzzer's form: a line is a comment, or NAME="WORD" with \\, \" and
// \xAB

std::string word_of(std::string_view quoted, const std::string& line) {
  std::string word;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      word += quoted[i];
      continue;
    }
    const std::string_view escape = quoted.substr(i + 1);
    if (escape.starts_with('\\') || escape.starts_with('"')) {
      word += escape.front();
      ++i;
      continue;
    }
    unsigned value = 0;
    const char* const end = escape.data() + std::min<std::size_t>(escape.size(), 3);
    if (!escape.starts_with('x') ||
        std::from_chars(escape.data() + 1, end, value, 16).ptr != escape.data() + 3)
      refuse("the dictionary has the line " + line);
    word += static_cast<char>(value);
    i += 3;
  }
  return word;
}

Texts read_dictionary(const std::string& path) {
  Texts words;
  if (path.empty())
    return words;
  std::ifstream file(path);
  if (!file)
    refuse(path + " cannot be read");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#')
      continue;
    const auto first = line.find('"'), last = line.rfind('"');
    if (first == std::string::npos || first == last)
      refuse("the dictionary has the line " + line);
    words.push_back(word_of(std::string_view(line).substr(first + 1, last - first - 1), line));
  }
  return words;
}

// ---- Inputs by chance

class Mutator {
public:
  Mutator(const Texts& seeds, const Texts& words, std::uint64_t seed)
      : seeds_(seeds), words_(words), seed_(seed) {}

  // The input of that number, whatever was asked for before.
  std::string input(std::uint64_t number) const {
    Dice dice(seed_ * 0x100000001b3u + number);
    std::string text = seeds_[dice.under(seeds_.size())];
    for (std::size_t changes = 1 + dice.under(6); changes > 0; --changes)
      change(text, dice);
    text.resize(std::min(text.size(), longest_input));
    return text;
  }

private:
  void change(std::string& text, Dice& dice) const {
    const std::size_t at = dice.under(text.size() + 1);
    const std::size_t length = dice.under(std::min<std::size_t>(text.size() - at, 64) + 1);
    switch (dice.under(9)) {
    case 0: // another bit
      if (at < text.size())
        text[at] = static_cast<char>(text[at] ^ 1 << dice.under(8));
      break;
    case 1: // another octet
      if (at < text.size())
        text[at] = static_cast<char>(dice.next());
      break;
    case 2: // an octet of those that are often an edge
      text.insert(at, 1, "\0\x01\x7f\x80\xff\r\n .:\"\\"[dice.under(12)]);
      break;
    case 3:
      text.erase(at, length);
      break;
    case 4: // again
      text.insert(at, std::string(text, at, length));
      break;
    case 5: // elsewhere, too
      text.insert(dice.under(text.size() + 1), std::string(text, at, length));
      break;
    case 6:
      if (!words_.empty())
        text.replace(at, dice.one_in(2) ? length : 0, words_[dice.under(words_.size())]);
      break;
    case 7: { // the end of another seed
      const std::string& other = seeds_[dice.under(seeds_.size())];
      text.replace(at, std::string::npos, other, dice.under(other.size() + 1));
      break;
    }
    case 8: // octets of any kind
      for (std::size_t i = 1 + dice.under(8); i > 0; --i)
        text.insert(at, 1, static_cast<char>(dice.next()));
      break;
    }
  }

  const Texts& seeds_;
  const Texts& words_;
  const std::uint64_t seed_;
};

// ---- Running

// What a child process that was ended cannot say any more.
struct Progress {
  std::uint64_t done;
};

// Calls the target with INPUT(0) to INPUT(COUNT - 1), in a process of its own. The number of those
// that were taken: less than COUNT if one ended it.
template <class Make> std::uint64_t run(Progress& progress, std::uint64_t count, Make input) {
  progress.done = 0;
  std::fflush(nullptr); // else the child says it once more
  const pid_t child = ::fork();
  if (child < 0)
    refuse("there can be no further process");
  if (child == 0) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string text = input(i);
      // A copy of just its length, so that AddressSanitizer sees what reads past it.
      std::vector<std::uint8_t> octets;
      octets.reserve(std::max<std::size_t>(text.size(), 1)); // never null
      octets.assign(text.begin(), text.end());
      ::alarm(run_patience);
      LLVMFuzzerTestOneInput(octets.data(), octets.size());
      progress.done = i + 1;
    }
    std::exit(0); // and not _exit(), so that leaks are looked for
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      refuse("the other process is lost");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return std::min(progress.done, count - 1); // a leak counts against the last
  return count;
}

void tell(const char* program, const std::string& path) {
  std::printf("FAILED; to repeat it: %s %s\n", program, path.c_str());
}

} // namespace

int main(int argc, char* argv[]) {
  const Options options = read_options(argc, argv);
  const Seeds seeds = read_seeds(options.paths);
  const Texts words = read_dictionary(options.dictionary);
  const Mutator mutator(seeds.texts, words, options.seed);
  void* const page =
      ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    refuse("there is no memory");
  Progress& progress = *new (page) Progress{};

  int passed = 0, failed = 0;
  const auto report = [&](std::uint64_t done, std::uint64_t count, const char* kind) {
    std::printf("%llu of %llu %s\n", static_cast<unsigned long long>(done),
                static_cast<unsigned long long>(count), kind);
    ++(done < count ? failed : passed);
    return done == count;
  };
  const std::uint64_t seeds_done =
      run(progress, seeds.texts.size(), [&](std::uint64_t i) { return seeds.texts[i]; });
  if (!report(seeds_done, seeds.texts.size(), "seeds"))
    tell(argv[0], seeds.paths[seeds_done]);
  if (options.runs > 0) {
    const auto input = [&](std::uint64_t i) { return mutator.input(i); };
    const std::uint64_t done = run(progress, options.runs, input);
    if (!report(done, options.runs, "inputs made of them")) {
      std::ofstream(options.found, std::ios::binary) << mutator.input(done);
      tell(argv[0], options.found);
    }
  }
  std::printf("fuzz: %d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
