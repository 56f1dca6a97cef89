# What U-Boot does at each start with the layout of fwup.conf, for a board whose U-Boot keeps its environment where fwup.conf has
# it (CONFIG_ENV_OFFSET=0x100000, CONFIG_ENV_OFFSET_REDUND=0x140000, CONFIG_ENV_SIZE=0x4000). Names of files, devices and the
# console are your board's. Not tried on a board: what the tests boot is tests/device/boot.cmd, which decides in the same way.
if test "${nerves_fw_active}" != b; then setenv nerves_fw_active a; fi
if test "${upgrade_available}" = 1; then
    setexpr bootcount ${bootcount} + 1
    if test ${bootcount} -gt ${bootlimit}; then
        if test ${nerves_fw_active} = a; then setenv nerves_fw_active b; else setenv nerves_fw_active a; fi
        setenv upgrade_available 0
        setenv nerves_fw_validated 1
        setenv bootcount 0
    fi
    saveenv
fi
if test ${nerves_fw_active} = a; then setenv part 2; else setenv part 3; fi
setenv bootargs "console=ttyS0,115200 root=/dev/mmcblk0p${part} rw rootwait panic=10 fwssh.slot=${nerves_fw_active}"
load mmc 0:${part} ${kernel_addr_r} /boot/vmlinuz
load mmc 0:${part} ${fdt_addr_r} /boot/board.dtb
booti ${kernel_addr_r} - ${fdt_addr_r}
# Nothing could be started: the count above decides what is tried next.
reset
