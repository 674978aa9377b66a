// Client: a store and whoever uses it, waiting for each answer: the part of queued's loop.
#pragma once

#include "tests/crash/ledger.h"
#include "tests/crash/mail.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace letterlock::crash {

using queued::MaildirStoreOptions;
using queued::Maildrop;
using queued::ReadResult;

// Sees to it that what the store's threads have answered is taken down before they change the disk
// again: so that a crash between an answer and what follows it is told from one before the answer.
class AnswerGate {
public:
  // The loop waits for answers, which show on this descriptor.
  void watch(int descriptor) {
    const std::lock_guard guard(mutex_);
    descriptor_ = descriptor;
  }
  void waiting(bool yes) {
    {
      const std::lock_guard guard(mutex_);
      waiting_ = yes;
    }
    changed_.notify_all();
  }

  // By a thread that is about to change the disk. Gives up after a moment: the loop may need
  // something that this thread holds. Then one crash less is told apart.
  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(20), [this] {
      pollfd watched{descriptor_, POLLIN, 0};
      return !waiting_ || (!taking_down_ && ::poll(&watched, 1, 0) == 0);
    });
  }

  class Drain {
  public:
    explicit Drain(AnswerGate& gate) : gate_(gate) { set(true); }
    Drain(const Drain&) = delete;
    Drain& operator=(const Drain&) = delete;
    ~Drain() { set(false); }

  private:
    void set(bool yes) {
      {
        const std::lock_guard guard(gate_.mutex_);
        gate_.taking_down_ = yes;
      }
      gate_.changed_.notify_all();
    }
    AnswerGate& gate_;
  };

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int descriptor_ = -1;
  bool waiting_ = false, taking_down_ = false;
};

class Client {
public:
  // Throws if the store does not start.
  Client(UniqueFd root, const MaildirStoreOptions& options, queued::FileSystem& files,
         AnswerGate* gate = nullptr)
      : gate_(gate) {
    auto opened = queued::open_maildir_store(std::move(root), options, files);
    if (!opened)
      throw std::runtime_error("the store does not start: " + opened.error().text);
    store_ = std::move(*opened);
    if (gate_ != nullptr)
      gate_->watch(store_->completion_descriptor());
  }

  queued::MessageStore* operator->() { return store_.get(); }

  // An answer that has not come yet.
  template <class T> using Answer = std::shared_ptr<std::optional<T>>;
  template <class T> static Answer<T> answer() { return std::make_shared<std::optional<T>>(); }

  template <class Ready> void wait_until(Ready&& ready) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    if (gate_ != nullptr)
      gate_->waiting(true);
    while (!ready()) {
      pollfd watched{store_->completion_descriptor(), POLLIN, 0};
      ::poll(&watched, 1, 100);
      drain();
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error("no answer came");
    }
    if (gate_ != nullptr)
      gate_->waiting(false);
  }
  template <class T> T wait_for(const Answer<T>& answer) {
    wait_until([&] { return answer->has_value(); });
    return std::move(**answer);
  }

  Expected<std::vector<queued::AccountId>> resolve(std::vector<queued::AccountName> names) {
    auto ids = answer<Expected<std::vector<queued::AccountId>>>();
    store_->resolve_accounts(std::move(names), [ids](auto made) { *ids = std::move(made); });
    return wait_for(ids);
  }

  // None: another session has it.
  ReadResult<std::shared_ptr<Maildrop>> open(std::uint32_t account) {
    auto lock = store_->lock_maildrop(queued::AccountId{account});
    if (!lock)
      return std::unexpected(queued::ReadError{queued::ReadFault::busy, "locked"});
    auto opened = answer<ReadResult<std::shared_ptr<Maildrop>>>();
    store_->open_maildrop(std::move(*lock), [opened](auto made) { *opened = std::move(made); });
    lock.reset();
    return wait_for(opened);
  }

  // None: it is gone. Throws if it cannot be read.
  std::optional<std::string> read(Maildrop& maildrop, std::size_t index) {
    auto opened = answer<ReadResult<queued::OpenedMessage>>();
    maildrop.open_message(index, [opened](auto made) { *opened = std::move(made); });
    auto message = wait_for(opened);
    if (!message && message.error().fault == queued::ReadFault::gone)
      return std::nullopt;
    if (!message)
      throw std::runtime_error("a message cannot be read: " + message.error().text);
    std::string bytes(message->stored_size, '\0');
    const ssize_t got = ::pread(message->file.get(), bytes.data(), bytes.size(), 0);
    if (got != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("a message is shorter than it was said to be");
    return bytes;
  }

  Answer<queued::CommitResult> submit(queued::Delivery what,
                                      std::function<void(const queued::CommitResult&)> heard = {}) {
    auto result = answer<queued::CommitResult>();
    store_->submit(std::move(what), [result, heard = std::move(heard)](queued::CommitResult said) {
      if (heard)
        heard(said);
      *result = std::move(said);
    });
    return result;
  }

private:
  void drain() {
    std::optional<AnswerGate::Drain> drain;
    if (gate_ != nullptr)
      drain.emplace(*gate_);
    store_->drain_completions();
  }

  AnswerGate* gate_;
  std::unique_ptr<queued::MessageStore> store_;
};

// Everything that ACCOUNT holds. What nobody sent or what is damaged goes into FAULTS.
inline std::vector<Found> list_account(Client& client, std::uint32_t account, const Ledger& ledger,
                                       std::vector<std::string>& faults) {
  std::vector<Found> found;
  const auto maildrop = client.open(account);
  if (!maildrop) {
    faults.push_back("account " + std::to_string(account) +
                     " cannot be opened: " + maildrop.error().text);
    return found;
  }
  const auto& messages = (*maildrop)->messages();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string uidl(messages[i].uidl);
    const std::string where = "account " + std::to_string(account) + ", " + uidl;
    const auto content = client.read(**maildrop, i);
    if (!content) {
      faults.push_back(where + ": it is listed and not there");
      continue;
    }
    if (mail::wire_size(*content) != messages[i].wire_size)
      faults.push_back(where + ": its size is not what POP3 would send");
    if (const Item* item = ledger.find(account, *content); item != nullptr)
      found.push_back({account, ledger.index(*item), uidl});
    else
      faults.push_back(where + ": damaged, or nobody sent it: " + std::to_string(content->size()) +
                       " octets, " + content->substr(0, 60));
  }
  return found;
}

} // namespace letterlock::crash
