"""
Runs a command as a service of systemd would: with no capability but those
named, only the system calls named, each other fails with EPERM, and a /proc
that has processes alone.

    under_filter.py CAPABILITY|none NAME,NAME,... COMMAND [ARGUMENT...]

The names are those of `systemd-analyze syscall-filter`; what this processor
does not have is left out.
"""
import ctypes
import errno
import os
import sys

ALLOW = 0x7FFF0000
ERRNO = 0x00050000 | errno.EPERM

CAP_SETPCAP = 8
CAPABILITIES = {"none": None, "CAP_NET_BIND_SERVICE": 10}

seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
seccomp.seccomp_init.restype = ctypes.c_void_p
seccomp.seccomp_rule_add.argtypes = [
    ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
]
seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
seccomp.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]


def main() -> None:
    capabilities, names, *command = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    # The caller gave us a mount namespace of our own.
    if libc.mount(b"proc", b"/proc", b"proc", 0, b"subset=pid") != 0:
        sys.exit(f"cannot mount /proc: {os.strerror(ctypes.get_errno())}")
    # PR_CAPBSET_DROP, that which allows it last: a program that is started by
    # root has what is left.
    for number in [n for n in range(41) if n != CAP_SETPCAP] + [CAP_SETPCAP]:
        if number != CAPABILITIES[capabilities]:
            libc.prctl(24, number, 0, 0, 0)
    context = seccomp.seccomp_init(ERRNO)
    for name in names.split(","):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            continue
        if seccomp.seccomp_rule_add(context, ALLOW, number, 0) != 0:
            sys.exit(f"cannot allow {name}")
    # PR_SET_NO_NEW_PRIVS, as NoNewPrivileges=yes does.
    libc.prctl(38, 1, 0, 0, 0)
    if seccomp.seccomp_load(context) != 0:
        sys.exit("cannot load the filter")
    os.execvp(command[0], command)


main()
