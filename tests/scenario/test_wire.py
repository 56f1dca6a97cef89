"""The wire contract: on success the same bytes in the same order as the origin."""


def test_success_is_the_origins_text(t):
    d = t.daemon()
    r = d.push(b"fwup:5,reboot\nhello")
    assert r.returncode == 0
    assert r.stdout == b"Running fwup...\nSuccess!\nRebooting...\n"
    assert d.updater_input() == b"hello"
    d.wait_reboot()
    assert d.reboots() == 1
