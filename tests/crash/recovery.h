// Recovery: starts a store on what a crash left, and looks at what it shows.
#pragma once

#include "queued/maildir/maildir_name.h"
#include "tests/crash/retired.h"
#include "tests/crash/story.h"

namespace letterlock::crash {

// A number that no message of a story has: of one that is committed after the recovery.
inline constexpr std::uint32_t newcomer = 0xffffffff;

// The start and the first look of a store on an image; its changes are recorded.
class Recovery {
public:
  // BEFORE is the disk that the image comes from if its page cache is still there, else a disk
  // made of the image.
  Recovery(const Story& story, const Image& image, Disk before, std::uint64_t life)
      : story_(story), life_(life) {
    const UniqueFd root = directory_.open();
    Inodes inodes = ImageWriter::write(image, root.get());
    recorder_ = std::make_unique<Recorder>(root.get(), std::move(before), std::move(inodes));
    if (!story.syncs_everything)
      recorder_->lack_sync_of_everything();
  }

  Outcome run(bool with_repeats) {
    try {
      recover(with_repeats);
    } catch (const std::exception& trouble) {
      outcome_.faults.push_back(trouble.what());
    }
    return std::move(outcome_);
  }

  // Of the recovery alone, until all is settled.
  const Disk& start() const { return recorder_->start(); }
  const std::vector<Operation>& record() const { return record_; }

private:
  std::vector<Found> look(Client& client, const Ledger& ledger) {
    std::vector<Found> found;
    for (std::uint32_t account = 1; account <= story_.accounts.size(); ++account) {
      auto more = list_account(client, account, ledger, outcome_.faults);
      found.insert(found.end(), more.begin(), more.end());
    }
    return found;
  }

  void recover(bool with_repeats) {
    MaildirStoreOptions options = options_of(story_, life_);
    options.read_threads = options.copy_threads = options.materialise_threads = 1; // they cost time
    // A crash is no damage: the journal tells a torn tail from it.
    options.report = [this](const queued::StoreReport& report) {
      if (report.level == queued::StoreReport::Level::error)
        outcome_.faults.push_back(report.event + ": " + report.text);
    };
    {
      Client client(directory_.open(), options, *recorder_);
      resolve(client);
      // While what was found is being settled, and when all of it is.
      const std::vector<Found> at_first = look(client, story_.ledger);
      wait_until_retired(directory_.open().get(), *recorder_);
      record_ = recorder_->record();
      Outcome known = what_is_known(client, story_);
      outcome_.known = std::move(known.known);
      outcome_.removals_known = std::move(known.removals_known);
      outcome_.found = look(client, story_.ledger);
      if (!are_same(at_first, outcome_.found))
        outcome_.faults.push_back("at first " + std::to_string(at_first.size()) +
                                  " messages are there, and " +
                                  std::to_string(outcome_.found.size()) + " when all is settled");
      check_litter();
      if (with_repeats)
        repeat(client);
    }
    if (!with_repeats)
      return;
    Ledger ledger = story_.ledger;
    const std::size_t probe = ledger.add(1, newcomer, copy_of(Mail{newcomer}, 1));
    Client client(directory_.open(), options, *recorder_);
    resolve(client);
    auto found = look(client, ledger);
    if (std::erase_if(found, [&](const Found& one) { return one.item == probe; }) != 1)
      outcome_.faults.push_back("what was committed after the recovery is not there once");
    outcome_.after_repeats = std::move(found);
  }

  static bool are_same(std::vector<Found> one, std::vector<Found> other) {
    const auto key = [](const Found& of) { return std::tuple(of.account, of.item, of.uidl); };
    const auto before = [&](const Found& a, const Found& b) { return key(a) < key(b); };
    std::sort(one.begin(), one.end(), before);
    std::sort(other.begin(), other.end(), before);
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [&](const Found& a, const Found& b) { return key(a) == key(b); });
  }

  // In another order than at first, which tells whether the table of accounts is still there.
  void resolve(Client& client) {
    const auto names = std::vector(story_.accounts.rbegin(), story_.accounts.rend());
    const auto ids = client.resolve(names);
    if (!ids)
      throw std::runtime_error("accounts have no ids: " + ids.error().text);
    for (std::size_t i = 0; i < ids->size(); ++i)
      if ((*ids)[i] != queued::AccountId{static_cast<std::uint32_t>(ids->size() - i)})
        outcome_.ids_kept = false;
  }

  void check_litter() {
    for (std::uint32_t account = 1; account <= story_.accounts.size(); ++account)
      for (const auto& name : directory_.names(directory_.maildir(account) / "tmp"))
        if (const auto parsed = queued::MaildirName::parse(name); parsed && parsed->message)
          outcome_.faults.push_back("left in tmp: " + name);
    for (const char* place : {"large", "corrupt"})
      for (const auto& name : directory_.names(place))
        outcome_.faults.push_back(std::string("left in ") + place + ": " + name);
  }

  // Few at a time: the journal of a story is small. When it is full the client has to come again,
  // after a checkpoint.
  void repeat(Client& client) {
    std::vector<Mail> mails = story_.mails;
    mails.push_back(Mail{newcomer});
    for (std::size_t i = 0; i < mails.size(); i += at_once) {
      std::vector<Mail> few(mails.begin() + static_cast<std::ptrdiff_t>(i),
                            mails.begin() +
                                static_cast<std::ptrdiff_t>(std::min(i + at_once, mails.size())));
      while (!few.empty()) {
        const std::size_t before = recorder_->now();
        repeat_few(client, few);
        std::erase_if(few, [this](const Mail& mail) {
          return outcome_.repeats.at(mail.number) != CommitStatus::full;
        });
        if (!few.empty())
          recorder_->wait_for_more_than(before);
      }
    }
    if (outcome_.repeats.at(newcomer) != CommitStatus::committed)
      outcome_.faults.push_back("nothing can be committed after the recovery");
  }
  void repeat_few(Client& client, const std::vector<Mail>& mails) {
    std::vector<Client::Answer<queued::CommitResult>> answers;
    for (const Mail& mail : mails) {
      queued::Delivery delivery = delivery_of(mail);
      delivery.again = mail.number != newcomer;
      answers.push_back(client.submit(std::move(delivery)));
    }
    for (std::size_t i = 0; i < mails.size(); ++i)
      outcome_.repeats[mails[i].number] = client.wait_for(answers[i]).status;
  }

  static constexpr std::size_t at_once = 8;

  const Story& story_;
  const std::uint64_t life_;
  const queued::TemporaryDirectory directory_;
  std::unique_ptr<Recorder> recorder_;
  std::vector<Operation> record_;
  Outcome outcome_;
};

} // namespace letterlock::crash
