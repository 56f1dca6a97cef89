# SPDX-License-Identifier: Apache-2.0
SUMMARY = "Firmware updates over SSH"
HOMEPAGE = "https://example.org/fwssh"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# The checksum of the tarball that you use belongs here: there is no release yet.
SRC_URI = "https://example.org/fwssh/releases/fwssh-${PV}.tar.gz"
SRC_URI[sha256sum] = ""

DEPENDS = "libconfuse libseccomp libssh libubootenv libdeflate libsodium xxhash zlib zstd"

# fwpack's encrypted resources need nettle (LGPL-3.0-or-later or GPL-2.0-or-later).
PACKAGECONFIG ??= "disk-encryption"
PACKAGECONFIG[disk-encryption] = "-Ddisk-encryption=enabled,-Ddisk-encryption=disabled,nettle"

inherit meson pkgconfig systemd update-rc.d

# A file with the keys that may log in, for /etc/fwssh/authorized_keys.
FWSSH_AUTHORIZED_KEYS ?= ""

EXTRA_OEMESON = "-Dhost=disabled ${@'-Dauthorized-keys=' + d.getVar('FWSSH_AUTHORIZED_KEYS') if d.getVar('FWSSH_AUTHORIZED_KEYS') else ''}"

SYSTEMD_SERVICE:${PN} = "fwsshd.service"
INITSCRIPT_NAME = "fwsshd"

PACKAGES =+ "fwpack"
FILES:fwpack = "${bindir}/fwpack ${libexecdir}/fwssh-hold"
RDEPENDS:${PN} = "fwpack"

do_install:append() {
    install -D -m 0755 ${S}/packaging/fwsshd.init ${D}${sysconfdir}/init.d/fwsshd
    install -D -m 0644 ${S}/packaging/fwsshd.service ${D}${systemd_system_unitdir}/fwsshd.service
}
