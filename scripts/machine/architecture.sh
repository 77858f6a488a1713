# What an architecture is called. Where it is sourced there is a function `fail`.

# name_architecture NAME: sets `arch` to Node's name of it, `debian` to Debian's, `triplet` to that of its compilers and of its
# folders of libraries. NAME is either of the first two.
name_architecture() {
  case $1 in
    x64 | amd64) arch=x64 debian=amd64 triplet=x86_64-linux-gnu ;;
    arm64) arch=arm64 debian=arm64 triplet=aarch64-linux-gnu ;;
    *) fail "architecture '$1' is not one of x64, arm64" ;;
  esac
}
