#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: Apache-2.0

# Copyright: (c) 2026, the authors of fwssh
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
---
module: push
short_description: Bring a device to a firmware
description:
  - Asks the device what it runs and, unless that is this firmware, pushes it with C(fwssh push), waits until the device
    runs it, and until that is confirmed.
  - A device that runs it already, but on trial, is confirmed with C(confirm), and else has failed (status 9), unless
    nothing is to be waited for.
  - It runs on the controller, whatever the connection of the host is. The device needs neither Python nor a shell.
version_added: 0.1.0
author:
  - the authors of fwssh (@fwssh)
options:
  firmware:
    description: The firmware, a file on the controller.
    type: path
    required: true
  host:
    description: The device, as C(ssh) takes it. The default is C(ansible_host), else the name in the inventory.
    type: str
  port:
    description:
      - The port of the device. The default is the variable C(fwssh_port), else what C(fwssh) takes.
      - C(ansible_port) is not used, because it is that of another SSH server on most devices.
    type: int
  user:
    description: The user. The default is C(ansible_user); fwsshd takes any.
    type: str
  private_key:
    description: The private key. The default is C(ansible_ssh_private_key_file), else what C(ssh) takes.
    type: path
  ssh_options:
    description: Passed to C(ssh), each as C(-o).
    type: list
    elements: str
    default: []
  wait:
    description: Seconds to wait until the device is back and has confirmed the firmware. 0 does not wait.
    type: int
    default: 300
  confirm:
    description: Confirm the firmware from here when the device is back.
    type: bool
    default: false
  reboot:
    description: Reboot into the firmware. If not, nothing is waited for.
    type: bool
    default: true
  force:
    description: Push also if the device runs this firmware already.
    type: bool
    default: false
  timeout:
    description: Give up on the device after this many seconds. The default is no limit beyond those of C(fwssh) itself.
    type: int
  executable:
    description: The program C(fwssh).
    type: path
    default: fwssh
attributes:
  check_mode:
    support: full
    description: Asks the device what it runs, and sends nothing.
  diff_mode:
    support: full
    description: Version and UUID before and after.
notes:
  - The host keys of the devices must be known, and the private key must be in an agent or without a passphrase, because
    nobody could answer questions.
"""

EXAMPLES = r"""
- name: Roll out
  hosts: pumps
  gather_facts: false
  serial: [1, 10, "25%"]
  max_fail_percentage: 0
  tasks:
    - name: Version 2
      fwssh.fwssh.push:
        firmware: images/pump-2.0.fw
        confirm: true

- name: Write now, and boot it later
  fwssh.fwssh.push:
    firmware: images/pump-2.0.fw
    reboot: false
"""

RETURN = r"""
status:
  description: Exit status of C(fwssh), 0 to 9; its manual has their meanings.
  returned: always
  type: int
  sample: 0
msg:
  description: What happened, or why it failed, in a line.
  returned: always
  type: str
  sample: "Done: the device runs the new firmware (slot b, version 2.0), and it is confirmed."
before:
  description: What the device said of itself before, by the names of C(fwssh status).
  returned: when it answered
  type: dict
  sample: {"active": "a", "version": "1.0"}
after:
  description: The same afterwards.
  returned: when it runs this firmware
  type: dict
  sample: {"active": "b", "version": "2.0"}
transfer:
  description: What was sent, in bytes, as the event C(transfer) of C(fwssh push --json).
  returned: when the device put the firmware together from what it held
  type: dict
events:
  description: All that C(fwssh push --json) printed.
  returned: when the push failed
  type: list
  elements: dict
"""
