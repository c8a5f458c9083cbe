# SPDX-License-Identifier: ISC
# Sourced by sh: what checks wait for.

# await_ready LOG: until cenoted says there that it is ready; a starved machine has a minute.
await_ready() {
  for _ in $(seq 1200); do
    grep -qs '^cenoted: ready: ' "$1" && return
    sleep 0.05
  done
  return 1
}
