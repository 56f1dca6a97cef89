# SPDX-License-Identifier: Apache-2.0
# What examples/slots/boot.cmd has for a board, for the virtual device.
setenv disk nvme
setenv unit 0
setenv partition /dev/nvme0n1p
setenv base 48000000
setenv kernel /boot/Image
setenv options 'console=ttyAMA0 quiet panic=-1 ro rootwait init=/init'
setenv tree_at ${fdt_addr}
setenv load_tree true
setenv boot_kernel 'booti ${kernel_addr_r} - ${tree_at}'
