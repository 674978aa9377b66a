#!/bin/sh
# Writes the rules of one variant of the build to standard output, for the Makefile to include.
#
#   rules.sh OUT
#
# A top folder with a main.cc is a program; its other sources, those in its own folders too, and
# those below common/ become archives, so that a program links only the objects that it uses.
# libpop3 becomes a library that can be used without the rest. examples/X.cc is a program of one
# file that uses that library alone, tests/unit/X_test.cc, tests/crash/X_test.cc and
# tests/fuzz/X_fuzz.cc one that may use every archive, tests/bench/X.cc one that may use queued's.
# Of a fuzz target there are two: X_fuzz with libFuzzer, X_replay with tests/fuzz/replay.cc.
# GNU make and bmake share no syntax for such patterns, so the rules are spelled out here.
set -eu
out=$1

# What each program links besides the C++ library; a test looks at the result.
libs_of() {
  case $1 in
  letterlockd) echo '$(LIBS_EVENT) $(LIBS_INIH)' ;;
  smtpd | pop3d) echo '$(LIBS_EVENT) $(LIBS_TLS) $(LIBS_CRYPTO)' ;;
  queued) echo '$(LIBS_EVENT) -pthread' ;;
  authd) echo '$(LIBS_EVENT) $(LIBS_CRYPT) -pthread' ;;
  keyd) echo '$(LIBS_EVENT) $(LIBS_CRYPTO)' ;;
  resolvd) echo '$(LIBS_EVENT) $(LIBS_UNBOUND)' ;;
  logd) echo '$(LIBS_EVENT)' ;;
  letterlock) echo '$(LIBS_CRYPT) $(LIBS_INIH)' ;;
  *) echo '$(LIBS_EVENT) $(LIBS_TLS) $(LIBS_CRYPTO) $(LIBS_CRYPT) $(LIBS_INIH) $(LIBS_UNBOUND) -pthread' ;;
  esac
}

object() { # its rule; the name of the object
  # What runs once and for a moment is not worth the time that optimising it takes.
  case $1 in tests/unit/*) flags=' -O0 -U_FORTIFY_SOURCE' ;; *) flags= ;; esac
  printf '%s: %s\n\t@mkdir -p %s && echo "  CXX   %s"\n\t@$(CXX) $(ALL_CXXFLAGS)%s -MMD -MP -c -o $@ %s\n' \
    "$out/${1%.cc}.o" "$1" "$(dirname "$out/$1")" "$1" "$flags" "$1" >&3
  printf ' %s' "$out/${1%.cc}.o"
}

archive() { # NAME SOURCE...
  name=$1
  shift
  objects=$(for source; do object "$source"; done)
  printf '%s:%s\n\t@rm -f $@\n\t@ar crs $@%s\n' "$out/$name.a" "$objects" "$objects" >&3
}

# What libpop3 uses of common/base, and brings with it.
libpop3_base='common/base/base64.cc common/base/secret.cc'

library() { # NAME BASE-SOURCES SOURCE...
  name=$1 base=$2
  shift 2
  objects=$(for source; do object "$source"; done)
  for source in $base; do objects="$objects $out/${source%.cc}.o"; done
  printf '%s:%s\n\t@rm -f $@\n\t@ar crs $@%s\n' "$out/$name.a" "$objects" "$objects" >&3
}

program() { # NAME OBJECT LIBS ARCHIVE...
  name=$1 object=$2 libs=$3
  shift 3
  printf '%s:%s %s\n\t@mkdir -p %s && echo "  LINK  %s"\n\t@$(CXX) $(ALL_LDFLAGS) -o $@%s -Wl,--start-group %s -Wl,--end-group %s\n' \
    "$out/$name" "$object" "$*" "$(dirname "$out/$name")" "$name" "$object" "$*" "$libs" >&3
}

exec 3>&1
common=$(ls common/*/*.cc)
archive common $common
library libpop3 "$libpop3_base" libpop3/*.cc
archives="$out/common.a $out/libpop3.a" programs= tests= crashes= benches= fuzzers= replays= examples=
for folder in $(ls -d */*.cc | sed 's,/.*,,' | sort -u); do
  case $folder in libpop3 | examples) continue ;; esac
  main=$folder/main.cc
  rest=$(ls "$folder"/*.cc "$folder"/*/*.cc 2> /dev/null | grep -v '/main\.cc$' || :)
  own=
  if [ -n "$rest" ]; then
    archive "$folder" $rest
    own="$out/$folder.a"
    archives="$archives $own"
  fi
  [ -e "$main" ] || continue
  [ "$folder" != pop3d ] || own="$own $out/libpop3.a"
  program "bin/$folder" "$(object "$main")" "$(libs_of "$folder")" $own "$out/common.a"
  programs="$programs $out/bin/$folder"
done
for test in tests/unit/*_test.cc; do
  [ -e "$test" ] || continue
  tests="$tests $out/${test%.cc}"
  # OpenSSL is the client of the TLS tests.
  program "${test%.cc}" "$(object "$test")" "-lcmocka -lssl $(libs_of every)" $archives
done
for test in tests/crash/*_test.cc; do
  [ -e "$test" ] || continue
  crashes="$crashes $out/${test%.cc}"
  program "${test%.cc}" "$(object "$test")" "-lcmocka $(libs_of every)" $archives
done
for example in examples/*.cc; do
  [ -e "$example" ] || continue
  examples="$examples $out/${example%.cc}"
  program "${example%.cc}" "$(object "$example")" '' "$out/libpop3.a"
done
for bench in tests/bench/*.cc; do
  [ -e "$bench" ] || continue
  benches="$benches $out/${bench%.cc}"
  program "${bench%.cc}" "$(object "$bench")" "$(libs_of queued)" "$out/queued.a" "$out/common.a"
done
# Debian's libFuzzer is built on libstdc++; with -stdlib=libc++ clang would turn -lstdc++ into -lc++.
replay=
[ ! -e tests/fuzz/replay.cc ] || replay=$(object tests/fuzz/replay.cc)
for fuzz in tests/fuzz/*_fuzz.cc; do
  [ -e "$fuzz" ] || continue
  target=${fuzz%_fuzz.cc} object=$(object "$fuzz")
  fuzzers="$fuzzers $out/${target}_fuzz"
  replays="$replays $out/${target}_replay"
  program "${target}_fuzz" "$object" "-fsanitize=fuzzer -l:libstdc++.so.6 $(libs_of every)" $archives
  program "${target}_replay" "$object$replay" "$(libs_of every)" $archives
done
printf 'PROGRAMS =%s\nUNIT_TESTS =%s\nCRASH_TESTS =%s\nBENCHES =%s\nFUZZERS =%s\nREPLAYS =%s\nEXAMPLES =%s\n' \
  "$programs" "$tests" "$crashes" "$benches" "$fuzzers" "$replays" "$examples"
# What the compiler found out about headers at the last build.
find "$out" -name '*.d' -exec cat {} + 2>/dev/null || :
