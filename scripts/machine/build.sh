# Part of scripts/setup: npm packages and dist/.

built=false

# `npm ci` leaves node_modules/.package-lock.json behind, its own record of what it installed.
install_modules() {
  if [ -e node_modules/.package-lock.json ] && ! [ package-lock.json -nt node_modules/.package-lock.json ]; then
    return
  fi
  step "npm's packages (npm ci)" npm ci || fail "npm ci failed"
  touch node_modules/.package-lock.json
  built=true
}

# build_if_stale STAMP COMMAND WHAT SOURCE...: runs COMMAND, which builds WHAT, when STAMP is missing or older than any source or folder of sources
# (a folder's own time changes when a file in it is deleted). The stamp carries the time the build began, so that no later change is missed.
build_if_stale() {
  local stamp=$1 command=$2 what=$3 source sources=()
  shift 3
  for source in "$@"; do
    if [ -e "$source" ]; then sources+=("$source"); fi
  done
  if [ -e "$stamp" ] && [ -z "$(find "${sources[@]}" -newer "$stamp" -print -quit)" ]; then
    return
  fi
  mkdir -p "${stamp%/*}"
  touch "$stamp.new"
  step "$what ($command)" "$command" || fail "$command failed"
  mv "$stamp.new" "$stamp"
  built=true
}

build() {
  build_if_stale dist/native/.stamp scripts/build/native "the native addon" native binding.gyp scripts/build/native package-lock.json
  build_if_stale dist/.bpf-stamp scripts/build/bpf "the BPF programs" bpf scripts/build/bpf scripts/build/find-clang
  build_if_stale dist/src/.stamp scripts/build/typescript "the TypeScript" src test scripts web tsconfig.json package-lock.json
}

# Under sudo in somebody's checkout, what was made is theirs.
hand_over_files() {
  local owner
  owner=$(stat -c %u:%g .)
  if $built && ((EUID == 0)) && [ "${owner%%:*}" != 0 ]; then
    chown -R --from=0 "$owner" dist build node_modules 2>/dev/null || say "warning: could not give dist/ to its owner"
  fi
}
