#!/usr/bin/env bash
# install_test.sh BUILD SOURCE COMPILER: what README promises about an installed tree.
set -eu
build=$1 source=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >"$work/install.log"

example() {  # example NAME: builds it alone against the installed tree
  cmake -S "$source/examples/$1" -B "$work/$1" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" \
    -DCMAKE_CXX_COMPILER="$compiler" >"$work/$1.log" 2>&1 || { cat "$work/$1.log"; exit 1; }
  cmake --build "$work/$1" >>"$work/$1.log" 2>&1 || { cat "$work/$1.log"; exit 1; }
}
expect() {  # expect TEXT: on standard input
  grep -qF "$1" || { echo "missing in the output: $1"; exit 1; }
}

example gorilla_only
"$work/gorilla_only/gorilla_only" | expect "240 samples in"

example embed
"$work/embed/embed" "$work/db" "$source/examples/embed/slo.yaml" >"$work/out"
cat "$work/out"
expect 'http_requests_total{code="500",job="shop"} grew by 200 in the last 5 minutes' <"$work/out"
expect 'error ratio 0.0909' <"$work/out"
expect 'embedded: 400 bad of' <"$work/out"
example sli_in_a_service
("$work/sli_in_a_service/sli_in_a_service" 2>&1 || true) | expect 'usage: sli_in_a_service DIRECTORY [PORT]'

# Again over the database that is there now.
"$work/embed/embed" "$work/db" | expect 'grew by 200'

# pkg-config, the shared library, and a program that includes the engine alone.
cat >"$work/one.cc" <<'CC'
#include <hygge/db.h>
int main(int, char** argv) { return hygge::Db::open_read_only(argv[1]) ? 0 : 1; }
CC
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name hygge.pc)")
# shellcheck disable=SC2046
"$compiler" "$work/one.cc" -o "$work/one" $(pkg-config --define-variable=prefix="$work/prefix" --cflags --libs hygge)
LD_LIBRARY_PATH=$(dirname "$(find "$work/prefix" -name 'libhygge.so')") "$work/one" "$work/db"

# The program in README, as it stands there.
awk '/^```cpp$/ {on = 1; next} /^```$/ {on = 0} on' "$source/README.md" >"$work/readme.cc"
# shellcheck disable=SC2046
"$compiler" "$work/readme.cc" -o "$work/readme" $(pkg-config --define-variable=prefix="$work/prefix" --cflags --libs hygge)
(cd "$work" && LD_LIBRARY_PATH=$(dirname "$(find "$work/prefix" -name 'libhygge.so')") ./readme) | expect 'http_requests_total{code="200"} 420'
echo installed tree works
