#!/bin/sh
# Makes OUT/vmlinuz and OUT/initramfs.img of Debian's packages, none of which is
# installed: a kernel, busybox, kexec, glibc, a Deno and phase_discover.
set -eu

usage() {
  cat <<'END'
build.sh --program FILE --deno FILE (--trust FILE | --key FILE) [OPTION...] OUT

  --program FILE   phase_discover.js of `deno task bundle`, or what
                   `deno task compile` makes, which needs no --deno
  --deno FILE      Deno's binary, for the machines that are to boot
  --trust FILE     a trust file; --key FILE: a public key in PEM
  --conf FILE      in place of boot.conf, which is beside this script
  --arch ARCH      x86_64 or arm64; this machine's unless said otherwise
  --kernel NAME    Debian's package; linux-image-cloud-amd64 or -arm64, for
                   virtual machines: linux-image-amd64 drives real ones
  --modules LIST   kernel modules to put in, with what they depend on

It needs apt-get, dpkg-deb, busybox, cpio, readelf (binutils) and zstd, and
keeps what it downloads in $XDG_CACHE_HOME/plasm-initramfs.
END
}

die() {
  echo "build.sh: $*" >&2
  exit 2
}

here=$(cd "$(dirname "$0")" && pwd)
program='' deno='' trust='' key='' conf=$here/boot.conf kernel='' out=''
arch=$(uname -m)
modules='virtio_pci virtio_mmio virtio_net virtio_blk e1000 e1000e igb igc ixgbe
  r8169 tg3 bnxt_en mlx5_core hv_netvsc ena vmxnet3 nvme ahci sd_mod vfat
  nls_cp437 nls_ascii nls_iso8859-1 nls_utf8'
while [ $# -gt 0 ]; do
  case $1 in
  --help) usage && exit ;;
  --*) [ $# -gt 1 ] || die "$1 needs a value (--help explains)" ;;
  esac
  case $1 in
  --program) program=$2 ;;
  --deno) deno=$2 ;;
  --trust) trust=$2 ;;
  --key) key=$2 ;;
  --conf) conf=$2 ;;
  --arch) arch=$2 ;;
  --kernel) kernel=$2 ;;
  --modules) modules=$2 ;;
  --*) die "there is no option $1 (--help has them)" ;;
  *)
    [ -z "$out" ] || die "one directory is written to, not $out and $1"
    out=$1 && shift && continue
    ;;
  esac
  shift 2
done
case $arch in
x86_64 | amd64) arch=x86_64 debian=amd64 triplet=x86_64-linux-gnu ;;
aarch64 | arm64) arch=arm64 debian=arm64 triplet=aarch64-linux-gnu ;;
*) die "--arch $arch: there is a runtime for x86_64 and arm64 only" ;;
esac
[ -n "$out" ] || die "name a directory to write to (--help explains)"
[ -f "$program" ] || die "--program names no file: '$program'"
case $program in
*.js) [ -f "$deno" ] || die "$program needs --deno FILE" ;;
esac
[ -n "$trust$key" ] || die "name whom the machines are to trust: --trust or --key"
for file in "$conf" ${trust:+"$trust"} ${key:+"$key"}; do
  [ -f "$file" ] || die "there is no file '$file'"
done
for tool in apt-get apt-cache dpkg-deb busybox cpio readelf zstd; do
  command -v $tool >/dev/null || die "$tool is not installed"
done
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root

# --- Packages, also of an architecture that this machine does not have --------

cache=${XDG_CACHE_HOME:-$HOME/.cache}/plasm-initramfs/$debian
mkdir -p "$cache/debs"
if [ "$debian" != "$(dpkg --print-architecture)" ]; then
  # Lists of its own: those of this machine stay as they are.
  mkdir -p "$cache/lists/partial" "$cache/archives/partial"
  cat >"$work/apt.conf" <<END
APT::Architecture "$debian";
APT::Architectures { "$debian"; };
Dir::State::status "/dev/null";
Dir::State::Lists "$cache/lists";
Dir::Cache "$cache";
END
  export APT_CONFIG="$work/apt.conf"
  apt-get -qq -o APT::Sandbox::User=root update
fi

# What packages depend on, of libraries and kernels: the name of a kernel's
# package changes with each security update.
depends_of() {
  apt-cache depends --important "$@" |
    sed -n 's/^ *Depends: \(\(lib\|zlib\|linux-image-\)[^ <>:]*\).*/\1/p'
}

names="busybox-static kexec-tools libgcc-s1 ${kernel:-linux-image-cloud-$debian}"
queue=$names
while [ -n "$queue" ]; do
  next=''
  # shellcheck disable=SC2086 # Words are meant, here and below.
  for name in $(depends_of $queue); do
    case " $names " in
    *" $name "*) ;;
    *) names="$names $name" next="$next $name" ;;
    esac
  done
  queue=$next
done

# shellcheck disable=SC2086
(cd "$cache/debs" && apt-get -qq -o APT::Sandbox::User=root download $names)
# What it has already in the directory it does not print.
# shellcheck disable=SC2086
for file in $(cd "$work" && apt-get -qq download --print-uris $names |
  sed -n "s/^'[^']*' \([^ ]*\) .*/\1/p"); do
  dpkg-deb -x "$cache/debs/$file" "$work/packages"
done

# --- What lies where ----------------------------------------------------------

mkdir -p "$root/bin" "$root/etc/plasm" "$root/lib/plasm" "$root/var/deno" \
  "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/root"
cp "$work/packages/bin/busybox" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
find "$work/packages" -path '*/sbin/kexec' -type f -exec cp {} "$root/bin/kexec" \;
cp "$here/init" "$root/init"
cp "$here/plasm-boot" "$here/udhcpc.script" "$root/bin/"
cp "$conf" "$root/etc/plasm/boot.conf"
[ -z "$trust" ] || cp "$trust" "$root/etc/plasm/trust.toml"
[ -z "$key" ] || cp "$key" "$root/etc/plasm/signing.pub"
case $program in
*.js)
  cp "$deno" "$root/bin/deno"
  cp "$program" "$root/lib/plasm/phase_discover.js"
  cp "$here/phase_discover" "$root/bin/phase_discover"
  ;;
*) cp "$program" "$root/bin/phase_discover" ;;
esac
chmod 755 "$root/init" "$root"/bin/*

# Libraries that the binaries name, and those that these name.
add_libraries() {
  readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    while read -r library; do
      to=$root/lib/$triplet/$library
      [ ! -e "$to" ] || continue
      from=$(find "$work/packages" -name "$library" | head -n 1)
      [ -n "$from" ] || die "no package has $library, which $1 needs"
      cp -L "$from" "$to"
      add_libraries "$to"
    done
}

mkdir -p "$root/lib/$triplet"
for binary in "$root"/bin/*; do
  add_libraries "$binary"
done
# The loader is where binaries say that it is.
case $arch in
x86_64) loader=/lib64/ld-linux-x86-64.so.2 ;;
arm64) loader=/lib/ld-linux-aarch64.so.1 ;;
esac
mkdir -p "$root${loader%/*}"
cp -L "$work/packages/lib/$triplet/${loader##*/}" "$root$loader"

# --- The kernel and its modules -----------------------------------------------

release=$(cd "$work/packages/lib/modules" && echo *)
cp "$work/packages/boot/vmlinuz-$release" "$out/vmlinuz"
busybox depmod -b "$work/packages" "$release"
from=$work/packages/lib/modules/$release
mkdir -p "$root/lib/modules/$release"
# Each line is a module and what it depends on: "a/b.ko: c/d.ko e/f.ko".
for module in $modules; do
  sed -n "s,^\([^:]*/$module\.ko[^:]*\):,\1,p" "$from/modules.dep"
done | tr ' ' '\n' | sort -u | while read -r path; do
  [ -n "$path" ] || continue
  mkdir -p "$root/lib/modules/$release/${path%/*}"
  cp "$from/$path" "$root/lib/modules/$release/$path"
done
busybox depmod -b "$root" "$release"

# --- A warm cache of compiled code --------------------------------------------

# Without, each start of the machine compiles: 1.2 s more. It is of no use on
# another architecture.
if [ "$arch" = "$(uname -m | sed s/aarch64/arm64/)" ]; then
  enter=chroot
  [ "$(id -u)" = 0 ] || enter='unshare --map-root-user chroot'
  $enter "$root" /bin/busybox env -i PATH=/bin HOME=/root DENO_DIR=/var/deno \
    /bin/phase_discover --version >/dev/null ||
    die "phase_discover does not run with the libraries that are there"
else
  echo "build.sh: the code cache stays cold, since this machine is no $arch" >&2
fi

(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) |
  zstd -q -3 -f -o "$out/initramfs.img"
mib() { awk -v "n=$1" 'BEGIN { printf "%.1f MiB", n / 1048576 }'; }
echo "$out/vmlinuz: Linux $release, $(mib "$(wc -c <"$out/vmlinuz")")"
echo "$out/initramfs.img: $(mib "$(wc -c <"$out/initramfs.img")")," \
  "unpacked $(mib "$(du -sk "$root" | awk '{ print $1 * 1024 }')")"
