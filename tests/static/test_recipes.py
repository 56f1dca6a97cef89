# SPDX-License-Identifier: Apache-2.0
"""The packaging recipes name every library that meson.build asks for."""
import re

from support.fixture import seconds

# What each calls the libraries of meson.build; ISA-L is optional.
NAMES = {
    "packaging/buildroot/package/fwssh/fwssh.mk": {},
    "packaging/buildroot/package/fwssh/Config.in": {},
    "packaging/yocto/recipes-support/fwssh/fwssh_0.2.0.bb": {},
    "packaging/README.md": {},
    "packaging/debian/control": {"libxxhash": "libxxhash-dev", "libzstd": "libzstd-dev", "zlib": "zlib1g-dev"},
}
OURS = {"libzstd": "zstd", "libxxhash": "xxhash"}


def libraries(t):
    text = (t.src / "meson.build").read_text()
    found = set(re.findall(r"= dependency\('([\w-]+)'", text)) | {f"lib{n}" for n in re.findall(r"find_library\('(\w+)'\)", text)}
    assert {"libssh", "libubootenv", "zlib"} <= found, found
    return found - {"threads", "libisal"}


def test_recipes_name_every_library(t):
    for path, names in NAMES.items():
        words = set(re.findall(r"[\w-]+", (t.src / path).read_text().replace("BR2_PACKAGE_", "").lower()))
        for library in libraries(t):
            name = names.get(library) or (f"{library}-dev" if path.endswith("control") else OURS.get(library, library))
            assert name in words, f"{path} does not name {name}"


@seconds(120)
def test_authorized_keys_are_installed(t):
    for name in ("a", "b"):
        (t.dir / name).write_text(f"ssh-ed25519 AAAA {name}\n")
    r = t.run(["meson", "setup", "build", t.src, "-Dhost=disabled", "-Dengine=disabled", "--prefix=/usr",
               f"-Dauthorized-keys={t.dir}/a,{t.dir}/b"])
    assert r.returncode == 0, r.stdout + r.stderr
    r = t.run(["ninja", "-C", "build", "authorized_keys"])
    assert r.returncode == 0 and (t.dir / "build/authorized_keys").read_text() == "ssh-ed25519 AAAA a\nssh-ed25519 AAAA b\n", r
    plan = t.run(["meson", "introspect", "--install-plan", "build"]).stdout
    assert '"{sysconfdir}/fwssh/authorized_keys"' in plan or "/etc/fwssh/authorized_keys" in plan, plan[:2000]
