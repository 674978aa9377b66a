#!/bin/sh
# Compiles good.cc, which must work, and the others, which must fail with the error that each
# names behind "error:". Ends with a line that counts.
set -u
cd "$(dirname "$0")/../.."
cxx=${CXX:-g++}
flags="-std=c++2b -I. -fsyntax-only $(sh build/flags.sh "$cxx" test compile)"
passed=0 failed=0
for file in tests/compile/*.cc; do
  expected=$(sed -n 's,.*// error: ,,p' "$file")
  if output=$($cxx $flags "$file" 2>&1); then
    compiled=yes
  else
    compiled=no
  fi
  if [ -z "$expected" ] && [ $compiled = yes ]; then
    passed=$((passed + 1))
  elif [ -n "$expected" ] && [ $compiled = no ] && printf '%s\n' "$output" | grep -Eq "$expected"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED %s (compiled: %s)\n%s\n' "$file" "$compiled" "$output"
  fi
done
echo "compile: $passed passed, $failed failed"
[ $failed = 0 ]
