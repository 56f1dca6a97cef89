"""Isolates tests from what all processes of a machine share: the lock of the U-Boot environment, on which libubootenv and
its tools wait forever."""
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


def isolate():
    """Gives this process and its children their own lock directory.

    Needs root. A user namespace would not help others: in it, root's files appear to belong to nobody, which strict-modes
    does not accept."""
    call("unshare", CLONE_NEWNS)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    directory = os.path.realpath(os.path.dirname(UBOOT_LOCK))
    if os.path.isdir(directory):
        call("mount", b"tmpfs", directory.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=1777")
    os.makedirs(DEVICE_LOCKS, 0o700, exist_ok=True)
    call("mount", b"tmpfs", DEVICE_LOCKS.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=0700")


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
