#!/bin/sh
# The compiler's and linker's flags of one variant: flags.sh CXX VARIANT compile|link
set -eu
cxx=$1 variant=$2 step=$3
clang=no
case $($cxx --version 2>/dev/null) in *clang*) clang=yes ;; esac

if [ "$step" = link ]; then
  echo '-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed'
  [ "$variant" = release ] && echo '-pie'
  # Linux distributions build libFuzzer against libstdc++; clang would read -lstdc++ as -lc++.
  [ "$variant" = fuzz ] && [ "$(uname)" = Linux ] &&
    echo '-Wl,--no-as-needed -l:libstdc++.so.6 -Wl,--as-needed'
  exit 0
fi

# libc++ before 18 puts std::expected's flag into the tail padding of its value, where copying the
# value overwrites it (LLVM issue 68552). Without the attribute the flag has a place of its own.
[ $clang = no ] || echo '-stdlib=libc++ -Dno_unique_address=maybe_unused'
case $variant in
release)
  echo '-O2 -g -fPIE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection'
  echo '-ftrivial-auto-var-init=zero'
  case $($cxx -dumpmachine 2>/dev/null) in x86_64*) echo '-fcf-protection=full' ;; esac
  [ $clang = yes ] || echo '-D_GLIBCXX_ASSERTIONS'
  ;;
test)
  # Left to AddressSanitizer, or to the fuzz build, which has them all: checks at every access to a
  # member, which take as long to compile as everything else.
  echo '-O1 -g1 -fsanitize=address,undefined -fno-sanitize=null,alignment,vptr,object-size'
  echo '-fno-sanitize-recover=all -fno-omit-frame-pointer'
  # g++ 12 finds uninitialized members in a std::optional only where AddressSanitizer has been.
  [ $clang = yes ] || echo '-D_GLIBCXX_ASSERTIONS -Wno-maybe-uninitialized'
  ;;
fuzz)
  echo '-O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all'
  ;;
*)
  echo "unknown variant $variant" >&2
  exit 1
  ;;
esac
