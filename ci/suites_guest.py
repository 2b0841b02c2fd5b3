# SPDX-License-Identifier: GPL-2.0-only
# Suites about whole guests: saved, restored and migrated, idle, short of CPU time, with many
# processors. What runs in the host is a script of tests/guest that writes KTAP.

import os
import shlex
import struct
import tempfile
from pathlib import Path

import guests
import image
import kernels
import ktap
import session
from paths import TOP
from suites import TIMEOUT, host_cases, in_host, judge_skips, test_program

HERE = TOP / "tests/guest"
PROGRAMS = ("qmp", "cputime", "churn")  # for every script


def empty_qcow2(path, megabytes):
    """A qcow2 image without data, for snapshots. (docs/interop/qcow2.txt of QEMU: a header, the
    table of reference counts, one block of them, the first-level table; a cluster each.)"""
    cluster = 1 << 16
    header = struct.pack(
        ">4sIQIIQIIQQIIQ",
        *(b"QFI\xfb", 2, 0, 0, 16, megabytes << 20, 0, 1 + (megabytes >> 9)),
        *(3 * cluster, cluster, 1, 0, 0),
    )
    parts = header, struct.pack(">Q", 2 * cluster), struct.pack(">4H", 1, 1, 1, 1), b""
    path.write_bytes(b"".join(part.ljust(cluster, b"\0") for part in parts))


def scripted(report, tell, name, command, *, timeout=600, **plan):
    """Runs the tests/guest script `name` in a host, the programs of tests/guest beside it."""
    programs = test_program("guest", session.host(plan["host"]).ARCH)
    plan["add"] = [
        (HERE / name, f"add/{name}"),
        (TOP / "tests/ktap.sh", "add/ktap.sh"),
        *((programs / p, f"add/{p}") for p in PROGRAMS),
        *plan.get("add", ()),
    ]
    result = in_host(
        report,
        session.Plan(
            commands=[shlex.join([f"./{name}", *command])],
            timeout=timeout,
            name=report.row,
            **plan,
        ),
        tell,
    )
    report.raw = "".join(o.decode(errors="replace") for o in result.outputs())
    report.cases += ktap.parse(report.raw)
    host_cases(report, result, expected_status=(1,))
    if not report.cases:
        report.fail("output", f"{name} reported no test")


def qemu(arch, accel, smp, memory=128):
    """QEMU with a guest that has nothing but processors; console and monitor are the caller's."""
    q = guests.QEMU[arch]
    append = f"console={q.console} loglevel=5 panic=-1 {guests.BERTH_APPEND.get(arch, '')}"
    return [
        *(q.program, "-M", q.name, "-accel", accel, "-cpu", "host"),
        *("-m", str(memory), "-smp", str(smp)),
        *"-display none -no-reboot -nodefaults".split(),
        *("-kernel", "/add/guest/vmlinuz", "-initrd", "/add/guest/initrd"),
        *("-append", f"{append} berth.run=/script"),
    ]


def migration(
    report, tell, host, rel, hypervisor, mode, qemu_release="7.2", accel="", guest="6.1", smp=1
):
    """A guest that never stops writing goes on after savevm and loadvm (mode "disk"), out of a
    file ("file"), and after live migrations ("live"). `accel` is more for -accel kvm."""
    arch = session.host(host).ARCH
    programs = test_program("guest", arch)
    with tempfile.TemporaryDirectory(prefix="berth-guest-") as temp:
        files = guests.files(
            arch, guest, Path(temp) / "guest", "exec /churn 8", add=[(programs / "churn", "churn")]
        )
        argv = qemu(arch, f"kvm,kernel-irqchip=on{accel}", 2)
        if mode == "disk":
            empty_qcow2(Path(temp) / "disk.qcow2", 64)
            files.append((Path(temp) / "disk.qcow2", "add/disk.qcow2"))
            argv += ["-drive", "file=/add/disk.qcow2,if=none,id=disk,format=qcow2"]
            argv += ["-device", "virtio-blk-pci,drive=disk"]
        scripted(
            report, tell, "migrate.sh", [mode, *argv],
            host=host, kernel=rel, hypervisor=hypervisor, smp=smp, memory=1536,
            disk=image.qemu_disk(arch, qemu_release), add=files,
        )


def cost(report, tell, host, rel, hypervisor, mode, vmm="berth", guest="6.1", smp=1, exact=False):
    """What a guest costs that is idle (mode "idle"; count instructions for it: an exact host), or
    that spins where the host limits it ("share")."""
    arch = session.host(host).ARCH
    test_program("guest", arch)
    then = {"idle": "sleep 1000", "share": "while :; do :; done"}[mode]
    cpus = {"idle": 2, "share": 1}[mode]
    with tempfile.TemporaryDirectory(prefix="berth-guest-") as temp:
        script = f"echo guest: settled\n{then}"
        files = guests.files(arch, guest, Path(temp) / "guest", script, vmm)
        if vmm == "berth":
            argv = guests.berth_argv(arch, 128, "berth.run=/script", cpus)
        else:
            argv = [*qemu(arch, "kvm", cpus), "-serial", "stdio"]
        scripted(
            report, tell, "cost.sh", [mode, *argv],
            host=host, kernel=rel, hypervisor=hypervisor, smp=smp, exact=exact,
            disk=image.qemu_disk(arch), add=files,
        )


# While the host sleeps, the guest's clock goes on.
SLEEPY = "nowatchdog rcupdate.rcu_cpu_stall_timeout=300"


def power(report, tell, host, rel, hypervisor, guest="6.1", smp=2):
    """A guest goes on while the host's CPUs go and come, and when it has slept and hibernated."""
    arch = session.host(host).ARCH
    programs = test_program("guest", arch)
    with tempfile.TemporaryDirectory(prefix="berth-guest-") as temp:
        files = guests.files(
            arch, guest, Path(temp) / "guest", "exec /churn 4", "berth",
            add=[(programs / "churn", "churn")],
        )
        swap = Path(temp) / "swap"
        swap.touch()
        os.truncate(swap, 640 << 20)
        scripted(
            report, tell, "power.sh",
            guests.berth_argv(arch, 128, f"berth.run=/script {SLEEPY}", 2),
            host=host, kernel=rel, hypervisor=hypervisor, smp=smp,
            disk=image.qemu_disk(arch), blank=swap, add=files,
        )


NAPPED = "cat /sys/devices/system/cpu/cpu[01]/cpuidle/state1/usage"


def naps(report, tell, host, rel, hypervisor, tests):
    """Tests where the kernel says of a CPU that idles that it may lose its registers."""
    plan = session.Plan(
        host=host, kernel=rel, hypervisor=hypervisor, smp=2, timeout=TIMEOUT, name=report.row,
        commands=[NAPPED, f"./conformance {' '.join(map(repr, tests))}", NAPPED],
        add=[(test_program("conformance", session.host(host).ARCH), "add/conformance")],
    )
    result = in_host(report, plan, tell)
    outputs = [o.decode(errors="replace") for o in result.outputs()]
    report.raw = "".join(outputs)
    report.cases += ktap.parse("".join(outputs[1:2]))
    before, after = ([int(n) for n in o.split() if n.isdigit()] for o in (outputs + [""] * 3)[:3:2])
    slept = len(before) == len(after) == 2 and all(b + 100 < a for b, a in zip(before, after))
    report.cases.append(
        ktap.Case(
            "both_cpus_have_napped", ktap.PASS if slept else ktap.FAIL,
            "" if slept else f"expected 100 times more than {before}, seen {after}",
        )
    )
    host_cases(report, result, expected_status=(1,))
    judge_skips(report, "conformance", host, rel, hypervisor, tests=tests)


KEXEC_SCRIPT = """\
./conformance '*' >/dev/null &
sleep 3
exec ./kexec vmlinuz initrd
"""


def kexec(report, tell, host, rel, smp=2):
    """The host starts its kernel anew by kexec, with VMs that run: guests run on that, too. What is
    reported is the second kernel's: there the module loads, and its frames take the first's place."""
    h = session.host(host)
    add = [(test_program("conformance", h.ARCH), "add/conformance")]
    with tempfile.TemporaryDirectory(prefix="berth-kexec-") as temp:
        initrd = Path(temp) / "initrd"
        second = session.Plan(
            host=host, kernel=rel, commands=["./conformance '*vcpu*' 'interrupt_*'"], add=add
        )
        session.prepare(second, Path(temp))
        plan = session.Plan(
            host=host, kernel=rel, commands=[KEXEC_SCRIPT], smp=smp, timeout=TIMEOUT, name=report.row,
            add=[
                *add, (initrd, "add/initrd"), (kernels.image(h.ARCH, rel), "add/vmlinuz"),
                (test_program("guest", h.ARCH) / "kexec", "add/kexec"),
            ],
        )
        result = in_host(report, plan, tell)
    report.raw = "".join(o.decode(errors="replace") for o in result.outputs())
    report.cases += ktap.parse(report.raw)
    host_cases(report, result, expected_status=(1,))
    judge_skips(report, "conformance", host, rel, "berth", tests=("*vcpu*", "interrupt_*"))


# A processor that has a 64th of one waits long for the others.
PATIENT = "watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"
SMP_SCRIPT = """\
dmesg | grep -iE 'tsc|WARNING:|BUG:|Oops|lockup|stall'
echo "processors: $(nproc)"
/smp 20
"""


def many(report, tell, host, rel, hypervisor, cpus=64, smp=1, in_turn=False):
    """A guest with many more processors than the host: all come up, and agree about time and
    about memory (tests/guest/smp.c)."""
    arch = session.host(host).ARCH
    programs = test_program("guest", arch)
    with tempfile.TemporaryDirectory(prefix="berth-guest-") as temp:
        files = guests.files(
            arch, "6.1", Path(temp) / "guest", SMP_SCRIPT, "berth", add=[(programs / "smp", "smp")]
        )
        command = guests.command(
            arch, memory=512, append=f"berth.run=/script {PATIENT}", smp=cpus, vmm="berth",
            machine=guests.machine("q35", "on", "host"),
        )
        plan = session.Plan(
            host=host, kernel=rel, hypervisor=hypervisor, commands=[command], smp=smp,
            in_turn=in_turn, disk=image.qemu_disk(arch), add=files, timeout=600, name=report.row,
        )
        result = in_host(report, plan, tell)
    output = b"".join(result.outputs())
    text = output.decode(errors="replace")
    checks = {
        "all_processors_come_up": f"processors: {cpus}" in text,
        "processors_agree_about_time_and_memory": "smp: all well" in text,
        "guest_script_ends_with_status_0": guests.status(output) == 0,
        "guest_kernel_log_is_clean": bool(text) and not session.dmesg.bad_lines(text),
    }
    for name, ok in checks.items():
        said = "" if ok or report.count(ktap.FAIL) else text[-3000:]
        report.cases.append(ktap.Case(name, ktap.PASS if ok else ktap.FAIL, said))
    host_cases(report, result)
    report.raw = ktap.write(report)
