#!/usr/bin/python3
"""Runs a command as an ordinary user who may make no user namespaces, as some sites have it:

    without_user_namespaces.py USER COMMAND...      as root

A filter of system calls answers what the kernel would, for this command and all that it starts.
Other than no_new_privs it leaves set-user-id programs what they are.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

CLONE_NEWUSER = 0x10000000
CLONE3 = 435
# seccomp, unshare, clone
NUMBERS = {"x86_64": (317, 272, 56), "aarch64": (277, 97, 220)}
SECCOMP_SET_MODE_FILTER = 1
LOAD, EQUALS, HAS_BITS, RETURN = 0x20, 0x15, 0x45, 0x06  # of classic BPF
ALLOW, FAIL = 0x7FFF0000, 0x00050000
NUMBER, FIRST_ARGUMENT = 0, 16  # in struct seccomp_data


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)


def forbid_user_namespaces():
    seccomp, unshare, clone = NUMBERS[platform.machine()]
    code = (
        instruction(LOAD, NUMBER)
        + instruction(EQUALS, CLONE3, 0, 1)
        + instruction(RETURN, FAIL | errno.ENOSYS)  # libc goes on with clone
        + instruction(EQUALS, unshare, 1)
        + instruction(EQUALS, clone, 0, 3)
        + instruction(LOAD, FIRST_ARGUMENT)
        + instruction(HAS_BITS, CLONE_NEWUSER, 0, 1)
        + instruction(RETURN, FAIL | errno.ENOSPC)
        + instruction(RETURN, ALLOW)
    )
    buffer = ctypes.create_string_buffer(code, len(code))
    program = Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(seccomp, SECCOMP_SET_MODE_FILTER, 0, ctypes.byref(program)) != 0:
        sys.exit(f"without_user_namespaces: seccomp: {os.strerror(ctypes.get_errno())}")


def main():
    user, *command = sys.argv[1:]
    forbid_user_namespaces()
    os.setgroups([])
    os.setresgid(int(user), int(user), int(user))
    os.setresuid(int(user), int(user), int(user))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
