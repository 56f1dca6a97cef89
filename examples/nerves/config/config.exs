# SPDX-License-Identifier: Apache-2.0
import Config

# Nothing here: the device's project has config :nerves_firmware_ssh, as for the package of that name (README.md).
