# SPDX-License-Identifier: GPL-2.0-only
# arm64 with all that QEMU has (VHE, SVE, pointer authentication) and a GICv3, emulated by QEMU TCG.

from virt_arm64 import Virt

HOST = Virt(cpu="max,pauth-impdef=on", gic=3)
