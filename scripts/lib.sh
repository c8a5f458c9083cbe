# SPDX-License-Identifier: ISC
# What scripts/play and scripts/test share. Sourced by bash, with $root the source folder.

# quietly COMMAND...: run it; only if it fails, show the end of what it said.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  [ $status -eq 0 ] || tail -n 40 "$log" >&2
  rm -f "$log"
  return $status
}

# configure DIRECTORY OPTION...: make a build folder, or give these options to the one there. What
# a folder lacks because a package was not there yet is so asked for by name.
configure() {
  local dir=$1
  shift
  if [ -f "$dir/build.ninja" ]; then
    quietly meson configure "$dir" "$@"
  else
    quietly meson setup "$dir" "$root" "$@"
  fi
}

# compile DIRECTORY [TARGET...]
compile() {
  quietly ninja -C "$@"
}
