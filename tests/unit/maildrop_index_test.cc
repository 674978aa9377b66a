// MaildropIndex against a simple model of it, and the cache of indices.
#include "queued/maildir/index_cache.h"
#include "queued/maildir/maildrop_index_builder.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

Id128 id(std::uint64_t number) {
  Id128 made;
  for (std::size_t i = 0; i < 8; ++i)
    made.bytes[15 - i] = static_cast<std::uint8_t>(number >> 8 * i);
  return made;
}

std::string own(std::int64_t time, std::uint64_t number, const std::string& flags = "",
                const std::string& host = "mx.example.com") {
  return format_maildir_name(time, id(number), host, 10, 12) + flags;
}

struct File {
  std::string name;
  bool in_cur = false;
};

void add(MaildropIndexBuilder& builder, const File& file) {
  if (const auto parsed = OwnName::parse(file.name))
    builder.add(file.name, *parsed, file.in_cur);
  else
    builder.add(file.name, *MaildirName::parse(file.name), file.in_cur, 7, {1, 2, 5});
}

std::shared_ptr<const MaildropIndex> index_of(const std::vector<File>& files) {
  MaildropIndexBuilder builder(files.size() + 1);
  for (const File& file : files)
    add(builder, file);
  return std::move(builder).finish();
}

// What an index says of one message, in a word.
std::string line(const MaildropIndex& index, std::size_t i) {
  return std::to_string(index[i].received) + ' ' + index[i].uidl + ' ' + index.name(i) + ' ' +
         (index.in_cur(i) ? "cur " : "new ") + std::to_string(index.stored_size(i)) + ' ' +
         std::to_string(index[i].wire_size);
}

// The same by docs/spool.md, without a care for memory or time.
std::vector<std::string> model(const std::vector<File>& files) {
  using Key = std::tuple<std::int64_t, std::string, std::string>;
  std::map<Key, File> messages;
  for (const File& file : files) {
    const auto parsed = *MaildirName::parse(file.name);
    auto& kept = messages[{parsed.time, parsed.uidl(), std::string(parsed.base)}];
    if (kept.name.empty() || file.in_cur)
      kept = file;
  }
  std::vector<std::string> lines;
  std::set<std::string> uidls;
  for (const auto& [key, file] : messages) {
    auto [time, uidl, base] = key;
    for (std::string from = base; !uidls.insert(uidl).second; from += '+')
      uidl = hashed_uidl(from);
    lines.push_back(std::to_string(time) + ' ' + uidl + ' ' + file.name +
                    (file.in_cur ? " cur " : " new ") +
                    (OwnName::parse(file.name) ? "10 12" : "5 7"));
  }
  return lines;
}

void compare_with_model(const std::vector<File>& files) {
  const auto index = index_of(files);
  const auto expected = model(files);
  assert_int_equal(index->size(), expected.size());
  std::uint64_t stored = 0, octets = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    assert_text_equal(line(*index, i), expected[i]);
    assert_true(index->find(index->name(i)) == i);
    assert_true(index->find(index->base(i)) == i);
    assert_true(index->stamp(i).has_value() == !OwnName::parse(index->name(i)));
    assert_true(index->message_id(i) == own_message_id(index->name(i)));
    stored += index->stored_size(i);
    octets += (*index)[i].wire_size;
    assert_int_equal(index->wire_size(i), (*index)[i].wire_size);
  }
  assert_int_equal(index->stored_bytes(), stored);
  assert_int_equal(index->octets(), octets);
}

void an_empty_maildrop_has_an_index(void**) {
  const auto index = index_of({});
  assert_int_equal(index->size(), 0);
  assert_int_equal(index->stored_bytes(), 0);
  assert_int_equal(index->octets(), 0);
  assert_false(index->find(own(1, 1)).has_value());
}

void messages_are_in_order_of_time_then_uidl_then_name(void**) {
  compare_with_model({{own(200, 1)},
                      {own(100, 3), true},
                      {own(200, 0, ":2,S"), true},
                      {own(100, 2)},
                      {"150.foreign.host:2,S", true},
                      {"150.another,S=3"},
                      {"letter"},
                      {"a letter"}});
}

void a_message_in_both_directories_is_one(void**) {
  compare_with_model({{own(1, 1)}, {own(1, 1, ":2,S"), true}, {"x.y"}, {"x.y:2,S", true}});
  compare_with_model({{own(1, 1, ":2,S"), true}, {own(1, 1)}});
}

void like_uidls_are_parted(void**) {
  // The same message under other hosts, at other times, with other sizes; and one that somebody has
  // called as another would be called.
  compare_with_model({{own(1, 1)},
                      {own(1, 1, "", "other.example.com")},
                      {own(5, 1)},
                      {own(9, 1, ":2,S"), true},
                      {own(5, 2) + ",copy"},
                      {own(5, 2)},
                      {id(7).hex()},
                      {own(5, 7)},
                      {hashed_uidl(own(5, 1))}});
}

void times_may_be_anything(void**) {
  compare_with_model({{own(0, 5)},
                      {own(999'999'999'999'999'999, 1)},
                      {"9223372036854775807.x"},
                      {"9223372036854775807.w"},
                      {own(4'294'967'295, 2)},
                      {own(4'294'967'296, 3)},
                      {own(1, 4)}});
  // A span of just 32 bits, and one more.
  compare_with_model({{own(4'294'967'295, 2)}, {own(0, 1)}, {own(65'536, 3)}});
  compare_with_model({{own(4'294'967'296, 2)}, {own(0, 1)}, {own(65'536, 3)}});
}

void many_hosts_and_flags_have_room(void**) {
  std::vector<File> files;
  for (std::uint64_t i = 0; i < 600; ++i)
    files.push_back({own(100, 1000 - i, "", "host" + std::to_string(i))});
  for (std::uint64_t i = 0; i < 600; ++i) {
    std::string flags = ":2,";
    for (std::uint64_t bit = 0; bit < 10; ++bit)
      if (i >> bit & 1)
        flags += static_cast<char>('a' + bit);
    files.push_back({own(200, i, flags), true});
  }
  compare_with_model(files);
}

void any_mixture_is_as_the_model_says(void**) {
  std::mt19937 random(7);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  for (int round = 0; round < 60; ++round) {
    std::vector<File> files;
    std::set<std::pair<std::string, bool>> names; // a directory has a name once
    const unsigned count = below(round % 10 == 0 ? 5000 : 60);
    const unsigned times = 1 + below(100), ids = 1 + below(count + 1);
    for (unsigned i = 0; i < count; ++i) {
      const auto time = static_cast<std::int64_t>(1'700'000'000 + below(times));
      std::string name;
      switch (below(8)) {
      case 0:
        name = std::to_string(time) + ".M" + std::to_string(below(ids)) + ".host";
        break;
      case 1:
        name = "gr\xc3\xbc " + std::to_string(below(ids));
        break;
      case 2:
        name = own(time, below(ids)) + ",copy";
        break;
      default:
        name = own(time, below(ids));
      }
      const bool in_cur = below(2) == 0;
      if (in_cur && below(2) == 0)
        name += below(2) == 0 ? ":2,S" : ":2,RS";
      if (names.emplace(name.substr(0, name.find(':')), in_cur).second)
        files.push_back({name, in_cur});
    }
    compare_with_model(files);
  }
}

void what_is_not_there_is_not_found(void**) {
  const auto index = index_of({{own(1, 1)}, {own(3, 3)}, {"x.y"}});
  for (const std::string& name :
       {own(1, 2), own(1, 1, "", "other"), own(2, 1), own(4, 4), std::string("x.z"),
        std::string("x.y,S=3"), std::string(".hidden"), std::string()})
    assert_false(index->find(name).has_value());
}

void it_is_compact(void**) {
  constexpr std::size_t count = 20'000;
  std::vector<File> files;
  for (std::uint64_t i = 0; i < count; ++i)
    files.push_back({own(1'700'000'000 + static_cast<std::int64_t>(i), i, ":2,S"), true});
  assert_true(index_of(files)->memory() < count * 54);
  for (std::size_t i = 0; i < count; ++i)
    files[i].name = "1700000000.M" + std::to_string(i) + "P1234.mail.example.com:2,S";
  assert_true(index_of(files)->memory() < count * 200);
  // Nor does a small maildrop take much.
  assert_true(index_of({files.begin(), files.begin() + 3})->memory() < 2000);
}

void the_builder_is_bounded(void**) {
  MaildropIndexBuilder builder(2);
  assert_false(builder.full());
  add(builder, {own(1, 1)});
  add(builder, {own(1, 2)});
  assert_true(builder.full());
}

void pending_messages_are_among_the_others(void**) {
  const auto listed = index_of({{own(100, 1)}, {own(300, 3)}, {"200.x"}, {own(150, 2) + ",copy"}});
  const MaildirHost host("mx.example.com");
  const PendingMessage pending[] = {
      {id(2), 150, 10, 12}, {id(3), 300, 10, 12}, {id(4), 400, 10, 12}, {id(5), 500, 10, 12, true}};
  const auto index = listed->with(pending, host);
  // What others have put something behind is the same message, whatever the file has in it.
  const std::string expected[] = {own(100, 1), own(150, 2) + ",copy", "200.x", own(300, 3),
                                  own(400, 4)};
  assert_int_equal(index->size(), std::size(expected));
  for (std::size_t i = 0; i < index->size(); ++i) {
    assert_text_equal(index->name(i), expected[i]);
    assert_int_equal(index->is_pending(i), i == 4);
  }
  for (const std::size_t i : {1u, 4u})
    assert_int_equal((*index)[i].wire_size, 12);
  assert_int_equal(index->stored_size(1), 10);
  assert_false(index->stamp(1).has_value());
  assert_true(index->stamp(2) == listed->stamp(2));
  assert_int_equal(listed->size(), 4);
}

// As the removal of a message that waits for its turn will find it.
void what_is_removed_is_hidden_under_whatever_name(void**) {
  const auto listed = index_of({{own(100, 1)},
                                {own(150, 2) + ",U=5:2,S"},
                                {own(300, 3)},
                                {own(300, 3) + ",copy"},
                                {"200.x"}});
  const std::string without[] = {"200.x"};
  const Id128 messages[] = {id(1), id(2), id(3)};
  const auto index = listed->with({}, MaildirHost("mx.example.com"), without, messages);
  assert_int_equal(index->size(), 1);
  assert_text_equal(index->name(0), own(300, 3) + ",copy");
}

void two_listings_are_joined(void**) {
  const auto earlier = index_of({{own(100, 1)}, {own(200, 2)}, {"150.x"}});
  const auto later = index_of({{own(200, 2) + ":2,S"}, {own(300, 3)}});
  const auto all = later->joined_with(*earlier, 10);
  const std::string expected[] = {own(100, 1), "150.x", own(200, 2) + ":2,S", own(300, 3)};
  assert_int_equal(all->size(), std::size(expected));
  for (std::size_t i = 0; i < all->size(); ++i) {
    assert_text_equal(all->name(i), expected[i]);
    assert_false(all->is_twice(i));
  }
  assert_true(all->stamp(1) == earlier->stamp(1));
  assert_int_equal(all->octets(), earlier->octets() + later->wire_size(1));
  assert_int_equal(later->joined_with(*earlier, 3)->size(), 3);
  // What has another base by then is the same message.
  const auto renamed = index_of({{own(100, 1) + ",U=5:2,S"}});
  assert_int_equal(renamed->joined_with(*earlier, 10)->size(), 3);
}

void twins_are_known_as_such_and_stay_where_they_are(void**) {
  const MaildirHost host("mx.example.com");
  const auto listed = index_of({{own(1, 1) + ":2,S"}, {own(1, 1)}, {own(2, 2)}});
  for (const auto& index : {listed, listed->with({}, host)}) {
    assert_int_equal(index->size(), 2);
    assert_true(index->is_twice(0));
    assert_false(index->in_cur(0));
    assert_false(index->is_twice(1));
  }
}

// ---- The cache

CachedIndex cached(std::size_t messages) {
  std::vector<File> files;
  for (std::size_t i = 0; i < messages; ++i)
    files.push_back({own(1, i)});
  return {index_of(files), MaildirTimes()};
}

void the_cache_keeps_what_was_used_last(void**) {
  MaildropIndexCache cache(100);
  cache.keep(AccountId{1}, cached(40));
  cache.keep(AccountId{2}, cached(40));
  assert_true(cache.find(AccountId{1}).has_value());
  cache.keep(AccountId{3}, cached(40)); // 2 was used least lately
  assert_true(cache.find(AccountId{1}).has_value());
  assert_false(cache.find(AccountId{2}).has_value());
  assert_true(cache.find(AccountId{3}).has_value());
  cache.keep(AccountId{4}, cached(100)); // just fits
  assert_false(cache.find(AccountId{1}).has_value());
  assert_false(cache.find(AccountId{3}).has_value());
  assert_int_equal(cache.find(AccountId{4})->index->size(), 100);
}

void an_account_has_one_index_in_the_cache(void**) {
  MaildropIndexCache cache(100);
  for (int i = 0; i < 10; ++i)
    cache.keep(AccountId{1}, cached(60));
  cache.keep(AccountId{2}, cached(40));
  assert_true(cache.find(AccountId{1}).has_value());
  assert_true(cache.find(AccountId{2}).has_value());
  cache.keep(AccountId{1}, cached(101)); // too large, and the earlier one is out of date
  assert_false(cache.find(AccountId{1}).has_value());
  assert_true(cache.find(AccountId{2}).has_value());
}

void empty_indices_are_bounded_too(void**) {
  MaildropIndexCache cache(80);
  for (std::uint32_t account = 1; account <= 20; ++account)
    cache.keep(AccountId{account}, cached(0));
  std::size_t kept = 0;
  for (std::uint32_t account = 1; account <= 20; ++account)
    kept += cache.find(AccountId{account}).has_value();
  assert_int_equal(kept, 10);
}

void a_distrusted_index_has_no_times(void**) {
  MaildropIndexCache cache(100);
  cache.keep(AccountId{1}, cached(1));
  assert_true(cache.find(AccountId{1})->times.has_value());
  cache.distrust(AccountId{1});
  cache.distrust(AccountId{2});
  assert_true(cache.find(AccountId{1})->index != nullptr);
  assert_false(cache.find(AccountId{1})->times.has_value());
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_maildrop_has_an_index),
      cmocka_unit_test(messages_are_in_order_of_time_then_uidl_then_name),
      cmocka_unit_test(a_message_in_both_directories_is_one),
      cmocka_unit_test(like_uidls_are_parted),
      cmocka_unit_test(times_may_be_anything),
      cmocka_unit_test(many_hosts_and_flags_have_room),
      cmocka_unit_test(any_mixture_is_as_the_model_says),
      cmocka_unit_test(what_is_not_there_is_not_found),
      cmocka_unit_test(it_is_compact),
      cmocka_unit_test(the_builder_is_bounded),
      cmocka_unit_test(pending_messages_are_among_the_others),
      cmocka_unit_test(what_is_removed_is_hidden_under_whatever_name),
      cmocka_unit_test(two_listings_are_joined),
      cmocka_unit_test(twins_are_known_as_such_and_stay_where_they_are),
      cmocka_unit_test(the_cache_keeps_what_was_used_last),
      cmocka_unit_test(an_account_has_one_index_in_the_cache),
      cmocka_unit_test(empty_indices_are_bounded_too),
      cmocka_unit_test(a_distrusted_index_has_no_times),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
