# SPDX-License-Identifier: GPL-2.0-only
# arm64 without VHE (the kernel runs at EL1) and a GICv3, emulated by QEMU TCG.

from virt_arm64 import Virt

HOST = Virt(cpu="cortex-a57", gic=3)
