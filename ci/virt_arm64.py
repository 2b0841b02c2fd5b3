# SPDX-License-Identifier: GPL-2.0-only
# QEMU's arm64 machine `virt` with EL2 (Debian's qemu-system-arm), of which each of hosts/arm64_*.py
# is one: a processor, with or without the virtualization host extensions (VHE), and a GIC.

import roots
from paths import run

# A state for idle CPUs, entered by the firmware's CPU_SUSPEND. QEMU's waits for an interrupt and comes
# back, but the kernel tells who has registers there that the power may go (CPU PM notifiers). A GICv3 it
# puts to sleep before, which wakes CPUs by signals that QEMU has not: this is for a GICv2.
IDLE_STATES = """
/ {
	cpus {
		idle-states {
			entry-method = "psci";
			nap: nap {
				compatible = "arm,idle-state";
				arm,psci-suspend-param = <1>;
				entry-latency-us = <1>;
				exit-latency-us = <1>;
				min-residency-us = <2>;
			};
		};
		cpu@0 { cpu-idle-states = <&nap>; };
		cpu@1 { cpu-idle-states = <&nap>; };
	};
};
"""


class Virt:
    """A host description, as README.md has it: the names that other hosts have in their module.

    cpu: QEMU's model; gic: the version of its interrupt controller; el2: whether it has what is to be
    tested; firmware: it begins with UEFI, from which the kernel takes ACPI for the device tree; append:
    more of the kernel's command line; naps: its two CPUs have an idle state beside waiting."""

    ARCH = "arm64"
    PROGRAM = "qemu-system-aarch64"
    KERNELS = ("6.1", "6.12")
    REFERENCE = ()  # the kernel's own KVM is no module there
    SETUP = ("virtio_pci", "virtio_blk")
    CONSOLE, RESULTS, DISK = "ttyAMA0", "ttyS0", "vda"
    POWERS_OFF = True
    ZRAM = {"6.12": ("zram",)}  # and its compression, where that is not lzo-rle
    SKIPS = "arm64"  # one list for all of them
    EXACT = "one instruction is one nanosecond of guest time and one tick of the counter"

    def __init__(self, cpu, gic, el2=True, firmware=False, append="", naps=False):
        self.cpu, self.firmware, self.more, self.naps = cpu, firmware, append, naps
        self.BOOT_SECONDS = 40 if firmware else 12
        self.TAGS = (f"gicv{gic}", cpu.split(",")[0])
        self.options = f",virtualization={'on' if el2 else 'off'},gic-version={gic}"

    def append(self, spec):
        """The host kernel's command line."""
        line = f"console={self.CONSOLE},115200 loglevel=5 panic=-1 oops=panic"
        if spec.hypervisor != "kvm":
            # Built in, it would hold EL2, the interrupts and /dev/kvm.
            line += " kvm-arm.mode=none"
        if self.firmware:
            line += " acpi=force"
        if self.more:
            line += f" {self.more}"
        if spec.exact:
            # Without entropy, which there is none of, the offset costs 9,000 instructions for each
            # system call.
            line += " nokaslr mitigations=off cryptomgr.notests randomize_kstack_offset=off"
        return line

    def _tree(self, spec, machine):
        """The machine's device tree, which QEMU writes, with idle states."""
        dtb, text = spec.dir / "dtb", spec.dir / "dts"
        run([self.PROGRAM, *machine[:-1], f"{machine[-1]},dumpdtb={dtb}", "-display", "none"])
        text.write_text(run(["dtc", "-q", "-I", "dtb", "-O", "dts", dtb]) + IDLE_STATES)
        run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", dtb, text])
        return str(dtb)

    def argv(self, spec):
        """The emulator's command; see machine.Spec."""
        thread = "multi" if spec.smp > 1 and not spec.exact and not spec.in_turn else "single"
        cpu, options, clock = spec.cpu or self.cpu, self.options, ""
        if spec.exact:
            cpu += ",cntfrq=1000000000"
            options += ",dtb-randomness=off"
            clock = "-icount shift=0,sleep=off -rtc base=2026-01-01,clock=vm -seed 1"
        machine = [
            *f"-cpu {cpu} {clock} -m {spec.memory} -smp {spec.smp}".split(),
            *f"-accel tcg,thread={thread} -M virt{options}".split(),
        ]
        if self.naps:
            machine += ["-dtb", self._tree(spec, machine)]
        return [
            *(self.PROGRAM, *machine),
            *"-nodefaults -no-user-config -no-reboot -display none".split(),
            *("-chardev", f"socket,id=console,path={spec.console}", "-serial", "chardev:console"),
            *("-chardev", f"socket,id=results,path={spec.results}"),
            *("-device", "pci-serial,chardev=results"),
            *(("-bios", str(roots.firmware())) if self.firmware else ()),
            *(("-drive", f"file={spec.disk},if=none,id=disk,format=raw,snapshot=on",
               "-device", "virtio-blk-pci,drive=disk") if spec.disk else ()),
            *(("-drive", f"file={spec.blank},if=none,id=blank,format=raw,snapshot=on",
               "-device", "virtio-blk-pci,drive=blank") if spec.blank else ()),
            *("-kernel", str(spec.kernel), "-initrd", str(spec.initrd), "-append", spec.append),
        ]
