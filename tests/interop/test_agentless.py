"""fwssh push --agentless: through a device's own SSH server, with nothing installed on it."""
from interop.test_servers import sshd
from support.agentless import agent_dir, agent_processes, traces
from support.slots import TwoSlots, content, firmware


def options(t, d):
    keys = [x for k in ("device", "uboot-env-config", "reboot-command") for x in ("--agent-option", f"{k}={d.config[k]}")]
    return ["--agentless", "--agent-dir", agent_dir(t), "--user", "root", *keys]


def wait_clean(t):
    t.wait_for(lambda: not agent_processes(), "its processes to be gone")
    assert not traces()


def test_sshd_as_root(t):
    device = TwoSlots(t, content(1))
    server = sshd(t, device.daemon)
    new = content(2)
    r = device.push(firmware(t, "2.0.0", new), *options(t, device.daemon), port=server.port)
    assert r.returncode == 0, r
    assert device.slot("b").startswith(new)
    device.daemon.wait_reboot()
    wait_clean(t)
