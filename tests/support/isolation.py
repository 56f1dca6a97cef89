# SPDX-License-Identifier: Apache-2.0
"""Isolates tests from what all processes of a machine share: the lock of the U-Boot environment, on which libubootenv and
its tools wait forever, and /run, with the locks of devices and the parameter for the next reboot."""
import ctypes
import os

CLONE_NEWNS = 0x20000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 0x40000
DEVICE_LOCKS = "/run/fwssh"  # of the default of lock-file
UBOOT_LOCK = "/var/lock/fw_printenv.lock"  # compiled into libubootenv


def call(function, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*args):
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def mount_empty(path, mode):
    call("mount", b"tmpfs", path.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=%o" % mode)


def isolate():
    """Gives this process and its children a /run and a lock directory of their own.

    Needs root. A user namespace would not help others: in it, root's files appear to belong to nobody, which strict-modes
    does not accept."""
    call("unshare", CLONE_NEWNS)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    locks = os.path.realpath(os.path.dirname(UBOOT_LOCK))
    has_systemd = os.path.isdir("/run/systemd")  # by which programs tell who reads the parameter for the next reboot
    mount_empty("/run", 0o755)
    if has_systemd:
        os.mkdir("/run/systemd")
    os.mkdir("/run/lock")
    os.chmod("/run/lock", 0o1777)
    if locks != "/run/lock" and os.path.isdir(locks):
        mount_empty(locks, 0o1777)


def is_allowed():
    """Whether isolate() works here; tried in a separate process."""
    pid = os.fork()
    if pid == 0:
        try:
            isolate()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0
