# Part of scripts/setup: the kernel's file systems that the agent reads.

# mount_one TYPE FOLDER USE: mounts a kernel file system where nothing of its type is mounted yet.
mount_one() {
  local type=$1 folder=$2 use=$3 reason
  grep -q "^[^ ]* $folder $type " /proc/mounts && return
  if reason=$(mount -t "$type" "$type" "$folder" 2>&1); then
    say "mounted $type on $folder"
  else
    say "warning: no $type on $folder, $use: ${reason//$'\n'/ }"
  fi
}

mount_filesystems() {
  mount_one tracefs /sys/kernel/tracing "classic tracepoints will not attach"
  mount_one bpf /sys/fs/bpf "maps cannot be pinned"
  mount_one securityfs /sys/kernel/security "the lockdown state cannot be read"
}
