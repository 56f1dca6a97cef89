# SPDX-License-Identifier: Apache-2.0
# U-Boot's script for the layout of fwup.conf: chooses the slot, counts the boots of an unconfirmed one, and falls back. The
# first lines are your board's. The rest boots in QEMU (tests/device, with board.cmd there in place of these lines); on a board
# it has not been tried.
#
# It reads and writes the environment on the disk by itself. U-Boot's own environment must be another one (as built in, with
# CONFIG_ENV_IS_NOWHERE, or elsewhere): it would miss bootcmd and everything else in this one.

# The disk, for U-Boot and for Linux; an address with 1.1 MiB of free memory; where the kernel is in a slot; what it is told.
setenv disk mmc
setenv unit 0
setenv partition /dev/mmcblk0p
setenv base 48000000
setenv kernel /boot/vmlinuz
setenv options 'console=ttyS0,115200 panic=10 rw rootwait'
# Gets the device tree to tree_at. An initial RAM disk would need its own load, and its address in boot_kernel.
setenv tree_at ${fdt_addr_r}
setenv load_tree 'load ${disk} ${unit}:${part} ${tree_at} /boot/board.dtb'
setenv boot_kernel 'booti ${kernel_addr_r} - ${tree_at}'
mmc dev 0

# --- Nothing of the board from here on.
# Only setenv is used: environment variables hide shell variables. U-Boot's numbers are hexadecimal, those that Linux writes
# into the environment are decimal: all of them are below 10.

# The environment of the disk: two copies of 16 KiB at 1 MiB and 1.25 MiB, each a CRC32, a counter byte and the data.
setenv copy_a ${base}
setexpr copy_b ${base} + 40000
setenv data_size 3ffb
setexpr sum ${base} + 100000
setexpr sum_last ${base} + 100007
setexpr sum_reversed ${base} + 100004

# Only these variables are imported and written back, so that nothing else in the environment can change what U-Boot does.
# Variables of your own that are to stay have to be added.
# Two lists, because a command takes at most 16 words.
setenv state 'nerves_fw_active nerves_fw_validated upgrade_available bootcount bootlimit nerves_fw_devpath nerves_serial_number'
setenv texts fwssh_revert_reason
for slot in a b; do
    for name in version product platform architecture uuid; do setenv texts "${texts} ${slot}.nerves_fw_${name}"; done
done

# crc32 stores its result in big-endian order; in the environment it is little-endian.
setenv sum_data 'setexpr data ${copy} + 5; crc32 ${data} ${data_size} ${sum}; for i in 0 1 2 3; do setexpr from ${sum} + ${i}; setexpr to ${sum_last} - ${i}; cp.b ${from} ${to} 1; done'
setenv check 'run sum_data; setexpr counter ${copy} + 4; setexpr.b counter *${counter}; setenv good 0; if cmp.b ${sum_reversed} ${copy} 4; then setenv good 1; fi'

# The second list starts where the first one ends, replacing its last NUL: the first NUL that is followed by another one. An
# export clears everything after it.
setenv export 'setexpr at ${copy} + 5; env export -b ${at} ${state}; setexpr.w two *${at}; while test ${two} != 0; do setexpr at ${at} + 1; setexpr.w two *${at}; done; setexpr at ${at} + 1; env export -b ${at} ${texts}'

# A second save during the same boot overwrites the first: if it is cut short, the copy from before this boot is still good.
setenv save 'setenv copy ${old}; run export; run sum_data; cp.b ${sum_reversed} ${copy} 4; setexpr at ${copy} + 4; mw.b ${at} ${next} 1; setexpr block ${copy} - ${base}; setexpr block ${block} / 200; setexpr block ${block} + 800; ${disk} write ${copy} ${block} 20'

setenv start 'if test ${nerves_fw_active} = a; then setenv part 2; else setenv part 3; fi; echo "boot: slot ${nerves_fw_active}, start ${bootcount}, upgrade_available ${upgrade_available}"; setenv bootargs "root=${partition}${part} fwssh.slot=${nerves_fw_active} ${options}"; load ${disk} ${unit}:${part} ${kernel_addr_r} ${kernel} && run load_tree && run boot_kernel'
setenv fall_back 'setenv fwssh_revert_reason "slot ${nerves_fw_active} ${why}"; echo "boot: ${fwssh_revert_reason}"; if test ${nerves_fw_active} = a; then setenv nerves_fw_active b; else setenv nerves_fw_active a; fi; setenv upgrade_available 0; setenv bootcount 0; setenv nerves_fw_validated 1; run save'

${disk} read ${base} 800 220
setenv copy ${copy_a}; run check; setenv good_a ${good}; setenv counter_a ${counter}
setenv copy ${copy_b}; run check; setenv good_b ${good}; setenv counter_b ${counter}

# The newer copy is the one whose counter is ahead by less than half of its range.
setexpr ahead 100 + ${counter_b}
setexpr ahead ${ahead} - ${counter_a}
setexpr ahead ${ahead} % 100
setenv new ${copy_a}; setenv old ${copy_b}; setenv counter ${counter_a}
if test ${good_b} = 1; then
    if test ${good_a} = 0 || test 0x${ahead} -gt 0 -a 0x${ahead} -lt 0x80; then
        setenv new ${copy_b}; setenv old ${copy_a}; setenv counter ${counter_b}
    fi
fi
setexpr next ${counter} + 1
setexpr next ${next} % 100

setenv nerves_fw_active a
setenv upgrade_available 0
setenv bootcount 0
setenv bootlimit 2
if test ${good_a}${good_b} = 00; then
    echo "boot: neither copy of the environment is good"
else
    setexpr data ${new} + 5
    env import -b ${data} ${data_size} ${state}
    env import -b ${data} ${data_size} ${texts}
fi
if test "${nerves_fw_active}" != b; then setenv nerves_fw_active a; fi

if test "${upgrade_available}" = 1; then
    setexpr bootcount ${bootcount} + 1
    if test 0x${bootcount} -gt 0x${bootlimit}; then
        setenv why "was not confirmed in ${bootlimit} starts"
        run fall_back
    else
        run save
    fi
fi
run start
setenv why "could not be loaded"
run fall_back
run start
echo "boot: neither slot can be loaded"
reset
