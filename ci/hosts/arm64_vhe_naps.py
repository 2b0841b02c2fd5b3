# SPDX-License-Identifier: GPL-2.0-only
# arm64 with VHE and with a GICv2, whose two idle CPUs may lose their registers, emulated by QEMU TCG.

from virt_arm64 import Virt

HOST = Virt(cpu="neoverse-n1", gic=2, naps=True)
