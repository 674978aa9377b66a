# Letterlock's build, for GNU make and bmake.
#
#   make            the programs, hardened                      out/release/bin
#   make demo       the whole system on loopback with a throw-away state; ONCE=1: ends after the tour
#   make check      installs what the tests need, builds with sanitizers, runs every test
#   make install    PREFIX, MANDIR, DESTDIR; uninstall takes it away again, but no mail and no configuration
#   make interop    the system tests with release programs, and other mail servers that send to them
#   make crash      all of the tests with kills, power cuts and bad disks, of which check runs some
#   make bench      messages a second and CPU a message
#   make fuzz       every fuzzer for FUZZ_HOURS, or those in FUZZ_TARGETS; fuzz-smoke: FUZZ_SECONDS
#   make lint-man format format-check tidy                      for those who change the tree
#
# VARIANT is release or test (ASan and UBSan); CXX is g++ (12 or later) or clang++-16.

.POSIX:
.SUFFIXES:

CXX = g++
VARIANT = release
PREFIX = /usr/local
MANDIR = $(PREFIX)/man
DESTDIR =
OUT = out/$(VARIANT)
ONCE =
FUZZ_SECONDS = 60
FUZZ_HOURS = 1
FUZZ_TARGETS =

LIBS_EVENT = -levent_core
LIBS_TLS = -ltls -lssl
LIBS_CRYPTO = -lcrypto
# AddressSanitizer has a crypt_r of its own that calls this library's: it looks unused and is not.
LIBS_CRYPT = -Wl,--push-state,--no-as-needed -lcrypt -Wl,--pop-state
LIBS_INIH = -linih
LIBS_UNBOUND = -lunbound

WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
_flags != sh build/flags.sh "$(CXX)" "$(VARIANT)" compile
_ldflags != sh build/flags.sh "$(CXX)" "$(VARIANT)" link
_paths = -DLETTERLOCK_LIBEXECDIR=\"$(PREFIX)/libexec/letterlock\"
ALL_CXXFLAGS = -std=c++2b -I. $(WARNINGS) $(_flags) $(_paths) $(CXXFLAGS)
ALL_LDFLAGS = $(_flags) $(_ldflags) $(LDFLAGS)

all: programs

_rules != sh build/prefix $(OUT) "$(PREFIX)" && sh build/rules.sh $(OUT) > $(OUT)/rules.mk; echo $(OUT)/rules.mk
include $(_rules)

# The only object that knows PREFIX.
$(OUT)/letterlockd/options.o: $(OUT)/prefix

programs: $(PROGRAMS)
unit-tests: $(UNIT_TESTS)
crash-tests: $(CRASH_TESTS)
fuzzers: $(FUZZERS)
replays: $(REPLAYS)
benches: $(BENCHES)
# libpop3, and what uses it alone.
examples: $(OUT)/libpop3.a $(EXAMPLES)

install: programs $(OUT)/libpop3.a
	@sh build/install "$(OUT)" "$(DESTDIR)" "$(PREFIX)" "$(MANDIR)"

uninstall:
	@sh build/uninstall "$(DESTDIR)" "$(PREFIX)" "$(MANDIR)"

_cores = "$$(getconf _NPROCESSORS_ONLN)"
_release = $(MAKE) -j $(_cores) VARIANT=release OUT=out/release
_test = $(MAKE) -j $(_cores) VARIANT=test OUT=out/test
_fuzz = $(MAKE) -j $(_cores) VARIANT=fuzz OUT=out/fuzz CXX=clang++-16

demo:
	@sh build/install-deps demo
	@$(_release) programs
	@ONCE="$(ONCE)" sh build/demo out/release/bin

check:
	@sh build/install-deps check
	@$(_test) programs unit-tests crash-tests replays examples
	@$(_release) programs
	@sh build/lint-man
	@sh tests/run

interop:
	@sh build/install-deps check
	@$(_release) programs
	@sh tests/run interop

crash:
	@sh build/install-deps check
	@$(_test) programs crash-tests
	@$(_release) programs crash-tests
	@LETTERLOCK_CRASH=full sh tests/run crash

bench:
	@sh build/install-deps build
	@$(_release) programs benches
	@sh tests/bench/run out/release

fuzz:
	@sh build/install-deps develop
	@$(_fuzz) fuzzers
	@sh tests/fuzz/run out/fuzz "$$(($(FUZZ_HOURS) * 3600))" $(FUZZ_TARGETS)

fuzz-smoke:
	@sh build/install-deps develop
	@$(_fuzz) fuzzers
	@sh tests/fuzz/run out/fuzz "$(FUZZ_SECONDS)" $(FUZZ_TARGETS)

lint-man:
	@sh build/lint-man

format:
	@git ls-files '*.h' '*.cc' | xargs clang-format-16 -i

format-check:
	@git ls-files '*.h' '*.cc' | xargs clang-format-16 --dry-run -Werror

tidy:
	@sh build/tidy -std=c++2b -stdlib=libc++ -I. $(_paths)

clean:
	rm -rf out

.PHONY: all programs examples unit-tests crash-tests fuzzers replays benches install uninstall demo check interop
.PHONY: crash bench fuzz fuzz-smoke lint-man format format-check tidy clean
