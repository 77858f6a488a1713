# Part of scripts/vm/vmtest: what guests of another architecture run. They cannot run this machine's programs, so they get Debian's,
# unpacked and never installed, and see of this machine's files only the checkout, with dist/<architecture>/ over dist/.

# The suite with Node 20, and what the tests call.
userland_suite=trixie
userland_packages=(
  base-files bash coreutils dash e2fsprogs gcc grep iproute2 kmod libbpf-dev libc6-dev mount nodejs procps sed util-linux
  caddy curl dmsetup kubernetes-client nftables nghttp2-client nginx openssl python3 wrk
)

# userland_of ARCHITECTURE: the folder.
userland_of() { echo "$kernels/userland-$1"; }

# fetch_userland ARCHITECTURE: downloads and unpacks it where it is not there yet, or has not all of the packages. Its package
# `busybox-static` starts the guest.
fetch_userland() {
  local architecture=$1 folder archives package
  folder=$(userland_of "$architecture")
  archives=$kernels/.apt/$architecture/$userland_suite/cache/archives
  [ "$(cat "$folder/complete" 2>/dev/null)" != "${userland_packages[*]}" ] || return 0
  rm -rf "$folder"
  mkdir -p "$folder"
  apt_of "$kernels/.apt" "$architecture" "$userland_suite" apt-get -qq update
  apt_of "$kernels/.apt" "$architecture" "$userland_suite" \
    apt-get -qq --yes --no-install-recommends --download-only install busybox-static "${userland_packages[@]}"
  for package in "$archives"/*.deb; do dpkg -x "$package" "$folder"; done
  rm "$archives"/*.deb
  # What the packages' scripts would have done. The cache of libraries stays empty, but is there: without one the loader makes a
  # call more that fails.
  ldconfig -r "$folder"
  echo "root:x:0:0:root:/root:/bin/bash" >"$folder/etc/passwd"
  echo "root:x:0:" >"$folder/etc/group"
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$folder/etc/hosts"
  echo "${userland_packages[*]}" >"$folder/complete"
}

# show_checkout ROOT ARCHITECTURE KERNEL_FOLDER OUT: mounts at ROOT what the guest is to see, in a mount namespace of its own.
show_checkout() {
  local root=$1 architecture=$2 folder=$3 out=$4 userland path
  userland=$(userland_of "$architecture")
  mkdir -p "$userland$PWD" "$userland$folder" "$userland$out"
  bind "$userland" "$root"
  bind "$PWD" "$root$PWD"
  bind "$folder" "$root$folder"
  bind "dist/$architecture/native" "$root$PWD/dist/native"
}
