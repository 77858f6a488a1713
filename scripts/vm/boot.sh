# Part of scripts/vm/vmtest: booting a guest and waiting for its end.

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

# archive FOLDER BUSYBOX INIT: what the guest starts from: a folder's files, a shell, the first program. On standard output.
archive() {
  mkdir -p "$1"/{bin,dev,proc,sys}
  cp "$2" "$1/bin/busybox"
  cp "$scripts/$3" "$1/init"
  (cd "$1" && find . | cpio --quiet -o -H newc)
}

# emulate ARCHITECTURE FOLDER OUT WORK QEMU_ARGUMENT...: boots the kernel and returns when the guest is gone. With more than one
# processor, or with cmpxchg16b, newer kernels crash at random in QEMU 7.2; nokaslr and the rest make a start of four seconds out
# of ten.
emulate() {
  local machine console architecture=$1 folder=$2 out=$3 work=$4
  shift 4
  case $architecture in
    amd64) machine=(qemu-system-x86_64 -cpu max,-cx16) console=ttyS0 ;;
    arm64) machine=(qemu-system-aarch64 -machine virt -cpu neoverse-n1) console=ttyAMA0 ;;
  esac
  # shellcheck disable=SC2206 # several words
  machine+=(-accel tcg -smp 1 -m 1024 ${QEMU_ARGS-})
  timeout --foreground --kill-after=5 "${VMTIMEOUT:-600}" "${machine[@]}" \
    -nodefaults -no-user-config -display none -no-reboot -serial stdio "$@" \
    -kernel "$folder/vmlinux" -initrd "$work/initrd" \
    -append "console=$console quiet panic=-1 nokaslr no_timer_check cryptomgr.notests rcupdate.rcu_expedited=1 \
      audit=0 apparmor=0 selinux=0 ${APPEND-} VMTEST_OUT=$out VMTEST_MODULES=$folder/modules" \
    </dev/null >"$out/console" 2>&1
}

# finish OUT: prints what the command has said, and ends as it did.
finish() {
  [ ! -e "$1/log" ] || cat "$1/log"
  if ! [ -s "$1/status" ]; then
    echo "vmtest: the guest ended before the command did; its last words:" >&2
    tail -n 40 "$1/console" >&2
    exit 125
  fi
  exit "$(cat "$1/status")"
}

# begin KERNEL: sets the caller's `folder` to the kernel's, `work` to one that goes at the end, `out` to the one for output.
begin() {
  folder=$kernels/$1
  [ -e "$folder/release" ] || fail "kernel $1 is not there: scripts/vm/vmtest fetch $1@SUITE"
  work=$(mktemp -d /tmp/vmtest.XXXXXX)
  trap "rm -rf '$work'" EXIT
  out=$(realpath -m "${OUT:-$work/out}")
  mkdir -p "$out"
  rm -f "$out"/{log,status}
}

# run KERNEL COMMAND...
run() {
  local folder busybox architecture work out server path
  begin "$1"
  architecture=$(architecture_of "$1")
  shift
  mkdir "$work/root"
  for path in "$PWD" "$folder"; do
    [ "$(stat -c %d "$path")" = "$(stat -c %d /)" ] || fail "$path is not on the root file system, all that a guest sees"
  done
  printf 'cd %q\nexport PATH=%q\nexec %s\n' "$PWD" "$PATH" "$(printf '%q ' "$@")" >"$out/command"
  busybox=$(command -v busybox)
  if [ "$architecture" != amd64 ]; then
    busybox=$(userland_of "$architecture")/usr/bin/busybox
    [ -e "$busybox" ] || fail "the programs for $architecture are not there: scripts/vm/vmtest userland $architecture"
  fi
  mkdir "$work/initial"
  cp -r "$folder/early" "$work/initial"
  archive "$work/initial" "$busybox" init >"$work/initrd"

  share "$work/root" "$architecture" "$folder" "$out" >"$work/share.log" 2>&1 &
  server=$!
  trap "kill $server 2>/dev/null || :; wait $server || :; rm -rf '$work'" EXIT
  timeout 10 sh -c 'until [ -S "$1" ]; do sleep 0.1; done' wait "$work/root.socket" ||
    fail "virtiofsd did not start: $(cat "$work/share.log")"

  emulate "$architecture" "$folder" "$out" "$work" \
    -object memory-backend-memfd,id=memory,size=1024M,share=on -numa node,memdev=memory \
    -chardev socket,id=files,path="$work/root.socket" -device vhost-user-fs-pci,chardev=files,tag=root || :
  finish "$out"
}

# run_alone KERNEL FOLDER COMMAND: the guest writes what the command says to its second serial port, and its status to the third.
run_alone() {
  local folder work out
  begin "$1"
  cp -r "$2" "$work/initial"
  echo "$3" >"$work/initial/command"
  archive "$work/initial" "$(command -v busybox)" init-alone >"$work/initrd"
  emulate "$(architecture_of "$1")" "$folder" "$out" "$work" \
    -serial file:"$out/log" -serial file:"$out/status" || :
  finish "$out"
}
