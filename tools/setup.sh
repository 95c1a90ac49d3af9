# Sourced by the scripts beside it: installs what is missing of tools/packages.
# As root directly, otherwise by sudo; asks nothing; quick where everything is there.

hygge_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# setup PURPOSE…: makes sure of the packages for these purposes.
setup() {
  local purpose missing=() name
  for purpose in "$@"; do
    while read -r name; do
      # A command that is there, npm for example, may not come from Debian.
      command -v "$name" >/dev/null || [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done < <(awk -v p="$purpose" '$1 == p {print $2}' "$hygge_root/tools/packages")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local as=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "missing packages, and neither root nor sudo: ${missing[*]}" >&2; return 1; }
    as=(sudo)
  fi
  echo "installing ${#missing[@]} packages: ${missing[*]}" >&2
  local log
  log=$(mktemp)
  if ! { "${as[@]}" apt-get update -qq && "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install them; the log is $log" >&2
    return 1
  fi
  rm -f "$log"
}

# configure_and_build PRESET [TARGET…] [-- CMAKE_ARGUMENT…]: quiet unless something fails.
configure_and_build() {
  local preset=$1 targets=() arguments=() log
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do targets+=("$1"); shift; done
  [ $# -eq 0 ] || { shift; arguments=("$@"); }
  log=$hygge_root/build/$preset.log
  mkdir -p "$hygge_root/build"
  if ! { cd "$hygge_root" && cmake --preset "$preset" "${arguments[@]}" && cmake --build --preset "$preset" -j "$(nproc)" ${targets[@]:+--target "${targets[@]}"}; } >"$log" 2>&1; then
    grep -E 'error|Error|FAILED' "$log" | head -n 20 >&2
    echo "the build failed; its log is $log" >&2
    return 1
  fi
}
