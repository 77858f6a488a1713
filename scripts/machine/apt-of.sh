# Debian's packages of another architecture or suite, without telling this machine's package manager of either. Where it is sourced
# there is a function `fail`.

# mirror_of SUITE: where this machine gets such suites from; nothing when it has none of the kind.
mirror_of() {
  local archive='/debian/?$'
  [[ $1 != *-security ]] || archive='/debian-security/?$'
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -Em1 "$archive" || :
}

# apt_of FOLDER ARCHITECTURE SUITES TOOL ARGUMENT...: a tool of apt's that sees these suites only, one or more with commas between
# them, and keeps its state in FOLDER.
apt_of() {
  local folder=$1 architecture=$2 suites=$3 tool=$4 state=$1/$2/$3 suite mirror
  shift 4
  mkdir -p "$state"/{parts,lists/partial,cache/archives/partial}
  for suite in ${suites//,/ }; do
    mirror=$(mirror_of "$suite")
    [ -n "$mirror" ] || fail "no Debian mirror for $suite among this machine's sources"
    cat <<SOURCES
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Architectures: $architecture
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

SOURCES
  done >"$state/parts/debian.sources"
  "$tool" -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$state/parts" -o Dir::State="$state" \
    -o Dir::State::status=/dev/null -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" \
    -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o APT::Sandbox::User=root "$@"
}
