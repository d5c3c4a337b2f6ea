#!/bin/sh
# Fetches and verifies an image where phase_discover cannot run (musl, 64 MB of
# memory). Needs a POSIX shell, awk, sed, sha256sum, OpenSSL 3, and curl or wget.
# It does not search: it must be told where a provider is, for example by DHCP.
set -f
LC_ALL=C
export LC_ALL

usage() {
  cat <<'END'
posix-client.sh --key FILE --channel NAME --arch NAME [OPTION...] DIR URL...

Writes the image to DIR/<channel>/<arch>, from the first URL of a manifest.json
where all is as its owner signed it, and prints lines for eval: DIRECTORY, KERNEL,
INITRD and CMDLINE_FILE.

  --key FILE     public key in PEM (plasmd key show --format pem)
  --state FILE   remembers versions, and refuses older ones from then on
  --all          every file of the image, not only what kexec needs
  --timeout N    seconds for each download (600)

Exit codes: 0 done, 2 usage, 3 no manifest came, 4 none that came is to be
trusted, 5 a file could not be fetched or written.
END
}

# When this was written. A clock that shows an earlier time was never set, and
# dates are then not checked.
RELEASED=2026-11-01T00:00:00Z
MAX_MANIFEST=1048576

say() {
  echo "posix-client.sh: $*" >&2
}

fail() {
  code=$1
  shift
  say "$*"
  exit "$code"
}

# download URL BYTES: at most that many bytes. Debian's busybox wget crashes on -T.
download() {
  if command -v curl >/dev/null; then
    curl -q -g -fsS --max-time "$timeout" "$1"
  else
    timeout "$timeout" wget -q -O - "$1"
  fi | head -c "$2"
}

# JSON as rows "value TAB name TAB name...", one for each value. Strings begin with
# a quotation mark and keep their escapes. Since no string holds a control
# character, none can be mistaken for another row.
# shellcheck disable=SC2016
ROWS='
function bad() { is_bad = 1; exit 1 }
function row(value,  i, line) {
  line = value
  for (i = 1; i <= depth; i++) line = line "\t" name[i]
  print line
  want = "end"
}
function close_with(empty) {
  depth--
  if (empty != "") row(empty); else want = "end"
}
function marks(text,  i, c, word) {
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if (c == " " || c == "\n") continue
    if (c == "{" && (want == "value" || want == "first")) {
      kind[++depth] = c; name[depth] = ""; want = "key or }"
    } else if (c == "[" && (want == "value" || want == "first")) {
      kind[++depth] = c; name[depth] = 0; want = "first"
    } else if (c == "}" && kind[depth] == "{" && want == "key or }") close_with("{}")
    else if (c == "}" && kind[depth] == "{" && want == "end") close_with("")
    else if (c == "]" && kind[depth] == "[" && want == "first") close_with("[]")
    else if (c == "]" && kind[depth] == "[" && want == "end") close_with("")
    else if (c == "," && want == "end" && depth > 0) {
      if (kind[depth] == "[") { name[depth]++; want = "value" } else want = "key"
    } else if (c == ":" && want == "colon") want = "value"
    else if ((want == "value" || want == "first") && depth > 0) {
      word = substr(text, i)
      if (!match(word, /^(0|[1-9][0-9]*|true|false|null)/)) bad()
      row(substr(word, 1, RLENGTH))
      i += RLENGTH - 1
    } else bad()
    if (depth > 8) bad()
  }
}
BEGIN { RS = "\""; want = "value"; depth = 0 }
!is_text { marks($0); is_text = 1; text = ""; next }
{
  text = text $0
  # A quotation mark after an odd number of backslashes is part of the string.
  match($0, /\\*$/)
  if (RLENGTH % 2 == 1) { text = text "\""; next }
  if (text ~ /\n/) bad()
  if (want == "key" || want == "key or }") { name[depth] = text; want = "colon" }
  else if ((want == "value" || want == "first") && depth > 0) row("\"" text)
  else bad()
  is_text = 0
}
END { if (is_bad || !is_text || want != "end" || depth != 0) exit 1 }
'

# rows FILE: fails if it is not JSON or has control characters.
rows() {
  [ "$(tr -d '\012\040-\377' <"$1" | wc -c)" -eq 0 ] || return 1
  awk "$ROWS" "$1"
}

# member KIND FILE NAME...: a string or number from rows; nothing if it is of
# another kind.
member() {
  case $1 in
  text) kind='^"' ;;
  number) kind='^[0-9]' ;;
  esac
  from=$2
  shift 2
  awk -v "kind=$kind" -v "names=$(printf '\t%s' "$@")" '
    $0 ~ kind && substr($0, index($0, "\t")) == names {
      print substr($0, 1, index($0, "\t") - 1)
    }' "$from" | sed 's/^"//'
}

# verify URL: writes data.rows, the content that the key's owner signed.
verify() {
  download "$1" $((MAX_MANIFEST + 1)) >"$work/manifest.json"
  [ -s "$work/manifest.json" ] || fail 3 "no manifest came from $1"
  [ "$(wc -c <"$work/manifest.json")" -le $MAX_MANIFEST ] ||
    fail 4 "$1: the manifest has more than 1 MiB"
  rows "$work/manifest.json" >"$work/rows" || fail 4 "$1: this is no manifest"

  member text "$work/rows" signed data | openssl base64 -d -A >"$work/data" 2>/dev/null
  openssl dgst -sha256 -binary "$work/data" >"$work/digest"
  place=$(awk -F '\t' -v "id=\"$keyid" '
    $1 == id && $2 == "signatures" && $4 == "keyid" { print $3; exit }' "$work/rows")
  [ -n "$place" ] || fail 4 "$1: not signed by $keyid"
  member text "$work/rows" signatures "$place" sig | openssl base64 -d -A >"$work/sig" 2>/dev/null
  openssl pkeyutl -verify -pubin -inkey "$key" -rawin \
    -in "$work/digest" -sigfile "$work/sig" >/dev/null 2>&1 ||
    fail 4 "$1: the signature of $keyid does not fit"

  rows "$work/data" >"$work/data.rows" || fail 4 "$1: what is signed is no manifest"
  # Clients that read only the outer members must not be deceived either.
  sort "$work/data.rows" >"$work/inner"
  awk -F '\t' '$2 != "signed" && $2 != "signatures"' "$work/rows" | sort >"$work/outer"
  cmp -s "$work/inner" "$work/outer" ||
    fail 4 "$1: the members outside signed.data differ from those inside"
}

# "2026-11-22T12:00:00Z" in seconds since 1970; 0 if it is not a time.
seconds() {
  echo "$1" | awk '
    !/^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](\.[0-9]+)?Z$/ {
      print 0
      exit
    }
    {
      year = substr($0, 1, 4) + 0
      month = substr($0, 6, 2) + 0
      # Years are counted from March, so that a leap day comes last.
      if (month < 3) { year--; month += 12 }
      days = 365 * year + int(year / 4) - int(year / 100) + int(year / 400)
      days += int((153 * (month - 3) + 2) / 5) + substr($0, 9, 2)
      minutes = substr($0, 12, 2) * 60 + substr($0, 15, 2)
      printf "%.0f\n", days * 86400 + minutes * 60 + substr($0, 18, 2)
    }'
}

# judge URL: checks that what was signed is for this image and this time.
judge() {
  [ "$(member text "$work/data.rows" channel)" = "$channel" ] ||
    fail 4 "$1: not for channel $channel"
  [ "$(member text "$work/data.rows" arch)" = "$arch" ] || fail 4 "$1: not for $arch"

  time=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  now=$(seconds "$time")
  if [ "$now" -lt "$(seconds $RELEASED)" ]; then
    say "the clock says $time, so it was never set: dates are not looked at"
  else
    [ "$(seconds "$(member text "$work/data.rows" expires_at)")" -gt "$now" ] ||
      fail 4 "$1: expired, the clock says $time"
    # The clock may be set to local time.
    [ "$(seconds "$(member text "$work/data.rows" created_at)")" -le $((now + 86400)) ] ||
      fail 4 "$1: made in the future, the clock says $time"
  fi

  version=$(member number "$work/data.rows" manifest_version)
  case $version in
  '' | *[!0-9]* | ????????????????*) fail 4 "$1: malformed manifest_version" ;;
  esac
  # What a version stands for: everything but the dates.
  content=$(awk -F '\t' 'NF != 2 || $2 !~ /^(created_at|expires_at|manifest_version)$/' \
    "$work/inner" | sha256sum | cut -c 1-64)
  [ -n "$state" ] && [ -s "$state" ] || return 0
  while read -r image known_version known_content; do
    [ "$image" = "$channel/$arch" ] || continue
    [ "$version" -ge "$known_version" ] ||
      fail 4 "$1: version $version is older than $known_version, which was taken before"
    [ "$version" -gt "$known_version" ] || [ "$content" = "$known_content" ] ||
      fail 4 "$1: has another content than version $version had before"
  done <"$state"
}

# "role TAB hash TAB bytes TAB path" of each file of the manifest. Fails on a path
# that could lead elsewhere or that a shell could misread.
files() {
  awk -F '\t' '
    $2 == "artifacts" && ((NF == 4 && $3 ~ /^(kernel|initramfs|rootfs)$/) ||
      (NF == 5 && $3 ~ /^(dtbs|files)$/)) {
      at = $3 "\t" (NF == 5 ? $4 : "")
      if (!(at in role)) { role[at] = $3; order[++count] = at }
      if ($NF == "filename") path[at] = substr($1, 2)
      if ($NF == "hash") hash[at] = substr($1, 2)
      if ($NF == "size") size[at] = $1
    }
    END {
      for (i = 1; i <= count; i++) {
        at = order[i]
        if (hash[at] !~ /^sha256:[0-9a-f]+$/ || length(hash[at]) != 71) exit 1
        if (size[at] !~ /^[0-9]+$/ || length(size[at]) > 15) exit 1
        if (path[at] !~ "^[A-Za-z0-9_][-A-Za-z0-9._+@~,=:/]*$") exit 1
        if (path[at] ~ "/[^A-Za-z0-9_]" || path[at] ~ "/$") exit 1
        if (path[at] ~ /^(manifest\.json|initrd\.kexec|cmdline(\.resolved)?)(\/|$)/) exit 1
        print role[at] "\t" substr(hash[at], 8) "\t" size[at] "\t" path[at]
      }
    }' "$work/data.rows"
}

# The initrds in load order. If the manifest does not list them, there is only one.
initrds() {
  awk -F '\t' '
    $2 == "initrds" { print substr($1, 2); is_said = 1 }
    $3 == "initramfs" && $4 == "filename" { only = substr($1, 2) }
    END { if (!is_said && only != "") print only }' "$work/data.rows"
}

# The files that kexec needs, or all of them.
wanted() {
  if [ -n "$all" ]; then
    cat "$work/files"
    return
  fi
  awk -F '\t' '
    FILENAME != ARGV[2] { is_initrd[$0] = 1; next }
    $1 == "kernel" || ($4 in is_initrd)' "$work/initrds" "$work/files"
}

# fetch_file URL SHA256 BYTES PATH: into the new directory.
fetch_file() {
  to=$new/$4
  if [ -e "$to" ]; then
    # The same file may have two roles; another content under its name is an attack.
    [ "$(sha256sum <"$to" | cut -c 1-64)" = "$2" ] ||
      fail 5 "$1: two files are called $4"
    return
  fi
  mkdir -p "${to%/*}" || fail 5 "cannot create the directory of $to"
  host=$(printf %s "$1" | sed 's,^\([a-z]*://[^/]*\)/.*,\1,')
  for pause in 0 2 5; do
    sleep $pause
    download "$host/blobs/sha256/$2" $(($3 + 1)) >"$new.part" ||
      fail 5 "cannot write to $directory"
    if [ "$(sha256sum <"$new.part" | cut -c 1-64)" = "$2" ]; then
      mv "$new.part" "$to"
      return
    fi
  done
  fail 5 "$1: $4 did not come as it was signed"
}

# Writes the command line as signed and filled in: {url} is where the image is,
# {sha256:NAME} the digest of a file, named by its path or by a role like kernel.
write_cmdline() {
  member text "$work/data.rows" cmdline | awk '
    {
      rest = $0
      while ((at = index(rest, "\\")) > 0) {
        c = substr(rest, at + 1, 1)
        # Other escapes stand for control characters, which a kernel cannot use.
        if (c != "\"" && c != "\\" && c != "/") exit 1
        text = text substr(rest, 1, at - 1) c
        rest = substr(rest, at + 2)
      }
      printf "%s", text rest
    }' >"$new/cmdline" || fail 4 "$1: the command line has control characters"
  awk -F '\t' -v "url=${1%/*}" '
    function fill(mark, with,  done, at) {
      while ((at = index(line, mark)) > 0) {
        done = done substr(line, 1, at - 1) with
        line = substr(line, at + length(mark))
      }
      line = done line
    }
    FILENAME != ARGV[2] { role[++count] = $1; digest[count] = $2; path[count] = $4; next }
    {
      line = $0
      for (i = 1; i <= count; i++) {
        if (role[i] ~ /^(kernel|initramfs|rootfs)$/) fill("{sha256:" role[i] "}", digest[i])
        fill("{sha256:" path[i] "}", digest[i])
      }
      fill("{url}", url)
      printf "%s", line
    }' "$work/files" "$new/cmdline" >"$new/cmdline.resolved"
  ! grep -q '{sha256:' "$new/cmdline.resolved" ||
    fail 4 "$1: the command line wants the digest of a file that is not there"
}

# Renames the complete image into place; the previous one stays until then.
put_in_place() {
  for place in "$directory/$channel" "$directory/$channel/$arch"; do
    [ ! -L "$place" ] || fail 5 "$place is a symbolic link: remove it"
  done
  mkdir -p "$directory/$channel" || fail 5 "cannot create $directory/$channel"
  sync
  if [ -e "$directory/$channel/$arch" ]; then
    mv "$directory/$channel/$arch" "$new.old" || fail 5 "cannot replace $directory/$channel/$arch"
  fi
  mv "$new" "$directory/$channel/$arch" || fail 5 "cannot create $directory/$channel/$arch"
  rm -rf "$new.old"
}

remember() {
  [ -n "$state" ] || return 0
  if {
    [ ! -e "$state" ] || awk -v "image=$channel/$arch" '$1 != image' "$state"
    echo "$channel/$arch $version $content"
  } >"$state.part" && sync && mv "$state.part" "$state"; then
    return
  fi
  say "cannot write $state: older versions will not be refused"
}

# Prints the result as phase_discover does.
report() {
  place=$directory/$channel/$arch
  kernel=$(awk -F '\t' '$1 == "kernel" { print $4 }' "$work/files")
  initrd=''
  [ ! -s "$work/initrds" ] || initrd=$place/initrd.kexec
  for line in "DIRECTORY=$place" "KERNEL=$place/$kernel" "INITRD=$initrd" \
    "CMDLINE_FILE=$place/cmdline.resolved"; do
    # Within single quotes only a single quote needs escaping.
    printf "%s='%s'\n" "${line%%=*}" "$(printf %s "${line#*=}" | sed "s/'/'\\\\''/g")"
  done
}

attempt() {
  verify "$1"
  judge "$1"
  files >"$work/files" || fail 4 "$1: a file of the manifest is malformed"
  initrds >"$work/initrds"
  wanted >"$work/wanted"
  grep -q '^kernel' "$work/wanted" || fail 4 "$1: the manifest names no kernel"
  new=$(mktemp -d "$directory/.new.XXXXXX") || fail 5 "cannot write to $directory"
  # Each attempt runs in a subshell, so this trap fires at its end.
  trap 'rm -rf "$new" "$new.part"' EXIT
  write_cmdline "$1"
  while IFS='	' read -r _ sha256 bytes path; do
    fetch_file "$1" "$sha256" "$bytes" "$path" || exit
  done <"$work/wanted"
  # kexec takes one initrd; the kernel accepts several in one file, each starting
  # at a multiple of four bytes.
  while read -r path; do
    cat "$new/$path" || fail 5 "cannot read $path"
    printf '\0\0\0' | head -c $(((4 - $(wc -c <"$new/$path") % 4) % 4))
  done <"$work/initrds" >"$new/initrd.kexec"
  [ -s "$work/initrds" ] || rm "$new/initrd.kexec"
  cp "$work/manifest.json" "$new/manifest.json" || fail 5 "cannot write to $directory"
  put_in_place
  remember
  report
}

key='' channel='' arch='' state='' all='' timeout=600 directory=''
while [ $# -gt 0 ]; do
  case $1 in
  --help) usage && exit ;;
  --all) all=yes && shift && continue ;;
  --key) key=$2 ;;
  --channel) channel=$2 ;;
  --arch) arch=$2 ;;
  --state) state=$2 ;;
  --timeout) timeout=$2 ;;
  --*) fail 2 "there is no option $1 (--help has them)" ;;
  *) break ;;
  esac
  [ $# -gt 1 ] || fail 2 "$1 needs a value (--help explains)"
  shift 2
done
[ $# -ge 2 ] || fail 2 "name a directory and a URL (--help explains)"
directory=$1
shift
[ -f "$key" ] || fail 2 "--key names no file: '$key'"
for name in "$channel" "$arch"; do
  case $name in
  '' | [!a-z0-9]* | *[!a-z0-9._-]*) fail 2 "'$name' is no channel or architecture" ;;
  esac
done
for url in "$@"; do
  case $url in
  *[!][A-Za-z0-9.:%_/~-]*) fail 2 "'$url' is no URL of a manifest" ;;
  http://?*/?* | https://?*/?*) ;;
  *) fail 2 "'$url' is no URL of a manifest" ;;
  esac
done
keyid=ed25519:$(openssl pkey -pubin -in "$key" -outform DER 2>/dev/null |
  tail -c 32 | od -An -v -tx1 | tr -d ' \n')
[ ${#keyid} -eq 72 ] || fail 2 "'$key' holds no public key in PEM"

mkdir -p "$directory" || fail 5 "cannot create $directory"
work=$(mktemp -d) || fail 5 "cannot write to ${TMPDIR:-/tmp}"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
result=3
for url in "$@"; do
  (attempt "$url")
  code=$?
  [ $code -ne 0 ] || exit 0
  [ $code -le $result ] || result=$code
done
exit $result
