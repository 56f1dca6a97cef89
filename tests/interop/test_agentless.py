"""fwssh push --agentless: through a device's own SSH server, with nothing installed on it."""
from interop.test_servers import need_root, sshd, wait_listening
from support.agentless import BusyBox, Place, agent_dir
from support.slots import TwoSlots, changed, content, firmware


def options(t, d, *keys):
    given = [x for k in ("device", "uboot-env-config", "reboot-command") for x in ("--agent-option", f"{k}={d.config[k]}")]
    return ["--agentless", "--agent-dir", agent_dir(t), "--user", "root", *(keys or given)]


def test_sshd_as_root(t):
    device = TwoSlots(t, content(1))
    server = sshd(t, device.daemon)
    new = content(2)
    r = device.push(firmware(t, "2.0.0", new), *options(t, device.daemon), port=server.port)
    assert r.returncode == 0, r
    assert device.slot("b").startswith(new)
    device.daemon.wait_reboot()
    Place().wait_clean(t)


def busybox(t, device):
    need_root(t)
    board = BusyBox(t, device.daemon, device.image)
    wait_listening(t, board.port, board.process)
    (board.data / "fw_env.config").write_text("/disk.img 0x2000 0x2000\n/disk.img 0x4000 0x2000\n")
    return board


ON_BOARD = ["--agent-option", "device=/disk.img", "--agent-option", "uboot-env-config=/data/fw_env.config"]


def test_busybox_and_dropbear_with_a_read_only_root_and_nothing_executable(t):
    """A whole push, and then one of which the device holds most."""
    root = content(1)
    device = TwoSlots(t, root)
    board = busybox(t, device)
    new = changed(root, 2)
    r = device.push(firmware(t, "2.0.0", new), *options(t, device.daemon, *ON_BOARD), "--adaptive=never", port=board.port)
    assert r.returncode == 0, r
    assert device.slot("b").startswith(new)
    t.wait_for(lambda: board.reboots() == 1, "the reboot")
    board.place().wait_clean(t)
    assert sorted(path.name for path in board.data.iterdir()) == ["fw_env.config", "host_key", "rebooted"]
    newer = changed(new, 3)
    r = device.push(firmware(t, "3.0.0", newer), *options(t, device.daemon, *ON_BOARD), port=board.port)
    assert r.returncode == 0 and "Sent 0." in r.stdout, r
    assert device.slot("a").startswith(newer)
    board.place().wait_clean(t)
