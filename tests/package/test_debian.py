# SPDX-License-Identifier: Apache-2.0
"""The Debian packages: built, checked, installed in a clean root, used for one push, removed and purged. It takes minutes and a
Debian mirror, so only make check-long does it."""
import os
import re
import subprocess

from package.test_dist import clone, hashes, make, other_clone
from support.debian import in_root, packages, sources
from support.fixture import seconds

# What apt and dpkg themselves leave or change, and what a reboot removes.
NOT_OURS = ("/var/lib/apt/", "/var/lib/dpkg/", "/var/cache/", "/var/log/", "/proc/", "/sys/", "/dev/", "/tmp/", "/run/", "/etc/ld.so.cache",
            "/var/lib/systemd/deb-systemd-helper", "/etc/.pwd.lock")
# Where a system user, which stays, is added; a program that does so keeps the file before as NAME-.
ACCOUNTS = {f"/etc/{name}" for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")}
# A machine with systemd, as maintainer scripts see it: nothing is enabled, and STATUS says whether fwsshd runs.
WITH_SYSTEMD = """set -eu
mkdir -p /run/systemd/system
cp /usr/bin/systemctl /root/systemctl 2>/dev/null || true
cat > /usr/bin/systemctl <<'END'
#!/bin/sh
echo "$*" >> /root/calls
case $* in
*is-enabled*) echo disabled; exit 1 ;;
*is-active*fwsshd.service) exit STATUS ;;
*is-active*) exit 3 ;;
esac
END
chmod 755 /usr/bin/systemctl
COMMAND >&2
cat /root/calls
rm -r /run/systemd /usr/bin/systemctl /root/calls
! [ -e /root/systemctl ] || mv /root/systemctl /usr/bin/systemctl
"""
PUSH = """set -eu
mkdir -p /root/.ssh /run/sshd
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cp /root/.ssh/id_ed25519.pub /etc/fwssh/authorized_keys
truncate -s 8M /root/device.img
printf 'meta-version = "2.0"\\ntask upgrade { on-init { raw_memset(0, 512, 90) } }\\n' > /root/fw.conf
fwpack -c -f /root/fw.conf -o /root/fw.fw
fwsshd -t -o device=/root/device.img -o reboot-command=/bin/true > /root/keys
grep -qx "session-uid = $(id -u fwssh-session)" /root/keys
fwsshd -o device=/root/device.img -o reboot-command=/bin/true -o listen-address=127.0.0.1 2> /root/log &
daemon=$!
until grep -q 'listening on' /root/log; do kill -0 $daemon; done
fwssh push 127.0.0.1 --firmware /root/fw.fw --ssh-option StrictHostKeyChecking=accept-new
kill $daemon
wait $daemon || true
head -c 3 /root/device.img
rm -rf /root/.ssh /root/device.img /root/fw.* /root/log /root/keys /etc/fwssh/authorized_keys
"""


def files(root):
    """Paths in the root that a package may have left; and what is in them."""
    found = {}
    for directory, names, others in os.walk(root):
        for name in names + others:
            path = os.path.join(directory, name)
            inside = path[len(str(root)):]
            if not inside.startswith(NOT_OURS):
                found[inside] = os.readlink(path) if os.path.islink(path) else os.path.isfile(path) and open(path, "rb").read()
    return found


def asked_of_systemd(t, root, command, runs):
    """What maintainer scripts want to be done to fwsshd.service."""
    r = in_root(t, root, WITH_SYSTEMD.replace("STATUS", "0" if runs else "3").replace("COMMAND", command))
    assert r.returncode == 0 and "daemon-reload" in r.stdout, r
    return set(re.findall(r"\b(start|stop|restart|try-restart)\b.* fwsshd\.service\b", r.stdout))


def need_packages(t, *programs):
    if not os.environ.get("FWSSH_LONG"):
        t.skip("takes minutes: make check-long")
    for program in ("dpkg-buildpackage", *programs):
        t.need(program)


@seconds(900)
def test_packages_are_the_same_everywhere(t):
    need_packages(t)
    first = make(t, "deb.sh", clone(t, "a"), t.dir / "out/a")
    second = make(t, "deb.sh", other_clone(t, "deeper/another/place"), t.dir / "out/b", umask="077", zone="Asia/Tokyo")
    found = hashes(first, "*.deb")
    assert len(found) == 6 and found == hashes(second, "*.deb"), (found, hashes(second, "*.deb"))


@seconds(900)
def test_packages_come_and_go(t):
    need_packages(t, "lintian", "mmdebstrap")
    debs = packages(t)
    r = t.run(["lintian", "--fail-on", "error,warning", "--display-info", "--pedantic", *debs.glob("*.changes")], timeout=300)
    assert r.returncode == 0, r.stdout
    root = t.dir / "root"
    (t.dir / "sources").write_text(sources(t))
    r = t.run(["mmdebstrap", "--variant=apt", "--include=openssh-client", "bookworm", root, "-"], input=sources(t), timeout=600)
    assert r.returncode == 0, r.stderr[-2000:]
    r = in_root(t, root, "apt-get update && apt-get install -y --no-install-recommends libconfuse2 libdeflate0 libisal2 libseccomp2 "
                         "libsodium23 libssh-4 libubootenv0.1 libxxhash0 libzstd1 libnettle8 zlib1g")
    assert r.returncode == 0, r.stdout[-2000:] + r.stderr[-2000:]
    before = files(root)
    for deb in debs.glob("fw*_*.deb"):
        if "dbgsym" not in deb.name:
            (root / "tmp" / deb.name).write_bytes(deb.read_bytes())
    r = in_root(t, root, "apt-get install -y --no-install-recommends /tmp/*.deb")
    assert r.returncode == 0, r.stdout[-2000:] + r.stderr[-2000:]
    r = in_root(t, root, PUSH)
    assert r.returncode == 0 and r.stdout.endswith("ZZZ") and "Done: the device has written the firmware" in r.stdout, r
    again = "apt-get install -y --reinstall --no-install-recommends /tmp/fwsshd_*.deb"
    assert asked_of_systemd(t, root, again, runs=False) == set(), "nobody has configured it"
    assert asked_of_systemd(t, root, again, runs=True) == {"restart"}, "another version's programs are there"
    assert asked_of_systemd(t, root, "apt-get remove -y fwssh fwsshd fwpack", runs=True) == {"stop"}
    assert (root / "etc/fwssh/fwsshd.conf").exists() and not (root / "usr/sbin/fwsshd").exists()
    r = in_root(t, root, "apt-get purge -y fwsshd")
    assert r.returncode == 0, r
    after = files(root)
    assert not {path for path in set(after) ^ set(before) if path.rstrip("-") not in ACCOUNTS}, set(after) ^ set(before)
    changed = {path for path in set(after) & set(before) if after[path] != before[path] and path.rstrip("-") not in ACCOUNTS}
    assert not changed, changed
    assert [line for line in after["/etc/passwd"].splitlines() if line not in before["/etc/passwd"].splitlines()] == \
        [line for line in after["/etc/passwd"].splitlines() if line.startswith(b"fwssh-session:")]
