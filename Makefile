# Letterlock's build, for GNU make and bmake.
#
#   make            the programs, hardened                      out/release/bin
#   make check      installs what the tests need, builds with sanitizers, runs every test
#   make demo       the whole system on loopback with a throw-away state
#   make install    PREFIX, DESTDIR
#
# VARIANT is release or test (ASan and UBSan); CXX is g++ (12 or later) or clang++-16.

.POSIX:
.SUFFIXES:

CXX = g++
VARIANT = release
PREFIX = /usr/local
DESTDIR =
OUT = out/$(VARIANT)

LIBS_EVENT = -levent_core
LIBS_TLS = -ltls
LIBS_CRYPTO = -lcrypto
# AddressSanitizer has a crypt_r of its own that calls this library's: it looks unused and is not.
LIBS_CRYPT = -Wl,--push-state,--no-as-needed -lcrypt -Wl,--pop-state
LIBS_INIH = -linih

WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
_flags != sh build/flags.sh "$(CXX)" "$(VARIANT)" compile
_ldflags != sh build/flags.sh "$(CXX)" "$(VARIANT)" link
ALL_CXXFLAGS = -std=c++2b -I. $(WARNINGS) $(_flags) $(CXXFLAGS)
ALL_LDFLAGS = $(_flags) $(_ldflags) $(LDFLAGS)

all: programs

_rules != mkdir -p $(OUT) && sh build/rules.sh $(OUT) > $(OUT)/rules.mk; echo $(OUT)/rules.mk
include $(_rules)

programs: $(PROGRAMS)
unit-tests: $(UNIT_TESTS)
fuzzers: $(FUZZERS)

clean:
	rm -rf out

.PHONY: all programs unit-tests fuzzers clean
