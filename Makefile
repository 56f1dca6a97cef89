# SPDX-License-Identifier: Apache-2.0
# The front door; Meson does the work. `make demo` and `make check` install the Debian packages that are missing.
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build

.PHONY: all demo demo-device demo-anywhere check check-long check-device lint static dist test bench bench-adaptive fuzz mutate soak soak-device format html install clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=$(PREFIX)

# Builds, makes keys and firmware, and pushes them to a fwsshd on this machine.
demo:
	@tests/packages.sh build demo
	@$(MAKE) --no-print-directory -s all
	@examples/demo/demo.sh $(BUILD)

# The same with a device that boots through U-Boot, in QEMU, and with an update that does not work.
demo-device:
	@tests/packages.sh build demo static device
	@$(MAKE) --no-print-directory -s all
	@tests/device/demo.sh $(BUILD)

# A device on which nothing of fwssh is, in QEMU: a differential push, with the plug pulled in the middle. What is printed is
# recorded in demo-anywhere.cast.
demo-anywhere:
	@tests/packages.sh build demo static device anywhere
	@$(MAKE) --no-print-directory -s all static ARCH=arm64
	@tests/device/anywhere.py $(BUILD) build-static/arm64/bin/fwssh-agent demo-anywhere.cast

# All tests, also with sanitizers; the last line counts.
check:
	@tests/check.sh

# What takes longer: device, soak, mutations, and fuzzers at full length.
check-long:
	@tests/check_long.sh

# What needs no build of ours: format, shell scripts, manuals, static analysis.
lint:
	@tests/packages.sh build check
	@tests/run.py $(BUILD) --suite lint -v

# The virtual device, switched off at twenty places of each kind; the check does it at two.
check-device: all
	@tests/packages.sh build demo static device
	@FWSSH_DEVICE_CUTS=20 tests/run.py $(BUILD) --suite device

# Static programs for devices, in build-static/ARCH/bin; `make install` installs the fwssh-agent among them, too.
ARCH ?= arm64
static:
	@tests/packages.sh static
	@packaging/static/build.sh $(ARCH) build-static/$(ARCH)

# The tarball of what is committed: the same bytes wherever and whenever it is made.
dist:
	@packaging/dist.sh .

# The fast ones, with what is built.
test: all
	@tests/run.py $(BUILD)

bench: all
	@bench/run.sh $(BUILD)
	@bench/engine.sh $(BUILD)
	@bench/flood.py $(BUILD)
	@bench/fleet.py $(BUILD)

# What differential pushes send, beside other programs: 20 minutes as root.
bench-adaptive: all
	@tests/packages.sh bench
	@bench/adaptive.py $(BUILD)

# Ten minutes for each parser; FUZZ_SECONDS and FUZZ_TARGETS change that.
FUZZ_SECONDS ?= 600
fuzz:
	@tests/packages.sh build check
	@tests/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# Breaks the program at one place at a time, and sees whether the named test fails; MUTATIONS chooses some by name.
mutate:
	@tests/packages.sh build check
	@tests/mutate.py $(MUTATIONS)

# A thousand pushes in a row; the check makes sixty.
SOAK_PUSHES ?= 1000
soak: all
	@FWSSH_SOAK_PUSHES=$(SOAK_PUSHES) tests/run.py $(BUILD) --suite load --only many_pushes

# Updates of two virtual devices for so long, with the power failing at random places of most of them; counted.
SOAK_MINUTES ?= 60
soak-device: all
	@tests/packages.sh build demo static device
	@tests/device/build.sh $(BUILD)
	@rm -f $(BUILD)/soak-device.txt
	@FWSSH_DEVICE_SOAK_MINUTES=$(SOAK_MINUTES) FWSSH_DEVICE_SOAK_COUNTS=$(CURDIR)/$(BUILD)/soak-device.txt \
		tests/run.py $(BUILD) --suite device --only soak; status=$$?; cat $(BUILD)/soak-device.txt; exit $$status

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

# Documents and manuals for a browser; begin with html/index.html.
html:
	@tests/packages.sh html
	@docs/html.py html

install: all
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)

clean:
	rm -rf build build-* demo demo-device demo-anywhere demo-anywhere.cast html
