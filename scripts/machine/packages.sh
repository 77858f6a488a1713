# Part of scripts/setup: Node and the system's packages.
# A package counts as there when what it is wanted for is there, however it was installed.

# package.json's engines field says the same, but npm only warns.
check_node() {
  command -v node >/dev/null || fail "Node is missing: install Node 20.12 or newer, with npm (https://nodejs.org)"
  command -v npm >/dev/null || fail "npm is missing: install it beside $(command -v node)"
  local version major minor
  version=$(node --version)
  IFS=. read -r major minor _ <<<"${version#v}"
  if ((major < 20 || (major == 20 && minor < 12))); then
    fail "Node $version is too old: 20.12 or newer is needed"
  fi
  $with_tests || return 0
  # For `npm sbom`. Debian 13 has 9.2.
  version=$(npm --version)
  if ((${version%%.*} < 10)); then
    fail "npm $version is too old for the tests, which make a bill of materials: install a newer one, as with: npm install -g npm@11"
  fi
}

has_command() { command -v "$1" >/dev/null; }

# Does the compiler find a header?
has_header() { [ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ]; }

# Ubuntu's bpftool is a wrapper that is there without the program it wraps.
has_bpftool() { has_command bpftool && bpftool version >/dev/null 2>&1; }

has_static_busybox() { has_command busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }

# Prints the packages that are missing, one a line.
missing_packages() {
  scripts/build/find-clang clang >/dev/null 2>&1 || echo clang
  scripts/build/find-clang llvm-strip >/dev/null 2>&1 || echo llvm
  has_header bpf/libbpf.h || echo libbpf-dev
  has_header libelf.h || echo libelf-dev
  has_header zlib.h || echo zlib1g-dev
  has_command make || echo make
  has_command g++ || echo g++
  has_command python3 || echo python3
  has_command pkg-config || echo pkg-config
  has_command flock || echo util-linux
  has_command mount || echo mount
  [ -z "$compiler" ] || has_command "$compiler" || echo "g++-${triplet//_/-}"

  $with_tests || return 0
  has_command clang-format || echo clang-format
  has_bpftool || echo bpftool
  has_command promtool && has_command prometheus || echo prometheus
  has_command strace || echo strace
  has_command nft || echo nftables
  has_command ip || echo iproute2
  has_command iptables || echo iptables
  has_command runc || echo runc
  has_command nc || echo netcat-openbsd
  has_command capsh || echo libcap2-bin
  has_command git || echo git
  compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || echo libfaketime
  has_command systemd-analyze || echo systemd
  has_command unzip || echo unzip
  has_command curl || echo curl
  has_command zsh || echo zsh
  has_command fish || echo fish
  has_command tmux || echo tmux
  has_command ps || echo procps
  has_command man || echo man-db
  has_command mandoc || echo mandoc
  has_command col || echo bsdextrautils
  has_command chromium || echo chromium
  has_command nginx || echo nginx
  has_command redis-server || echo redis-server
  has_command redis-benchmark || echo redis-tools
  has_command memcached || echo memcached
  has_command memcaslap || echo libmemcached-tools
  [ -x /usr/sbin/rabbitmq-server ] || echo rabbitmq-server
  has_command amqp-publish || echo amqp-tools
  /usr/bin/python3 -c 'import pika' 2>/dev/null || echo python3-pika
  # With the brokers of its mock cluster.
  [ -e /usr/include/librdkafka/rdkafka_mock.h ] || echo librdkafka-dev
  # With pgbench and pg_stat_statements.
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || echo postgresql
  has_command mariadbd || echo mariadb-server-core
  has_command mariadb-slap || echo mariadb-client
  has_command sysbench || echo sysbench
  has_command wrk || echo wrk
  has_command biolatency && has_command oomkill || echo libbpf-tools
  has_command nghttpd || echo nghttp2-server
  has_command h2load || echo nghttp2-client
  has_command dnsmasq || echo dnsmasq-base
  has_command unbound || echo unbound
  has_command dig || echo bind9-dnsutils
  has_command dnsperf || echo dnsperf
  has_command caddy || echo caddy
  /usr/bin/python3 -c 'import prometheus_client.openmetrics' 2>/dev/null || echo python3-prometheus-client
  /usr/bin/python3 -c 'import grpc' 2>/dev/null || echo python3-grpcio

  if $with_kernels; then missing_for_kernels; fi
  if $with_images; then missing_for_images; fi
}

missing_for_kernels() {
  has_command qemu-system-x86_64 || echo qemu-system-x86
  [ -x /usr/lib/qemu/virtiofsd ] || echo qemu-system-common
  # The guest starts without the libraries that another busybox needs.
  has_static_busybox || echo busybox-static
  has_command depmod || echo kmod
  has_command cpio || echo cpio
  has_command xz || echo xz-utils
  has_command zstd || echo zstd
  has_command lz4 || echo lz4

  $with_arm64 || return 0
  has_command qemu-system-aarch64 || echo qemu-system-arm
  has_command aarch64-linux-gnu-g++ || echo g++-aarch64-linux-gnu
}

missing_for_images() {
  has_command mmdebstrap || echo mmdebstrap
  has_command buildah || echo buildah
  has_command podman || echo podman
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  if ((${#missing[@]} > 0)); then
    has_command apt-get ||
      fail "missing here (by Debian's names): ${missing[*]}; install them by this system's means, then run this again"
    ((EUID == 0)) || fail "missing packages: run as root, or: sudo apt-get install --no-install-recommends ${missing[*]}"
    apt_install "${missing[@]}"
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} == 0)) || fail "still missing after the installation: ${missing[*]}"
  fi
  check_libbpf
}

# native/ is written for the interface of 1.0, which dropped much of what came before.
check_libbpf() {
  local version
  version=$(pkg-config --modversion libbpf) || fail "pkg-config does not know libbpf: reinstall libbpf-dev"
  ((${version%%.*} >= 1)) || fail "libbpf $version is too old: 1.0 or newer is needed (Debian 12, Ubuntu 24.04)"
}

# Caddy has a unit of systemd and no script of SysV's init.
disable_at_boot() {
  if [ -e "/etc/init.d/$1" ]; then quietly update-rc.d "$1" disable; else quietly systemctl disable "$1"; fi
  # What Erlang brings along.
  if [ "$1" = rabbitmq-server ]; then quietly systemctl disable epmd.service epmd.socket; fi
}

# Where Debian asks whether services may start.
service_policy=/usr/sbin/policy-rc.d

# Servers that are wanted for their programs only: their packages would start them, now and at each boot.
servers=(prometheus nginx caddy redis-server memcached rabbitmq-server postgresql unbound)

# Installs packages, leaving no service started.
apt_install() {
  if ! [ -e "$service_policy" ]; then
    trap 'rm -f "$service_policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$service_policy"
    chmod 755 "$service_policy"
  fi
  step "Debian's lists of packages (apt-get update)" apt-get -q update || fail "apt-get update failed"

  local package packages=()
  for package in "$@"; do
    # Ubuntu before 24.10 ships it with the kernel's tools.
    if [ "$package" = bpftool ] && [[ $(apt-cache policy bpftool) != *"Candidate: "[0-9]* ]]; then
      packages+=(linux-tools-common "linux-tools-$(uname -r)")
    else
      packages+=("$package")
    fi
  done
  DEBIAN_FRONTEND=noninteractive step "Debian's packages ${packages[*]}" \
    apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "${packages[@]}" ||
    fail "apt-get could not install ${packages[*]}"
  for package in "${servers[@]}"; do
    if [[ " $* " == *" $package "* ]]; then
      disable_at_boot "$package" || say "warning: the service $package is still enabled"
    fi
  done
}
