# SPDX-License-Identifier: GPL-2.0-only
# arm64 with VHE and a GICv2, emulated by QEMU TCG.

from virt_arm64 import Virt

HOST = Virt(cpu="neoverse-n1", gic=2)
