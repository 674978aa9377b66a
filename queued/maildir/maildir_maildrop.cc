// A session with a Maildir: its index, its messages, and their removal.
#include "queued/maildir/maildir_maildrop.h"

#include "queued/maildir/list_maildrop.h"

#include <sys/stat.h>

#include <cerrno>

namespace letterlock::queued {

namespace {

constexpr std::size_t most_remembered = 65536;
constexpr std::size_t most_notes = 32; // of one opening

std::unexpected<ReadError> failed(std::string_view what, int number) {
  return std::unexpected(ReadError{number == ENOENT ? ReadFault::gone : ReadFault::failed,
                                   Error::system(what, number).text});
}

} // namespace

bool MentionedFiles::is_first(const std::string& account_and_name) {
  const std::lock_guard guard(mutex_);
  return mentioned_.size() < most_remembered && mentioned_.insert(account_and_name).second;
}

// ---- Opening

ReadResult<std::shared_ptr<MaildirMaildrop>>
MaildirMaildrop::open(const MaildropServices& services, AccountId account, MaildropLock lock,
                      const UnsettledMessages& unsettled) {
  auto directories =
      MaildirDirectories::open_to_read(services.root, static_cast<std::uint32_t>(account));
  if (!directories)
    return failed("maildrop", directories.error().number);
  std::shared_ptr<MaildirMaildrop> maildrop(
      new MaildirMaildrop(services, account, std::move(lock), std::move(*directories)));
  maildrop->has_pending_ = !unsettled.pending.empty();
  if (const auto found = maildrop->find_index(unsettled.pending); !found)
    return failed("maildrop", found.error().number);
  if (!unsettled.pending.empty() || !unsettled.expunged.empty() ||
      !unsettled.expunged_messages.empty())
    maildrop->index_ = maildrop->index_->with(unsettled.pending, services.host, unsettled.expunged,
                                              unsettled.expunged_messages);
  return maildrop;
}

SystemResult<void> MaildirMaildrop::find_index(std::span<const PendingMessage> pending) {
  // Before the listing begins: what changes meanwhile changes the times after them.
  const auto now = services_.now();
  const auto times = MaildirTimes::of(directories_);
  if (!times)
    return std::unexpected(times.error());
  const auto cached = services_.indices.find(account_);
  if (cached && cached->times == *times) {
    index_ = cached->index;
    return {};
  }
  const auto list = [&](const MaildropIndex* previous) {
    return list_maildrop(directories_, {services_.most_messages, previous,
                                        [this](auto name, auto why) { note(name, why); }});
  };
  auto listed = list(cached ? cached->index.get() : nullptr);
  if (!listed)
    return std::unexpected(listed.error());
  index_ = std::move(*listed);
  // A file whose flags change while cur is read can be left out. It is not in the second listing
  // too, unless they change again.
  const auto after = MaildirTimes::of(directories_);
  if (after && !times->cur_was_left_alone(now, *after))
    if (auto again = list(index_.get()))
      index_ = (*again)->joined_with(*index_, services_.most_messages);
  // A file that is not whole yet keeps its times when it becomes so, and others may have given it a
  // name that does not tell its size: what was read in it is not to be believed later.
  const auto in_doubt = index_->renamed_files_of(pending);
  const bool is_lasting = in_doubt.empty() && times->are_settled(now);
  services_.indices.keep(account_,
                         {in_doubt.empty() ? index_ : index_->with({}, services_.host, in_doubt),
                          is_lasting ? std::optional(*times) : std::nullopt});
  return {};
}

void MaildirMaildrop::note(std::string_view name, std::string_view what) {
  const std::string account = std::to_string(static_cast<std::uint32_t>(account_));
  const std::string text(name);
  if (notes_.size() < most_notes && services_.mentioned.is_first(account + '/' + text))
    notes_.push_back("maildrop " + account + ": " + text + " " + std::string(what));
}

// ---- Messages

void MaildirMaildrop::open_message(std::size_t index,
                                   std::function<void(ReadResult<OpenedMessage>)> done) {
  auto job = [self = shared_from_this(), index, done]() mutable {
    // Shared, because std::function wants its content copyable and a descriptor is not.
    const auto result = std::make_shared<ReadResult<OpenedMessage>>(self->open_now(index));
    CompletionQueue& completions = self->services_.completions;
    self.reset();
    completions.post([done = std::move(done), result] { done(std::move(*result)); });
  };
  if (!services_.workers.post(std::move(job)))
    services_.completions.post([done = std::move(done)] {
      done(std::unexpected(ReadError{ReadFault::busy, "too many reads wait"}));
    });
}

void MaildirMaildrop::expunge(const Id128& transaction, std::vector<std::size_t> indices,
                              std::function<void(ReadResult<Expunged>)> done) {
  auto job = [self = shared_from_this(), transaction, indices = std::move(indices),
              done]() mutable {
    const auto expunge = self->services_.expunge;
    ExpungeRequest request = self->request_for(transaction, indices);
    // The lock goes before the answer, so that a new login never meets it.
    auto answer = [self = std::move(self), count = request.files.size(),
                   done = std::move(done)](const Expected<void>& durable) mutable {
      self.reset();
      if (!durable)
        return done(std::unexpected(ReadError{ReadFault::failed, durable.error().text}));
      done(Expunged{count});
    };
    expunge(std::move(request), std::move(answer));
  };
  if (!services_.workers.post(std::move(job)))
    services_.completions.post([done = std::move(done)] {
      done(std::unexpected(ReadError{ReadFault::busy, "too many reads wait"}));
    });
}

ReadResult<OpenedMessage> MaildirMaildrop::open_now(std::size_t index) {
  if (index >= index_->size())
    return std::unexpected(ReadError{ReadFault::gone, "no such message"});
  OpenedMessage opened;
  struct stat about = {};
  const auto open = [&](bool cur, const std::string& name) {
    auto file = open_message_file(directory(cur), name, about);
    if (!file)
      return file.error().number;
    opened.file = std::move(*file);
    return 0;
  };
  // Before its file, which may not be whole until it is settled.
  if (const auto id = has_pending_ ? message_id_in(index_->base(index)) : std::nullopt)
    if (auto copy = services_.open_pending(account_, *id);
        copy || copy.error().fault != ReadFault::gone)
      return copy;
  int error = at_known_place(index, open);
  if (error == ENOENT) {
    look_into_cur();
    error = at_known_place(index, open);
  }
  const std::string name = index_->name(index);
  if (error != 0)
    return failed(name, error);
  if (const std::string change = changed_since(index, opened.file.get(), about); !change.empty()) {
    services_.indices.distrust(account_);
    return std::unexpected(ReadError{ReadFault::failed, name + ": " + change});
  }
  opened.stored_size = index_->stored_size(index);
  return opened;
}

// The client was told a size, and RFC 1939 §11 wants it to be what is sent. Another file is as good
// as the one that was listed if it is sent in as many octets: a checkpoint may write again what
// others have renamed, or they themselves.
std::string MaildirMaildrop::changed_since(std::size_t index, int file,
                                           const struct stat& about) const {
  const auto size = static_cast<std::uint64_t>(about.st_size);
  if (size != index_->stored_size(index))
    return "has " + std::to_string(size) + " octets and should have " +
           std::to_string(index_->stored_size(index));
  const auto stamp = index_->stamp(index);
  if (!stamp || stamp == stamp_of(about))
    return {};
  std::uint64_t read = 0;
  const auto wire_size = read_sizes(file, read);
  return read == size && wire_size == index_->wire_size(index) ? ""
                                                               : "has changed since it was listed";
}

// ---- Removing

ExpungeRequest MaildirMaildrop::request_for(const Id128& transaction,
                                            const std::vector<std::size_t>& indices) const {
  ExpungeRequest request{transaction, static_cast<std::uint32_t>(account_), {}};
  const auto copied = index_->ids_of_copies();
  for (const std::size_t index : indices)
    if (index < index_->size()) {
      SeenFile file{index_->base(index), {}, index_->in_cur(index), index_->stored_size(index)};
      if (!index_->is_pending(index) && !index_->is_twice(index))
        file.name = index_->name(index);
      if (const auto id = copied.empty() ? std::nullopt : message_id_in(file.base))
        file.is_copy = copied.contains(*id);
      request.files.push_back(std::move(file));
    }
  return request;
}

int MaildirMaildrop::at_known_place(std::size_t index,
                                    const std::function<int(bool, const std::string&)>& action) {
  const int error = action(index_->in_cur(index), index_->name(index));
  if (error != ENOENT)
    return error;
  std::shared_ptr<const MaildropIndex> moved;
  {
    const std::lock_guard guard(mutex_);
    moved = moved_;
  }
  if (!moved)
    return error;
  if (const auto number = moved->find(index_->base(index)))
    return action(true, moved->name(*number));
  // Marked as new again: without flags there.
  return action(false, index_->base(index));
}

void MaildirMaildrop::look_into_cur() {
  auto seen = list_cur(directories_, services_.most_messages);
  // What could not be read is found missing, and said to be.
  const std::lock_guard guard(mutex_);
  moved_ = seen ? std::move(*seen) : nullptr;
}

} // namespace letterlock::queued
