# Part of scripts/vm/vmtest: Debian's kernels. Each has a folder with `release`, `vmlinux`, `modules/` (all of them) and `early/`,
# those that the guest needs to see its files.

# architecture_of KERNEL: as Debian calls it.
architecture_of() {
  case $1 in
    *-arm64) echo arm64 ;;
    *) echo amd64 ;;
  esac
}

# newest_of KERNEL SUITES: the release of the newest package, such as 6.1.0-50-cloud-amd64.
newest_of() {
  local architecture version flavour=cloud-
  architecture=$(architecture_of "$1")
  version=${1%"-$architecture"}
  if [[ $version = *-full ]]; then
    version=${version%-full}
    flavour=
  fi
  case $version in
    newest) version='[0-9].*' ;;
    *) version="${version//./\\.}([.+][^-]*)?(-[0-9]+)?" ;;
  esac
  apt_of "$kernels/.apt" "$architecture" "$2" apt-cache pkgnames linux-image- |
    sed -nE "s/^linux-image-($version-$flavour$architecture)\$/\1/p" | sort -V | tail -n1
}

# number FILE OFFSET BYTES: a little-endian number.
number() { od -An --endian=little -j"$2" -N"$3" -tu"$3" "$1" | tr -d ' '; }

# unpack_image IMAGE: the kernel proper, which QEMU can start as it is; unpacking itself would take the emulated processor
# long. Offsets and the four bytes of length at the end: Documentation/arch/x86/boot.rst; arm64's magic number, of images that are
# not compressed: Documentation/arch/arm64/booting.rst.
unpack_image() {
  local image=$1 start length unpack
  if [ "$(dd if="$image" bs=1 skip=56 count=4 status=none | tr -d '\0')" = ARMd ]; then
    cat "$image"
    return
  fi
  start=$((($(number "$image" 0x1f1 1) + 1) * 512 + $(number "$image" 0x248 4)))
  length=$(($(number "$image" 0x24c 4) - 4))
  case $(od -An -j"$start" -N2 -tx1 "$image") in
    " 02 21") unpack=lz4 ;;
    " 28 b5") unpack=zstd ;;
    " fd 37") unpack=xz ;;
    *) fail "$image is compressed in an unknown way" ;;
  esac
  dd if="$image" bs=1M iflag=skip_bytes,count_bytes skip="$start" count="$length" status=none | "$unpack" -dc
}

# early_modules TREE RELEASE FOLDER: copies what mounting the host's files takes, numbered in the order of loading.
early_modules() {
  local tree=$1 release=$2 folder=$3 path name count=10
  mkdir "$folder"
  for path in $(for name in virtio_pci virtiofs overlay; do
    modprobe -d "$tree" -S "$release" --show-depends "$name"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'); do
    name=$folder/$((count++))-$(basename "${path%.xz}")
    case $path in
      *.xz) xz -dc "$path" >"$name" ;;
      *) cp "$path" "$name" ;;
    esac
  done
}

# fetch KERNEL SUITES: downloads and unpacks a kernel that is not there yet.
fetch() {
  local kernel=$1 suites=$2 folder=$kernels/$1 architecture release tree packages
  architecture=$(architecture_of "$kernel")
  [ ! -e "$folder/release" ] || return 0
  rm -rf "$folder"
  mkdir -p "$folder/unpacked"
  apt_of "$kernels/.apt" "$architecture" "$suites" apt-get -qq update
  release=$(newest_of "$kernel" "$suites")
  [ -n "$release" ] || fail "no kernel $kernel in $suites"
  # One package up to 6.18, in parts since then.
  mapfile -t packages < <(
    apt_of "$kernels/.apt" "$architecture" "$suites" apt-cache pkgnames linux- |
      grep -xF "$(printf "linux-%s-$release\n" image binary modules base)"
  )
  (
    cd "$folder/unpacked"
    apt_of "$kernels/.apt" "$architecture" "$suites" apt-get -qq download "${packages[@]}"
    for package in *.deb; do dpkg -x "$package" .; done
  )
  tree=$folder/unpacked
  unpack_image "$(find "$tree" -name 'vmlinuz*' -print -quit)" >"$folder/vmlinux"
  [ -d "$tree/lib/modules" ] || tree+=/usr
  depmod -b "$tree" "$release"
  early_modules "$tree" "$release" "$folder/early"
  mv "$tree/lib/modules/$release" "$folder/modules"
  rm -r "$folder/unpacked"
  echo "$release" >"$folder/release"
  echo "vmtest: $kernel is $release" >&2
}
