#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Puts two outputs of the benchmark side by side: compare.py [--markdown] [--check] BERTH KVM

Each file holds "BENCH name value unit" lines, other lines are passed over. Prints one table with the ratio of the two and
the limit that the ratio must keep; --check makes the exit status 1 when a limit is not kept or a figure is missing.
"""
import argparse
import sys

# name: (what it is, highest ratio allowed or None)
ROWS = {
    "cpuid": ("CPUID, handled in kernel", 0.5),
    "hypercall": ("hypercall, handled in kernel", 0.5),
    "rdmsr": ("RDMSR APIC_BASE", 0.5),
    "sysreg": ("system register, trapped (ACTLR_EL1)", 0.6),
    "prefix": ("STORE PREFIX, handled in kernel", 1.0),
    "sigp": ("SIGNAL PROCESSOR (sense oneself), handled in kernel", 1.0),
    "diagnose": ("DIAGNOSE → user → back", 1.0),
    "pio_out": ("port out → user → back", 0.7),
    "pio_in": ("port in → user → back", 0.7),
    "mmio_store": ("MMIO store → user → back", 0.7),
    "mmio_load": ("MMIO load → user → back", 0.7),
    "apic_eoi": ("local APIC: EOI, a store", 1.0),
    "gic_register": ("GIC register in kernel, a load", 0.6),
    "ack": ("IPI to oneself, acknowledged and completed", 0.6),
    "self_ipi": ("self-IPI, delivered, EOI", 1.0),
    "self_ipi_msr": ("self-IPI in x2APIC mode, delivered, EOI", 1.0),
    "deadline_arm": ("TSC deadline armed", 1.0),
    "deadline_passed": ("timer deadline that has passed, delivered, EOI", 1.0),
    "deadline_late": ("timer deadline, halted till then: how late", 1.0),
    "ipi_answered": ("IPI to a halted vCPU, which answers with one", 1.0),
    "irqfd": ("irqfd signalled, delivered when the vCPU runs, EOI", 1.0),
    "irqfd_halted": ("irqfd signalled to a halted vCPU, until its ioeventfd", 1.0),
    "ioeventfd": ("store to an ioeventfd", 1.0),
    "fault_4k": ("fault on a 4K page, host page present", 0.9),
    "slot_change_1": ("slot added and deleted, 1 present", None),
    "slot_change_1000": ("slot added and deleted, 1,000 present", None),
    "memory_vm": ("memory per VM", 1.0),
    "memory_vcpu": ("memory per vCPU", 1.0),
    "boot_berth_6.1_clock": ("guest of 2 vCPUs, Linux 6.1, under berth: boots, powers off", 1.0),
    "boot_berth_6.1_cpu": ("the same, CPU time", 1.0),
}
# Where an architecture has another limit.
LIMITS = {
    "arm64": {
        "hypercall": 0.6, "mmio_store": 0.75, "mmio_load": 0.75, "self_ipi": 0.6,
        "deadline_passed": 0.6,
    },
    "s390": {"hypercall": 1.0, "fault_4k": None},  # KVM's guests share tables with their process
}


def read(path):
    """The BENCH lines of a file, {name: (value, unit)}, and its architecture."""
    found, arch = {}, ""
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            words = line.split()
            if words[:2] == ["#", "architecture"]:
                arch = words[2]
            if len(words) == 4 and words[0] == "BENCH":
                found[words[1]] = (float(words[2]), words[3])
    if not found:
        sys.exit(f"{path}: no BENCH lines")
    return found, arch


def rows(berth, kvm, arch):
    """(what, unit, berth, kvm, ratio, limit, verdict) of each figure; verdict is ok, over, missing or empty."""
    names = [n for n in ROWS if n in berth or n in kvm]
    names += [n for n in sorted({*berth, *kvm}) if n not in ROWS]
    for name in names:
        what, limit = ROWS.get(name, (name, None))
        limit = LIMITS.get(arch, {}).get(name, limit)
        ours, theirs = berth.get(name), kvm.get(name)
        unit = (ours or theirs)[1]
        if not ours or not theirs:
            yield what, unit, ours, theirs, None, limit, "missing"
            continue
        ratio = ours[0] / theirs[0] if theirs[0] else float("inf")
        verdict = "" if limit is None else "ok" if ratio <= limit else "over"
        yield what, unit, ours, theirs, ratio, limit, verdict


def cells(row):
    what, unit, ours, theirs, ratio, limit, verdict = row
    number = lambda pair: f"{pair[0]:,.0f}" if pair else "–"
    return [what, unit, number(ours), number(theirs), f"{ratio:.2f}" if ratio is not None else "–",
            f"{limit:g}" if limit is not None else "–", verdict]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--markdown", action="store_true", help="a Markdown table instead of text")
    parser.add_argument("--check", action="store_true", help="exit status 1 when a limit is not kept")
    parser.add_argument("berth", help="output of the benchmark on Berth")
    parser.add_argument("kvm", help="output of the benchmark on the kernel's own KVM in the same host")
    args = parser.parse_args()

    (berth, arch), (kvm, _) = read(args.berth), read(args.kvm)
    table = list(rows(berth, kvm, arch))
    lines = [["", "unit", "Berth", "KVM", "ratio", "limit", ""]] + [cells(row) for row in table]
    if args.markdown:
        for i, line in enumerate(lines):
            print("| " + " | ".join(line) + " |")
            if not i:
                print("|---|---|--:|--:|--:|--:|---|")
    else:
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        for line in lines:
            print("  ".join(c.ljust(w) if i in (0, 1, 6) else c.rjust(w)
                            for i, (c, w) in enumerate(zip(line, widths))).rstrip())
    return 1 if args.check and any(row[-1] in ("over", "missing") for row in table) else 0


if __name__ == "__main__":
    sys.exit(main())
