# SPDX-License-Identifier: GPL-2.0-only
# arm64 without EL2, where every hypervisor must refuse to load.

from virt_arm64 import Virt

HOST = Virt(cpu="neoverse-n1", gic=3, el2=False)
