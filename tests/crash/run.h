// Run: one store at work on a recorded disk, and what is told of it in the ledger: commits,
// sessions, other programs in the Maildirs, disks that fail.
#pragma once

#include "queued/maildir/own_name.h"
#include "tests/crash/retired.h"
#include "tests/crash/story.h"

namespace letterlock::crash {

// Put between store and recorder: a file system that lies, for instance.
using Interpose = std::function<std::unique_ptr<queued::FileSystem>(Recorder&)>;

class Run {
public:
  // Begins with an empty disk.
  explicit Run(std::string name, std::uint64_t seed, const Interpose& interpose = {}) {
    story_.name = std::move(name);
    story_.seed = seed;
    begin(Image(), Disk(), interpose);
  }
  // Goes on after a crash: the ledger of STORY is cut off there, IMAGE is what is left, BEFORE as
  // in Recovery.
  Run(Story story, const Image& image, Disk before, const Interpose& interpose = {})
      : story_(std::move(story)) {
    begin(image, std::move(before), interpose);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Story& story() { return story_; }
  Ledger& ledger() { return story_.ledger; }
  Recorder& disk() { return *recorder_; }
  std::size_t now() const { return recorder_->now(); }

  // Starts the store, and gets the accounts their ids; false if the disk fails it.
  bool start() {
    try {
      if (!story_.syncs_everything)
        recorder_->lack_sync_of_everything();
      auto options = options_of(story_, story_.life);
      options.checkpoint_interval = story_.checkpoint_interval;
      options.report = [this](const queued::StoreReport& report) {
        recorder_->remark(report.event + ": " + report.text);
      };
      recorder_->remark("a start");
      client_.emplace(directory_.open(), options, files(), &gate_);
    } catch (const std::runtime_error& trouble) {
      recorder_->remark(trouble.what());
      return false;
    }
    const auto ids = client_->resolve(story_.accounts);
    if (ids)
      story_.ledger.accounts_told(now());
    else
      client_.reset();
    return ids.has_value();
  }
  // After start() on what a crash left: looks at everything. What is wrong with it; empty: nothing.
  std::vector<std::string> take_stock() {
    Outcome outcome = what_is_known(*client_, story_);
    for (std::uint32_t account = 1; account <= story_.accounts.size(); ++account)
      for (const Found& one : list_account(*client_, account, story_.ledger, outcome.faults))
        outcome.found.push_back(one);
    auto wrong = Verdict::of(story_.ledger, now(), outcome);
    story_.ledger.recovered(now(), outcome.found);
    return wrong;
  }
  // In good order.
  void stop() {
    maildrops_.clear();
    client_.reset();
  }

  // Submits all of MAILS at once, in order.
  std::vector<CommitStatus> commit(const std::vector<Mail>& mails, bool again = false) {
    std::vector<Client::Answer<queued::CommitResult>> answers;
    for (const Mail& mail : mails)
      answers.push_back(submit(mail, again));
    std::vector<CommitStatus> statuses;
    for (auto& answer : answers)
      statuses.push_back(client_->wait_for(answer).status);
    return statuses;
  }
  CommitStatus commit(const Mail& mail, bool again = false) {
    return commit(std::vector{mail}, again).front();
  }

  // Waits until a checkpoint has retired everything that was committed; the story's interval must
  // be short.
  void wait_for_checkpoint() { wait_until_retired(directory_.open().get(), *recorder_); }

  // Until disk().let_go(), nothing of this maildrop is written over.
  void hold(std::uint32_t account) {
    recorder_->hold(directory_.path() / directory_.maildir(account) / "new");
  }

  // Waits until the disk was asked for CALL so often.
  void wait_for_call(Call call, std::size_t times) {
    for (;;) {
      const std::size_t before = now();
      if (recorder_->calls(call) >= times)
        return;
      recorder_->wait_for_more_than(before);
    }
  }

  // Opens a maildrop and keeps it; reads all of it. False if it cannot be opened.
  bool open(std::uint32_t account) {
    close(account);
    std::vector<std::string> faults;
    for (const Found& one : list_account(*client_, account, story_.ledger, faults))
      story_.ledger.listed(one.item, now(), one.uidl);
    auto opened = client_->open(account);
    if (!opened)
      return false;
    maildrops_[account] = std::move(*opened);
    return true;
  }
  void close(std::uint32_t account) { maildrops_.erase(account); }
  bool is_open(std::uint32_t account) const { return maildrops_.contains(account); }
  std::size_t messages(std::uint32_t account) const {
    return maildrops_.at(account)->messages().size();
  }

  // Of an open maildrop, which it closes; true if all of them are gone for good, else nobody knows.
  bool expunge(std::uint32_t account, const std::vector<std::size_t>& indices) {
    const auto maildrop = maildrops_.at(account);
    maildrops_.erase(account);
    std::vector<std::size_t> items;
    for (const std::size_t index : indices)
      if (const auto item = item_of(account, std::string(maildrop->messages()[index].uidl)))
        items.push_back(*item);
    Id128 transaction = transaction_of(++story_.removals);
    transaction.bytes[1] = 1;
    const std::size_t removal = story_.ledger.removal_asked(transaction, items, now());
    auto done = Client::answer<ReadResult<queued::Expunged>>();
    maildrop->expunge(transaction, indices,
                      [this, removal, done](ReadResult<queued::Expunged> result) {
                        if (result)
                          story_.ledger.removed(removal, now());
                        *done = std::move(result);
                      });
    return client_->wait_for(done).has_value();
  }

  // ---- Other programs

  // A program that knows Maildirs puts a message there, durably.
  void deliver_by_another(std::uint32_t account, std::uint32_t number) {
    const Recorder::Sparing sparing(*recorder_);
    const std::string text = "Subject: from elsewhere\n\n" + text_of(number, 100);
    const std::size_t item = story_.ledger.add(account, 0, text);
    story_.ledger.asked(item, now());
    const auto maildir = queued::MaildirDirectories::open(directory_.open().get(), account);
    const std::string name = "1700000000.M" + std::to_string(number) + "P1.elsewhere";
    const auto file = recorder_->create_file(maildir->tmp.get(), name, 0640);
    must(recorder_->append(file->get(), as_bytes(text)));
    must(recorder_->sync_file(file->get()));
    recorder_->move(maildir->tmp.get(), name, maildir->fresh.get(), name);
    must(recorder_->sync_directory(maildir->fresh.get()));
    story_.ledger.put_by_another(item, now());
  }
  // A mail reader moves the first message in new to cur, and puts MORE behind its name. False if
  // there is none.
  bool mark_seen(std::uint32_t account, const char* more = ":2,S") {
    const Recorder::Sparing sparing(*recorder_);
    const auto maildir = queued::MaildirDirectories::open(directory_.open().get(), account);
    // Two bases of one file are two messages, whoever looks: where others make such names the file
    // system must be one that does not leave both. What was never ours has nothing else to be known
    // by.
    const bool is_other_base = *more != ':';
    const auto names = directory_.names(directory_.maildir(account) / "new");
    const auto name = std::find_if(names.begin(), names.end(), [&](const std::string& one) {
      return !is_other_base || queued::own_message_id(one);
    });
    if (name == names.end())
      return false;
    recorder_->move(maildir->fresh.get(), *name, maildir->cur.get(), *name + more, is_other_base);
    return true;
  }
  // It removes the first message there. False if there is none.
  bool remove_by_another(std::uint32_t account, const char* from = "new") {
    const Recorder::Sparing sparing(*recorder_);
    const auto maildir = queued::MaildirDirectories::open(directory_.open().get(), account);
    const auto place = directory_.maildir(account) / from;
    const bool fresh = std::string_view(from) == "new";
    for (;;) {
      const auto names = directory_.names(place);
      if (names.empty())
        return false;
      const std::string text = directory_.read(place / names[0]);
      // What was expunged goes when the store gets to it, which may be now.
      if (!std::filesystem::exists(directory_.path() / place / names[0]))
        continue;
      const Item* item = story_.ledger.find(account, text);
      if (item == nullptr)
        throw std::runtime_error("a file that nobody knows: " + names[0]);
      story_.ledger.removed_by_another(story_.ledger.index(*item), now());
      const auto done = recorder_->unlink((fresh ? maildir->fresh : maildir->cur).get(), names[0]);
      if (done || done.error().number != ENOENT)
        must(done);
      return true;
    }
  }

  // Ends the run. The record is what happened: this is made sure of.
  Story finish() {
    stop();
    recorder_->heal();
    story_.start = recorder_->start();
    story_.record = recorder_->record();
    story_.remarks = recorder_->remarks();
    Disk disk = story_.start;
    for (const Operation& what : story_.record)
      disk.apply(what);
    const auto told = disk.cached().paths(),
               real = ImageReader::read(directory_.open().get()).paths();
    if (told != real)
      throw std::runtime_error("the record is not what happened: " + difference(told, real));
    return std::move(story_);
  }

private:
  using Paths = std::map<std::string, std::string>;
  static std::string difference(const Paths& told, const Paths& real) {
    for (const auto& [path, what] : told)
      if (const auto found = real.find(path); found == real.end() || found->second != what)
        return path + (found == real.end() ? " is not there" : " has other content");
    for (const auto& [path, what] : real)
      if (!told.contains(path))
        return path + " is there";
    return "nothing";
  }
  static void must(const SystemResult<void>& done) {
    if (!done)
      throw std::runtime_error("another program's call failed");
  }

  void begin(const Image& image, Disk before, const Interpose& interpose) {
    Inodes inodes = ImageWriter::write(image, directory_.open().get());
    recorder_ =
        std::make_unique<Recorder>(directory_.open().get(), std::move(before), std::move(inodes));
    recorder_->before_each([this] {
      if (std::this_thread::get_id() != loop_)
        gate_.pass();
    });
    if (interpose)
      between_ = interpose(*recorder_);
  }
  queued::FileSystem& files() {
    if (between_)
      return *between_;
    return *recorder_;
  }

  Client::Answer<queued::CommitResult> submit(const Mail& mail, bool again) {
    std::vector<std::pair<std::size_t, Item::Event>> copies; // and how it was before
    queued::Delivery delivery = delivery_of(mail);
    delivery.again = again;
    if (mail.in_file)
      delivery.content = in_scratch_file(mail);
    const std::size_t asked = now();
    for (const std::uint32_t account : mail.accounts) {
      const std::size_t item =
          story_.ledger.add(account, mail.number, copy_of(mail, account), mail.spoiled);
      copies.emplace_back(item, story_.ledger.items()[item].at(asked));
      story_.ledger.asked(item, asked);
    }
    if (!again)
      story_.mails.push_back(mail);
    return client_->submit(std::move(delivery), [this, copies, number = mail.number](
                                                    const queued::CommitResult& said) {
      for (const auto& [item, before] : copies)
        story_.ledger.answered(item, now(), said.status, before);
      recorder_->remark("message " + std::to_string(number) + " is answered with status " +
                        std::to_string(static_cast<int>(said.status)) + ' ' + said.text);
    });
  }
  // The lease is kept until the store ends, as that of a borrower who has more to send.
  queued::ScratchContent in_scratch_file(const Mail& mail) {
    const std::string text = text_of(mail.number, mail.size);
    auto leased = Client::answer<Expected<queued::ScratchLease>>();
    (*client_)->lease_scratch(queued::Borrower{1}, {text.size(), 0},
                              [leased](auto result) { *leased = std::move(result); });
    const auto lease = client_->wait_for(leased);
    if (!lease || ::pwrite(lease->file.get(), text.data(), text.size(), 0) !=
                      static_cast<ssize_t>(text.size()))
      throw std::runtime_error("no scratch file");
    return {queued::Borrower{1}, lease->id};
  }

  std::optional<std::size_t> item_of(std::uint32_t account, const std::string& uidl) const {
    const auto known = story_.ledger.uidls(now());
    const auto found = known.find({account, uidl});
    if (found == known.end())
      return std::nullopt;
    return found->second;
  }

  const std::thread::id loop_ = std::this_thread::get_id();
  Story story_;
  queued::TemporaryDirectory directory_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<queued::FileSystem> between_;
  AnswerGate gate_;
  std::optional<Client> client_;
  std::map<std::uint32_t, std::shared_ptr<Maildrop>> maildrops_;
};

} // namespace letterlock::crash
