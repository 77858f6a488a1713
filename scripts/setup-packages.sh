# Part of scripts/setup: Node and the system's packages.
# A package counts as there when what it is wanted for is there, however it was installed.

# `.npmrc` and the engines field say the same to npm; this says it before npm is used.
check_node() {
  command -v node >/dev/null || fail "Node is missing: install Node 20.12 or newer, with npm (https://nodejs.org)"
  command -v npm >/dev/null || fail "npm is missing: install it beside $(command -v node)"
  local version major minor
  version=$(node --version)
  IFS=. read -r major minor _ <<<"${version#v}"
  if ((major < 20 || (major == 20 && minor < 12))); then
    fail "Node $version is too old: 20.12 or newer is needed"
  fi
}

has_command() { command -v "$1" >/dev/null; }

# Does the compiler find a header? Covers every place that a distribution may put it.
has_header() { [ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ]; }

# Ubuntu's bpftool is a wrapper that is there without the program it wraps.
has_bpftool() { has_command bpftool && bpftool version >/dev/null 2>&1; }

# Prints the package that holds bpftool here: Ubuntu before 24.10 ships it with the kernel's tools.
bpftool_package() {
  if apt-cache policy bpftool 2>/dev/null | grep -q 'Candidate: [0-9]'; then
    echo bpftool
  else
    echo "linux-tools-common linux-tools-$(uname -r)"
  fi
}

# Prints the packages that are missing, one a line.
missing_packages() {
  scripts/find-clang clang >/dev/null 2>&1 || echo clang
  scripts/find-clang llvm-strip >/dev/null 2>&1 || echo llvm
  has_header bpf/libbpf.h || echo libbpf-dev
  has_header libelf.h || echo libelf-dev
  has_header zlib.h || echo zlib1g-dev
  has_command make || echo make
  has_command g++ || echo g++
  has_command python3 || echo python3
  has_command pkg-config || echo pkg-config
  has_command flock && has_command mount || echo util-linux mount

  $with_tests || return 0
  has_command clang-format || echo clang-format
  has_bpftool || bpftool_package
  has_command promtool && has_command prometheus || echo prometheus
  has_command strace || echo strace
  has_command nft || echo nftables
  has_command ip || echo iproute2
  has_command iptables || echo iptables
  has_command nc || echo netcat-openbsd
  has_command capsh || echo libcap2-bin
  has_command git || echo git
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages | tr ' ' '\n')
  if ((${#missing[@]} > 0)); then
    has_command apt-get ||
      fail "missing here (by Debian's names): ${missing[*]}; install them by this system's means, then run this again"
    ((EUID == 0)) || fail "missing packages: run as root, or: sudo apt-get install --no-install-recommends ${missing[*]}"
    say "installing ${missing[*]}"
    apt_install "${missing[@]}"
    mapfile -t missing < <(missing_packages | tr ' ' '\n')
    ((${#missing[@]} == 0)) || fail "still missing after the installation: ${missing[*]}"
  fi
  check_libbpf
}

# 1.0 has the strict mode and the map and attach calls that native/ is written for.
check_libbpf() {
  local version
  version=$(pkg-config --modversion libbpf) || fail "pkg-config does not know libbpf: reinstall libbpf-dev"
  ((${version%%.*} >= 1)) || fail "libbpf $version is too old: 1.0 or newer is needed (Debian 12, Ubuntu 24.04)"
}

# Installs packages, leaving no service started: Debian's prometheus would start a server that is wanted for its programs only.
apt_install() {
  local policy=/usr/sbin/policy-rc.d
  if ! [ -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  quietly apt-get -q update || fail "apt-get update failed"
  DEBIAN_FRONTEND=noninteractive quietly apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@" ||
    fail "apt-get could not install $*"
  # Enabled by its package, it would start at the next boot.
  if [[ " $* " == *" prometheus "* ]] && has_command systemctl; then
    quietly systemctl disable --now prometheus.service || say "warning: prometheus.service is still enabled"
  fi
}
