# SPDX-License-Identifier: GPL-2.0-only
# The rows of the matrix, as data: what `make check` and `make matrix` run, on which host and
# kernel, how long it takes.

from dataclasses import dataclass, replace

FAST, CHECK, FULL = 0, 1, 2  # in make check-fast and all below; in make check; only in make matrix

# The suites that give `smp` to the host, and its emulator a thread for each; a guest's are in one.
SPREAD = ("conformance", "reload", "memory", "stress", "cost")


@dataclass(frozen=True)
class Row:
    """name is what ROW= selects; suite names a function of suites.py or suites_guest.py,
    called with `args`."""

    name: str
    level: int
    expect: int  # seconds, on an idle machine with two cores
    suite: str
    args: dict

    @property
    def processors(self):
        """How many it keeps busy: an emulator has a thread per processor of its host, except
        where they take turns. Builds are busy with one thing half of the time."""
        if self.suite == "fuzz":
            return 2
        spread = self.suite in SPREAD and not self.args.get("in_turn")
        return self.args.get("smp", 1) if spread else 1


def row(name, level, expect, suite, **args):
    return Row(name, level, expect, suite, args)


# Where the suites run: host, kernel, level of its rows with berth, and of those with the
# kernel's own KVM.
HOSTS = [("x86-svm", "6.1", CHECK, FULL), ("x86-svm", "6.12", CHECK, FULL)]

# The arm64 hosts: the first two with all rows, at FULL but for a few; the others, and what guests
# of QEMU have there, in less of them.
ARM64_HOSTS = [
    (host, rel) for host in ("arm64-vhe", "arm64-nvhe") for rel in ("6.1", "6.12")
]
ARM64_OTHERS = [
    (host, rel)
    for host in ("arm64-vhe-gicv2", "arm64-nvhe-gicv2", "arm64-max", "arm64-max-nvhe")
    for rel in ("6.1", "6.12")
]
ARM64_CHECK = ("conformance-arm64-vhe-6.1", "vmm-arm64-nvhe-6.12")
# On s390 6.12's own KVM has a fault: s390().
BENCH_HOSTS = [*((host, rel) for host, rel, _, _ in HOSTS), *ARM64_HOSTS, ("s390-sie", "6.1")]

# Bochs has what QEMU's AMD-V has not; with each feature off, Berth does there what it does on QEMU.
BOCHS_WITHOUT = ("svm_nrips", "svm_flush_by_asid", "svm_pause_filter", "svm_lbrv")

# tests/memory: what of it ends soon, and what does not; a 1 GB page needs a machine with room for it.
MEMORY = ("thp*", "*2m*", "small*", "hole*", "partial*", "collapse*", "mprotect*", "ksm*", "*swap*")
STRESS = ("counts*", "discarded*", "disjoint*", "same*", "slots*", "deleted*")
LIFETIME = ("thousand*", "killed*", "open*")
GIGABYTE = dict(memory=3072, append="hugepagesz=1G hugepages=1")

# QEMU's release, machine, kernel-irqchip= and processor model: each word with each release.
# (microvm with "on" hangs on the kernel's own KVM, too: its second I/O APIC is nobody's then.)
MACHINES = [
    ("7.2", "pc", "on", "host"),
    ("7.2", "q35", "split", "max"),
    ("7.2", "microvm", "split", "host"),
    ("10.0", "q35", "on", "host"),
    ("10.0", "pc", "split", "max"),
    ("10.0", "microvm", "split", "host"),
]

# How a guest is migrated, by which QEMU; and what follows -accel kvm.
DIRTY_RING = ",dirty-ring-size=4096"
MIGRATIONS = [
    ("disk", "7.2", ""),
    ("disk", "10.0", ""),
    ("file", "7.2", DIRTY_RING),
    ("file", "10.0", ""),
    ("live", "7.2", ""),
    ("live", "7.2", DIRTY_RING),
    ("live", "10.0", ""),
    ("live", "10.0", DIRTY_RING),
]

# CPU models that Berth must refuse, and a word of what it says then.
REFUSED = {"nosvm": ("qemu64,-svm", "no AMD-V"), "nonpt": ("max,+svm,-npt", "no nested paging")}

# The kernel with lockdep, KASAN and kmemleak: some ten times slower, and built here at first.
DEBUG_HOSTS = [("x86-svm", "6.1-debug")]


def rows():
    yield row("laws", FAST, 1, "laws")
    yield row("ci", FAST, 1, "own")
    yield row("unit", FAST, 40, "unit")
    # sparse looks at each backend once, and at the core with both kernels' headers.
    for arch, sparse in (
        ("arm64", {"6.1": "backend"}),
        ("s390", {"6.1": "backend"}),
        ("x86", {"6.12": "all"}),
    ):
        for rel in "6.1", "6.12":
            yield row(
                f"module-{arch}-{rel}", FAST, 20 if rel in sparse else 8, "module",
                arch=arch, rel=rel, sparse=sparse.get(rel),
            )
    # The core again: what only the toy machine could show is not worth waiting for.
    for rel, sparse in ("6.1", "all"), ("6.12", None):
        yield row(
            f"module-fake-{rel}", CHECK, 12, "module",
            arch="x86", rel=rel, sparse=sparse, backend="fake",
        )
    yield row("fuzz", CHECK, 200, "fuzz", seconds=60)
    yield row("mutations", FULL, 120, "mutations")
    for host, rel, level, reference in HOSTS:
        yield from emulated(f"{host}-{rel}", level, hypervisor="berth", host=host, rel=rel)
        yield from emulated(f"{host}-{rel}-kvm", reference, hypervisor="kvm", host=host, rel=rel)
    for host, rel, _, _ in HOSTS:
        yield from machines(f"{host}-{rel}", hypervisor="berth", host=host, rel=rel)
    for host, rel, _, _ in HOSTS:
        yield from migrations(f"{host}-{rel}", hypervisor="berth", host=host, rel=rel)
        yield from migrations(f"{host}-{rel}-kvm", hypervisor="kvm", host=host, rel=rel)
        yield from loads(f"{host}-{rel}", hypervisor="berth", host=host, rel=rel)
        yield from loads(f"{host}-{rel}-kvm", hypervisor="kvm", host=host, rel=rel)
    for host, rel, _, _ in HOSTS:
        yield row(f"load-{host}-{rel}", FULL, 60, "load", host=host, rel=rel)
        for name, (cpu, says) in REFUSED.items():
            yield row(
                f"load-{name}-{host}-{rel}", FULL, 12, "load", host=host, rel=rel,
                cpu=cpu, mode="refuse", says=says,
            )
    yield from bochs("x86-svm-bochs", "6.1")
    # Without the features that a guest may not have, its XCR0 may be the host's.
    yield row(
        "conformance-xcr0-x86-svm-6.1", FULL, 12, "conformance", hypervisor="berth",
        host="x86-svm", rel="6.1", cpu="max,+svm,+npt,-pku,-mpx", tests=("*xcr*", "*xsetbv*"),
    )
    for host, rel, _, _ in HOSTS:
        for hypervisor, end in (("berth", ""), ("kvm", "-kvm")):
            yield row(
                f"kselftests-{host}-{rel}{end}", FULL, 700, "kselftests", host=host, rel=rel,
                hypervisor=hypervisor,
            )
    yield from arm64()
    yield from s390()
    for host, rel in DEBUG_HOSTS:
        yield from debug(f"{host}-{rel}", hypervisor="berth", host=host, rel=rel)
    yield from toy("x86-fake")


def emulated(at, level, **where):
    """The rows of one host, kernel and hypervisor. One processor and the older guest come first."""
    yield row(f"conformance-{at}", level, 30, "conformance", **where)
    yield row(f"guest-{at}", level, 20, "guest", guest="6.1", **where)
    # The kernel's own KVM patches the scheduler for each VM: see suites.load().
    if where["hypervisor"] == "berth":
        yield row(f"conformance-smp2-{at}", FULL, 60, "conformance", smp=2, **where)
    yield row(f"guest-6.12-{at}", FULL, 20, "guest", guest="6.12", **where)
    yield row(f"vmm-{at}", level, 25, "guest", guest="6.1", vmm="berth", smp=2, **where)
    yield row(f"vmm-6.12-{at}", FULL, 25, "guest", guest="6.12", vmm="berth", smp=2, **where)
    where["smp"] = 1 if where["hypervisor"] == "kvm" else 2
    # In turn: QEMU's threads may run an int3 that is no longer there (suites.load()).
    yield row(f"memory-{at}", level, 25, "memory", tests=MEMORY, in_turn=True, **where)
    yield row(f"memory-1g-{at}", FULL, 20, "memory", tests=("*1g*",), **GIGABYTE, **where)
    yield row(f"memory-stress-{at}", FULL, 90, "memory", tests=STRESS, **where)
    yield row(f"memory-lifetime-{at}", FULL, 60, "memory", tests=LIFETIME, **where)


def arm64():
    """The rows of the arm64 hosts."""
    for host, rel in [*ARM64_HOSTS, *ARM64_OTHERS]:
        for hypervisor, end in (("berth", ""), ("kvm", "-kvm")):
            at, where = f"{host}-{rel}{end}", dict(host=host, rel=rel, hypervisor=hypervisor)
            # No statistic of the kernel's own KVM tells of 1 GB pages here.
            others = ("guest", "memory-1g") if hypervisor == "kvm" else ("guest",)
            some = [r for r in emulated(at, FULL, **where) if not r.name.startswith(others)]
            for r in some if (host, rel) in ARM64_HOSTS else [some[0]]:
                yield replace(r, level=CHECK) if r.name in ARM64_CHECK else r
            yield from arm64_guests(at, **where)
            if (host, rel) in ARM64_HOSTS:
                yield from migrations(at, **where)
            # One mode's are enough: the other differs in the switch, which all the rest is about, too.
            if host == "arm64-vhe":
                yield row(
                    f"kselftests-{at}", FULL, 700, "kselftests", host=host, rel=rel,
                    hypervisor=hypervisor,
                )
    for host, rel in ARM64_HOSTS:
        at = f"{host}-{rel}"
        yield row(f"load-{at}", FULL, 60, "load", host=host, rel=rel)
        yield row(
            f"load-beside-kvm-{at}", FULL, 12, "load", host=host, rel=rel, hypervisor="kvm",
            mode="busy", says="kvm-arm.mode=none",
        )
        yield row(f"reload-smp2-{at}", FULL, 60, "reload", host=host, rel=rel, hypervisor="berth", smp=2)
        yield row(f"power-{at}", FULL, 150, "power", host=host, rel=rel, hypervisor="berth")
        yield row(f"kexec-{at}", FULL, 40, "kexec", host=host, rel=rel)
        # Where GIC and timers are, ACPI tells in another way than a device tree.
        yield row(
            f"conformance-{host}-acpi-{rel}", FULL, 60, "conformance", host=f"{host}-acpi",
            rel=rel, hypervisor="berth",
        )
        if rel == "6.1":
            # Three VMIDs, so that VMs in turn get others all the time.
            yield row(
                f"conformance-vmids-{at}", FULL, 30, "conformance", hypervisor="berth", host=host,
                rel=rel, options="vmid_bits=2",
            )
        yield row(
            f"naps-{at}", FULL, 30, "naps", host=f"{host}-naps", rel=rel, hypervisor="berth",
            tests=("*vcpu*", "*timer*", "interrupt_*", "*wfi*", "*psci*", "*gic*"),
        )
    yield row(
        "qemu-10.0-virt-acpi-6.1-arm64-vhe-6.12", FULL, 90, "guest", host="arm64-vhe", rel="6.12",
        hypervisor="berth", guest="6.1", qemu="10.0", smp=2, firmware=True,
        machine=("virt,gic-version=host", "on", "host"),
    )
    for rel in ("6.1", "6.12"):
        yield row(
            f"load-arm64-no-el2-{rel}", FULL, 12, "load", host="arm64-no-el2", rel=rel,
            mode="refuse", says="EL2",
        )


def s390():
    """The rows of the s390 hosts. On 6.12 the kernel's own KVM has a fault that spoils most tests
    there: docs/limits.md."""
    for rel in ("6.1", "6.12"):
        at, where = f"s390-sie-{rel}", dict(host="s390-sie", rel=rel, hypervisor="berth")
        yield row(f"conformance-{at}", FULL, 120, "conformance", **where)
        yield row(f"conformance-smp2-{at}", FULL, 150, "conformance", smp=2, **where)
        for guest in ("6.1", "6.12"):
            name = "vmm" if guest == "6.1" else f"vmm-{guest}"
            yield row(f"{name}-{at}", FULL, 240, "guest", guest=guest, vmm="berth", smp=2, **where)
        yield row(f"qemu-7.2-{at}", FULL, 150, "guest", guest="6.1", smp=2, **where)
        # There are no large mappings (docs/limits.md).
        for name, tests in (
            ("memory", ("small*", "ksm*", "*swap*")),
            ("memory-stress", STRESS),
            ("memory-lifetime", LIFETIME),
        ):
            yield row(f"{name}-{at}", FULL, 200, "memory", smp=2, tests=tests, **where)
        yield row(f"load-{at}", FULL, 200, "load", host="s390-sie", rel=rel)
        yield row(f"reload-smp2-{at}", FULL, 300, "reload", smp=2, **where)
        yield row(
            f"load-s390-tcg-{rel}", FULL, 20, "load", host="s390-tcg", rel=rel, mode="refuse",
            says="SIE",
        )
    where = dict(host="s390-sie", rel="6.1", hypervisor="kvm")
    yield row("conformance-s390-sie-6.1-kvm", FULL, 120, "conformance", **where)
    for rel in ("6.1", "6.12"):
        for hypervisor, end in (("berth", ""), ("kvm", "-kvm")):
            yield row(
                f"kselftests-s390-sie-{rel}{end}", FULL, 900, "kselftests", host="s390-sie",
                rel=rel, hypervisor=hypervisor,
            )


def arm64_guests(at, **where):
    """Both of QEMU's releases, both guests, two processors; disk and network on PCI, with MSIs
    through the ITS where there is one."""
    for qemu in ("7.2", "10.0"):
        for guest in ("6.1", "6.12"):
            yield row(
                f"qemu-{qemu}-virt-{guest}-{at}", FULL, 40, "guest", guest=guest, qemu=qemu,
                machine=("virt,gic-version=host", "on", "host"), smp=2, **where,
            )


def machines(at, **where):
    """QEMU's machines with the interrupt controllers in the kernel, two processors, both guests."""
    for qemu, name, irqchip, cpu in MACHINES:
        for guest in ("6.1", "6.12"):
            yield row(
                f"qemu-{qemu}-{name}-{irqchip}-{cpu}-{guest}-{at}", FULL, 30, "guest",
                guest=guest, qemu=qemu, machine=(name, irqchip, cpu), smp=2, **where,
            )


def migrations(at, **where):
    """A guest that is saved, restored and migrated, on one processor: with two the emulator now and
    then delivers an interrupt twice, which a guest does not survive (docs/limits.md)."""
    for mode, qemu, accel in MIGRATIONS:
        name = f"{mode}-ring" if accel else mode
        yield row(
            f"migrate-{name}-{qemu}-{at}", FULL, 60, "migration", mode=mode, qemu_release=qemu,
            accel=accel, **where,
        )


def loads(at, **where):
    """What guests take of the host: one that is idle, one that spins, one with many processors."""
    smp = 1 if where["hypervisor"] == "kvm" else 2
    for vmm in ("berth", "qemu"):
        yield row(
            f"idle-{vmm}-{at}", FULL, 180, "cost", mode="idle", vmm=vmm, exact=True, **where
        )
    yield row(f"share-{at}", FULL, 90, "cost", mode="share", smp=smp, **where)
    yield row(f"smp64-{at}", FULL, 120, "many", smp=1, **where)
    if smp > 1:
        # In turn: QEMU's threads get in each other's way here (docs/limits.md).
        yield row(f"smp64-on-2-{at}", FULL, 100, "many", smp=smp, in_turn=True, **where)


def bochs(host, rel):
    """The conformance suite, less what the emulator cannot run, with and without AMD-V's options."""
    where = dict(host=host, rel=rel)
    at = f"{host}-{rel}"
    yield row(f"conformance-{at}", FULL, 60, "conformance", hypervisor="berth", **where)
    yield row(f"conformance-{at}-kvm", FULL, 80, "conformance", hypervisor="kvm", **where)
    for option in BOCHS_WITHOUT:
        yield row(
            f"conformance-no-{option.removeprefix('svm_').replace('_', '-')}-{at}", FULL, 60,
            "conformance", hypervisor="berth", options=f"{option}=0", **where,
        )


def debug(at, **where):
    """The rows of a debug kernel; the kernel's log and its list of leaks are what they are for."""
    for name, smp in (("", 1), ("smp2-", 2)):
        yield row(f"conformance-{name}{at}", FULL, 300, "conformance", smp=smp, **where)
        yield row(f"reload-{name}{at}", FULL, 400 * smp, "reload", smp=smp, timeout=1800, **where)
    yield row(f"guest-{at}", FULL, 100, "guest", guest="6.1", **where)
    yield row(f"vmm-{at}", FULL, 100, "guest", guest="6.1", vmm="berth", smp=2, **where)
    yield row(f"stress-{at}", FULL, 1900, "stress", seconds=1800, smp=2, **where)


def toy(host):
    """The core's module with the toy machine, on a machine without any extension."""
    for rel in ("6.1", "6.12", "6.1-debug"):
        slow = rel.endswith("-debug")
        yield row(
            f"conformance-{host}-{rel}", FULL if slow else CHECK, 200 if slow else 20,
            "conformance", hypervisor="berth", host=host, rel=rel, smp=2 if slow else 1,
        )
    yield row(
        f"stress-{host}-6.1-debug", FULL, 200, "stress", hypervisor="berth", host=host,
        rel="6.1-debug", seconds=120, smp=2,
    )
