# Part of scripts/vmtest: booting a guest and waiting for its end.

# share ROOT OUT: serves this machine's root file system to the guest, read-only except for OUT, on the socket ROOT.socket.
share() {
  exec unshare --mount sh -euc '
    mount --bind / "$1"
    mount -o remount,bind,ro "$1"
    mount --bind "$2" "$1$2"
    exec /usr/lib/qemu/virtiofsd --socket-path="$1.socket" -o source="$1" -o sandbox=chroot -o cache=always
  ' share "$1" "$2"
}

# initial_files KERNEL_FOLDER FOLDER: what the guest starts from, as an archive on standard output.
initial_files() {
  mkdir -p "$2"/{bin,dev,proc,sys}
  cp "$(command -v busybox)" "$2/bin/busybox"
  cp -r "$1/early" "$2"
  cp "$scripts/vmtest-init" "$2/init"
  (cd "$2" && find . | cpio --quiet -o -H newc)
}

# emulate FOLDER OUT WORK: boots the kernel and returns when the guest is gone. With more than one processor, or with
# cmpxchg16b, newer kernels crash at random in QEMU 7.2; nokaslr and the rest make a start of four seconds out of ten.
emulate() {
  timeout --foreground --kill-after=5 "${VMTIMEOUT:-600}" qemu-system-x86_64 \
    -accel tcg -cpu max,-cx16 -smp 1 -m 1024 \
    -object memory-backend-memfd,id=memory,size=1024M,share=on -numa node,memdev=memory \
    -chardev socket,id=files,path="$3/root.socket" -device vhost-user-fs-pci,chardev=files,tag=root \
    -nodefaults -no-user-config -display none -no-reboot -serial stdio \
    -kernel "$1/vmlinux" -initrd "$3/initrd" \
    -append "console=ttyS0 quiet panic=-1 nokaslr no_timer_check cryptomgr.notests rcupdate.rcu_expedited=1 \
      audit=0 apparmor=0 selinux=0 ${APPEND-} VMTEST_OUT=$2 VMTEST_MODULES=$1/modules" \
    </dev/null >"$2/console" 2>&1
}

# run KERNEL COMMAND...
run() {
  local kernel=$1 folder=$kernels/$1 work out server path
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
  initial_files "$folder" "$work/initial" >"$work/initrd"

  share "$work/root" "$out" >"$work/share.log" 2>&1 &
  server=$!
  trap "kill $server 2>/dev/null || :; wait $server || :; rm -rf '$work'" EXIT
  timeout 10 sh -c 'until [ -S "$1" ]; do sleep 0.1; done' wait "$work/root.socket" ||
    fail "virtiofsd did not start: $(cat "$work/share.log")"

  emulate "$folder" "$out" "$work" || :
  [ ! -e "$out/log" ] || cat "$out/log"
  if ! [ -e "$out/status" ]; then
    echo "vmtest: the guest ended before the command did; its last words:" >&2
    tail -n 40 "$out/console" >&2
    exit 125
  fi
  exit "$(cat "$out/status")"
}
