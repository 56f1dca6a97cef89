# SPDX-License-Identifier: Apache-2.0
################################################################################
#
# fwssh
#
################################################################################

FWSSH_VERSION = 0.2.0
FWSSH_SITE = https://example.org/fwssh/releases
FWSSH_LICENSE = Apache-2.0
FWSSH_LICENSE_FILES = LICENSE
FWSSH_CONF_OPTS = -Dhost=disabled
FWSSH_DEPENDENCIES = \
	host-pkgconf \
	libconfuse \
	libseccomp \
	libssh \
	libubootenv

ifeq ($(BR2_PACKAGE_FWSSH_FWPACK),y)
FWSSH_CONF_OPTS += -Dengine=enabled
FWSSH_DEPENDENCIES += libdeflate libsodium xxhash zlib zstd
else
FWSSH_CONF_OPTS += -Dengine=disabled
endif

ifeq ($(BR2_PACKAGE_FWSSH_DISK_ENCRYPTION),y)
FWSSH_CONF_OPTS += -Ddisk-encryption=enabled
FWSSH_DEPENDENCIES += nettle
else
FWSSH_CONF_OPTS += -Ddisk-encryption=disabled
endif

ifneq ($(call qstrip,$(BR2_PACKAGE_FWSSH_AUTHORIZED_KEYS)),)
FWSSH_CONF_OPTS += -Dauthorized-keys=$(abspath $(call qstrip,$(BR2_PACKAGE_FWSSH_AUTHORIZED_KEYS)))
endif

define FWSSH_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(@D)/packaging/fwsshd.init \
		$(TARGET_DIR)/etc/init.d/S50fwsshd
endef

define FWSSH_INSTALL_INIT_OPENRC
	$(INSTALL) -D -m 0755 $(@D)/packaging/fwsshd.openrc \
		$(TARGET_DIR)/etc/init.d/fwsshd
endef

define FWSSH_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/packaging/fwsshd.service \
		$(TARGET_DIR)/usr/lib/systemd/system/fwsshd.service
endef

$(eval $(meson-package))
