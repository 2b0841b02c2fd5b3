# SPDX-License-Identifier: GPL-2.0-only
# arm64 with all that QEMU has, but a kernel that stays at EL1 (nVHE): SVE and RAS without VHE.

from virt_arm64 import Virt

HOST = Virt(cpu="max,pauth-impdef=on", gic=3, append="id_aa64mmfr1.vh=0")
