# Part of scripts/vmtest: booting a guest and waiting for its end.

# bind FROM TO: shows a folder at another path too, read-only there.
bind() {
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
}

# show ROOT ARCHITECTURE KERNEL_FOLDER OUT: mounts at ROOT what the guest is to see: this machine's files, read-only except for OUT.
show() {
  if [ "$2" = amd64 ]; then
    bind / "$1"
  else
    show_checkout "$@"
  fi
  mount --bind "$4" "$1$4"
}

# share ROOT ARCHITECTURE KERNEL_FOLDER OUT: serves those files on the socket ROOT.socket.
share() {
  export -f bind show show_checkout userland_of
  export kernels
  exec unshare --mount bash -euc '
    show "$@"
    exec /usr/lib/qemu/virtiofsd --socket-path="$1.socket" -o source="$1" -o sandbox=chroot -o cache=always
  ' share "$@"
}

# initial_files KERNEL_FOLDER BUSYBOX FOLDER: what the guest starts from, as an archive on standard output.
initial_files() {
  mkdir -p "$3"/{bin,dev,proc,sys}
  cp "$2" "$3/bin/busybox"
  cp -r "$1/early" "$3"
  cp "$scripts/vmtest-init" "$3/init"
  (cd "$3" && find . | cpio --quiet -o -H newc)
}

# emulate ARCHITECTURE FOLDER OUT WORK: boots the kernel and returns when the guest is gone. With more than one processor, or
# with cmpxchg16b, newer kernels crash at random in QEMU 7.2; nokaslr and the rest make a start of four seconds out of ten.
emulate() {
  local machine console
  case $1 in
    amd64) machine=(qemu-system-x86_64 -cpu max,-cx16) console=ttyS0 ;;
    arm64) machine=(qemu-system-aarch64 -machine virt -cpu neoverse-n1) console=ttyAMA0 ;;
  esac
  timeout --foreground --kill-after=5 "${VMTIMEOUT:-600}" "${machine[@]}" -accel tcg -smp 1 -m 1024 \
    -object memory-backend-memfd,id=memory,size=1024M,share=on -numa node,memdev=memory \
    -chardev socket,id=files,path="$4/root.socket" -device vhost-user-fs-pci,chardev=files,tag=root \
    -nodefaults -no-user-config -display none -no-reboot -serial stdio \
    -kernel "$2/vmlinux" -initrd "$4/initrd" \
    -append "console=$console quiet panic=-1 nokaslr no_timer_check cryptomgr.notests rcupdate.rcu_expedited=1 \
      audit=0 apparmor=0 selinux=0 ${APPEND-} VMTEST_OUT=$3 VMTEST_MODULES=$2/modules" \
    </dev/null >"$3/console" 2>&1
}

# run KERNEL COMMAND...
run() {
  local kernel=$1 folder=$kernels/$1 busybox architecture work out server path
  architecture=$(architecture_of "$kernel")
  shift
  [ -e "$folder/release" ] || fail "kernel $kernel is not there: scripts/vmtest fetch $kernel@SUITE"
  work=$(mktemp -d /tmp/vmtest.XXXXXX)
  out=$(realpath -m "${OUT:-$work/out}")
  mkdir -p "$out" "$work/root"
  rm -f "$out"/{log,status}
  for path in "$PWD" "$folder"; do
    [ "$(stat -c %d "$path")" = "$(stat -c %d /)" ] || fail "$path is not on the root file system, all that a guest sees"
  done
  printf 'cd %q\nexport PATH=%q\nexec %s\n' "$PWD" "$PATH" "$(printf '%q ' "$@")" >"$out/command"
  busybox=$(command -v busybox)
  if [ "$architecture" != amd64 ]; then
    busybox=$(userland_of "$architecture")/usr/bin/busybox
    [ -e "$busybox" ] || fail "the programs for $architecture are not there: scripts/vmtest userland $architecture"
  fi
  initial_files "$folder" "$busybox" "$work/initial" >"$work/initrd"

  share "$work/root" "$architecture" "$folder" "$out" >"$work/share.log" 2>&1 &
  server=$!
  trap "kill $server 2>/dev/null || :; wait $server || :; rm -rf '$work'" EXIT
  timeout 10 sh -c 'until [ -S "$1" ]; do sleep 0.1; done' wait "$work/root.socket" ||
    fail "virtiofsd did not start: $(cat "$work/share.log")"

  emulate "$architecture" "$folder" "$out" "$work" || :
  [ ! -e "$out/log" ] || cat "$out/log"
  if ! [ -e "$out/status" ]; then
    echo "vmtest: the guest ended before the command did; its last words:" >&2
    tail -n 40 "$out/console" >&2
    exit 125
  fi
  exit "$(cat "$out/status")"
}
