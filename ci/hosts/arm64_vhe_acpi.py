# SPDX-License-Identifier: GPL-2.0-only
# arm64 with VHE and with a GICv3, described by ACPI and not by a device tree, emulated by QEMU TCG.

from virt_arm64 import Virt

HOST = Virt(cpu="neoverse-n1", gic=3, firmware=True)
