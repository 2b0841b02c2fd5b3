# SPDX-License-Identifier: GPL-2.0-only
# arm64 with VHE (the kernel runs at EL2) and a GICv3, emulated by QEMU TCG.

from virt_arm64 import Virt

HOST = Virt(cpu="neoverse-n1", gic=3)
