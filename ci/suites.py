# SPDX-License-Identifier: GPL-2.0-only
# The suites that rows of the matrix name: each fills a ktap.Report, and shows its progress line
# by line through `tell`.

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import guests
import kernels
import kselftests as selftests
import ktap
import modules
import programs
import roots
import session
from paths import BUILD, TOP, Failure, fresh_env

HERE = Path(__file__).parent
TIMEOUT = 600


def command(report, argv, tell, timeout=TIMEOUT):
    """Runs a program that writes KTAP on stdout; its other output is for people, and shown when
    it fails."""
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(
            [str(a) for a in argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            env=fresh_env(),
            start_new_session=True,
        )
        try:
            report.raw = process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            report.raw = process.communicate()[0]
            report.fail("time", f"no end after {timeout} s")
        report.cases += ktap.parse(report.raw)
        errors.seek(0)
        said = f"{' '.join(map(str, argv))}: status {process.returncode}\n{errors.read()[-4000:]}"
        if not report.cases:
            report.fail("output", f"no test was reported by {said}")
        elif process.returncode and not report.count(ktap.FAIL):
            report.fail("exit status", said)


def laws(report, tell):
    command(report, [HERE / "laws"], tell)


def own(report, tell):
    command(report, [sys.executable, HERE / "selftest.py"], tell)


def unit(report, tell):
    """All of tests/unit: each directory with a Makefile, whose `check` builds the programs and
    runs them."""
    found = sorted((TOP / "tests/unit").glob("*/Makefile"))
    if not found:
        report.fail("unit", "tests/unit has no Makefile")
    for makefile in found:
        one = ktap.Report(makefile.parent.name)
        tell(one.row)
        command(one, ["make", "-s", "-C", makefile.parent, "check"], tell)
        for case in one.cases:
            case.name = f"{one.row}: {case.name}"
        report.cases += one.cases
        report.raw += one.raw


def fuzz(report, tell, seconds):
    """Each of tests/fuzz for so long, two at a time."""
    command(report, ["make", "-s", "-C", TOP / "tests/fuzz", "check", f"SECONDS={seconds}"], tell)


def mutations(report, tell):
    """Deliberate breaks of the core, each of which a check must notice."""
    command(report, [HERE / "mutations"], tell, timeout=1800)


def module(report, tell, arch, rel, sparse=None, backend=None):
    """berth.ko under W=1 and, if wanted, sparse, warnings being errors; and what it wants of the
    kernel. With another backend than the architecture's own, if named."""
    name = f"berth.ko for {arch} {rel}" + (f" with arch/{backend}" if backend else "")
    try:
        built = modules.build(arch, rel, sparse=sparse, strict=True, backend=backend)
        wrong = list(modules.judge_symbols(arch, rel, built, backend))
        report.cases.append(ktap.Case(name, ktap.PASS))
        status = ktap.FAIL if wrong else ktap.PASS
        report.cases.append(ktap.Case(f"{name}: symbols", status, "\n".join(wrong)))
    except Failure as e:
        report.fail(name, str(e))
    report.raw = ktap.write(report)


def test_program(name, arch):
    """Builds tests/NAME for an architecture and returns the path of the static program."""
    return programs.build(f"tests/{name}", arch) / "tests" / name


def guests_of(host):
    """Whose guests a host runs: those of its architecture, or of another backend."""
    h = session.host(host)
    return getattr(h, "BACKEND", h.ARCH)


def in_host(report, plan, tell):
    """Runs a plan; what is wrong with the host, and not with a test, becomes a failed case.
    Returns the result."""
    line = b""

    def hook(event, frame, data):
        nonlocal line
        if event == "ready":
            tell("host is up")
        elif event == "text" and frame.name.isdigit():
            *lines, line = (line + data).split(b"\n")
            for done in lines:
                tell(done.decode(errors="replace").strip())

    result = session.run(plan, hook)
    tell(f"logs in {result.logs}")
    return result


def host_cases(report, result, expected_status=()):
    """The reasons why a run is bad, less a test program's own status, which its KTAP explains."""
    for reason in result.reasons:
        if not (
            reason.startswith("command ")
            and result.code in expected_status
            and report.count(ktap.FAIL)
        ):
            report.fail("host", f"{reason}\n{result.excerpt}logs in {result.logs}")
            result.excerpt = ""  # once is enough


def judge_skips(report, directory, host, rel, hypervisor, excluded=(), tests=()):
    """Holds the skips against the list of tests/DIRECTORY for the host, or for its kind, and for
    the hypervisor. Returns what the list names in vain."""
    h = session.host(host)
    end = "" if hypervisor == "berth" else f"-{hypervisor}"
    path = TOP / "tests" / directory / f"skips-{getattr(h, 'SKIPS', host)}{end}.txt"
    stale = ktap.judge_skips(report, path, rel, excluded, getattr(h, "TAGS", ()))
    return () if tests else stale


def conformance_command(host, hypervisor):
    """The suite's command line in a host, the files it wants there, and what it will skip. What a
    host's emulator cannot run is excluded there, whatever the hypervisor; what the kernel's own KVM
    cannot, with that only."""
    h = session.host(host)
    words, add = ["./conformance", *getattr(h, "CONFORMANCE", ())], []
    add.append((test_program("conformance", guests_of(host)), "add/conformance"))
    excluded = set()
    kind = getattr(h, "SKIPS", host)
    for name in (f"excluded-{kind}.txt", f"excluded-{kind}-{hypervisor}.txt"):
        path = TOP / "tests/conformance" / name
        if path.exists():
            words += ["--exclude", name]
            add.append((path, f"add/{name}"))
            excluded |= ktap.skip_list(path, "")
    return " ".join(words), add, excluded


def conformance(report, tell, host, rel, hypervisor, smp=1, cpu="", options="", tests=()):
    """The suite over /dev/kvm, or some of its tests; its skips are held against the tree's list for
    this host and hypervisor."""
    line, add, excluded = conformance_command(host, hypervisor)
    plan = session.Plan(
        host=host,
        kernel=rel,
        hypervisor=hypervisor,
        commands=[" ".join([line, *map(repr, tests)])],
        smp=smp,
        cpu=cpu,
        options=options,
        add=add,
        timeout=TIMEOUT,
        name=report.row,
    )
    result = in_host(report, plan, tell)
    report.raw = "".join(o.decode(errors="replace") for o in result.outputs())
    report.cases += ktap.parse(report.raw)
    host_cases(report, result, expected_status=(1,))
    if not report.cases:
        report.fail("output", "the conformance program reported no test")
    for skip in judge_skips(report, "conformance", host, rel, hypervisor, excluded, tests):
        tell(f"note: the list names {skip}, which was not skipped")


def stress(report, tell, host, rel, hypervisor, seconds, smp=1, seed=1, threads=8):
    """tests/stress: threads of random calls; what the kernel says of itself is the result."""
    plan = session.Plan(
        host=host,
        kernel=rel,
        hypervisor=hypervisor,
        commands=[f"./stress --seconds {seconds} --threads {threads} --seed {seed}"],
        smp=smp,
        add=[(test_program("stress", guests_of(host)), "add/stress")],
        timeout=TIMEOUT + seconds,
        name=report.row,
    )
    result = in_host(report, plan, tell)
    report.raw = "".join(o.decode(errors="replace") for o in result.outputs())
    report.cases += ktap.parse(report.raw)
    host_cases(report, result, expected_status=(1,))


# Each turn: some tests, a program that is killed while its VMs are there, and the module goes and
# comes. A CPU that goes and comes meanwhile is a CPU on which the extension is turned off and on.
RELOAD_TESTS = "*vm* *vcpu* slot_* *ioeventfd* *coalesced* dirty_log* *huge* interrupt_*"
RELOAD_SCRIPT = """\
module=$(ls /berth/hypervisor/*.ko)
for turn in 1 2 3; do
	./conformance RELOAD_TESTS || exit 1
	./conformance '*' >/dev/null & sleep 2; kill -9 $!; wait $!
	for cpu in /sys/devices/system/cpu/cpu[1-9]*; do
		[ -e $cpu/online ] && { echo 0 >$cpu/online; echo 1 >$cpu/online; }
	done
	# The killed program's VMs go a little later than it does.
	for try in 1 2 3 4 5 6 7 8 9 10; do
		rmmod berth && break
		sleep 1
	done
	insmod $module || exit 1
	echo "# turn $turn is over"
done
""".replace("RELOAD_TESTS", " ".join(f"'{g}'" for g in RELOAD_TESTS.split()))


def reload(report, tell, host, rel, hypervisor, smp=1, timeout=TIMEOUT):
    """Loads and unloads the module again and again, with VMs in between."""
    plan = session.Plan(
        host=host,
        kernel=rel,
        hypervisor=hypervisor,
        commands=[RELOAD_SCRIPT],
        smp=smp,
        add=[(test_program("conformance", guests_of(host)), "add/conformance")],
        timeout=timeout,
        name=report.row,
    )
    result = in_host(report, plan, tell)
    report.raw = "".join(o.decode(errors="replace") for o in result.outputs())
    report.cases += ktap.parse(report.raw)
    host_cases(report, result, expected_status=(1,))
    judge_skips(report, "conformance", host, rel, hypervisor)


def memory(
    report, tell, host, rel, hypervisor, tests, smp=2, in_turn=False, memory=1024, append=""
):
    """tests/memory: guest memory under the host's memory management. Swap space is in zram."""
    plan = session.Plan(
        host=host,
        kernel=rel,
        hypervisor=hypervisor,
        commands=["./prepare.sh", f"./memory --timeout 250 {' '.join(map(repr, tests))}"],
        smp=smp,
        in_turn=in_turn,
        memory=memory,
        append=append,
        setup=getattr(session.host(host), "ZRAM", {}).get(rel, ("lzo-rle", "zram")),
        add=[
            (test_program("memory", session.host(host).ARCH), "add/memory"),
            (TOP / "tests/memory/prepare.sh", "add/prepare.sh"),
        ],
        timeout=TIMEOUT,
        name=report.row,
    )
    result = in_host(report, plan, tell)
    report.raw = "".join(o.decode(errors="replace") for o in result.outputs())
    report.cases += ktap.parse(report.raw)
    host_cases(report, result, expected_status=(1,))
    judge_skips(report, "memory", host, rel, hypervisor)


def load(report, tell, host, rel, hypervisor="none", cpu="", mode="churn", says=""):
    """tests/memory/module.sh: loading and unloading berth.ko, many times, beside the kernel's own
    KVM (which is `hypervisor` where it is built in), or on a CPU model that it must refuse with a
    sentence.

    On one processor: QEMU's threads may run an int3 that text patching has removed already, and
    each load and unload patches the scheduler (preempt_notifier_inc)."""
    h = session.host(host)
    with tempfile.TemporaryDirectory(prefix="berth-load-") as temp:
        add = [
            (modules.build(h.ARCH, rel), "add/berth.ko"),
            (test_program("memory", h.ARCH), "add/memory"),
            (test_program("conformance", h.ARCH), "add/conformance"),
            (TOP / "tests/memory/module.sh", "add/module.sh"),
            (TOP / "tests/ktap.sh", "add/ktap.sh"),
        ]
        for n, (name, data) in enumerate(kernels.modules(h.ARCH, rel, h.REFERENCE)):
            path = Path(temp) / f"{n:02}-{name}"
            path.write_bytes(data)
            add.append((path, f"add/kvm/{path.name}"))
        plan = session.Plan(
            host=host,
            kernel=rel,
            hypervisor=hypervisor,
            commands=[f"./module.sh {mode} {says!r}"],
            cpu=cpu,
            add=add,
            timeout=TIMEOUT,
            name=report.row,
        )
        result = in_host(report, plan, tell)
    report.raw = "".join(o.decode(errors="replace") for o in result.outputs())
    report.cases += ktap.parse(report.raw)
    host_cases(report, result, expected_status=(1,))


def kselftests(report, tell, host, rel, hypervisor):
    """The kernel's own KVM selftests, held against the tree's table for this host and kernel."""
    table = selftests.load(host, rel)
    for name, why in table.complain(selftests.names(selftests.directory(host, rel))):
        report.fail(name, why)
    limits = selftests.limits(table.lines, hypervisor)
    run = selftests.Run(host, rel, hypervisor, limits, report.row, tell)
    report.cases += table.judge(hypervisor, run.seen)
    for problem in run.problems:
        report.fail("host", problem)
    report.raw = ktap.write(report)


GUEST_SCRIPT = """\
set -e
uname -r
echo "processors: $(nproc)"
cat /mnt/README
echo written >/mnt/new; sync; cat /mnt/new
{reach}
free | head -2
grep MSI /proc/interrupts || :
echo all done
"""


# How a guest reaches the host, and what tells that it did; the second where the emulator gets a
# kernel's checksums wrong.
REACH = (
    ("wget -qO- http://10.0.2.2/", guests.WELCOME.strip()),
    ("ping -c 1 10.0.2.2", "1 packets received"),
)


def messages(text, through):
    """Whether virtio's interrupts have come as messages, through this chip."""
    lines = re.findall(rf"^ *\d+:((?: +\d+)+) +{through}.* virtio", text, re.M)
    return any(int(n) for counts in lines for n in counts.split())


def guest(
    report, tell, host, rel, hypervisor, guest, qemu="7.2", machine=None, smp=1, vmm="qemu",
    firmware=False,
):
    """Debian's kernel under Debian's QEMU or berth: boots, uses disk and network, powers off.
    `machine` is (machine, irqchip, cpu), or None for one with interrupt controllers of its own;
    with firmware it begins with UEFI (arm64), and is described by ACPI."""
    import image

    h, add = session.host(host), []
    arch = h.ARCH
    reach, reached = REACH[guest in getattr(h, "WRONG_CHECKSUMS", ())]
    script = GUEST_SCRIPT.replace("{reach}", reach)
    options = machine and guests.machine(*machine)
    if firmware:
        options += ("-bios", "/add/firmware")
        script = "ls -d /sys/firmware/acpi/tables/*\n" + script
        add = [(roots.firmware(), "add/firmware")]
    with tempfile.TemporaryDirectory(prefix="berth-guest-") as temp:
        plan = session.Plan(
            host=host,
            kernel=rel,
            hypervisor=hypervisor,
            # A debug kernel looks for leaks in the end, in all of its memory.
            timeout=240 + 6 * h.BOOT_SECONDS + 600 * rel.endswith("-debug"),
            name=report.row,
            commands=[
                guests.command(
                    arch,
                    append="berth.run=/script",
                    machine=options,
                    smp=smp,
                    vmm=vmm,
                )
            ],
            disk=image.qemu_disk(arch, qemu),
            add=[*add, *guests.files(arch, guest, Path(temp) / "guest", script, vmm)],
        )
        result = in_host(report, plan, tell)
    output = b"".join(result.outputs())
    text = output.decode(errors="replace")
    checks = {
        "guest_kernel_boots_to_user_space": bool(re.search(rf"^{re.escape(guest)}\.", text, re.M)),
        "guest_has_all_its_processors": f"processors: {smp}" in text,
        "guest_reads_its_virtio_disk": "The guest's virtio disk." in text,
        "guest_writes_its_virtio_disk": "written" in text,
        "guest_reaches_the_host_through_virtio_net": reached in text,
        "guest_script_ends_with_status_0": guests.status(output) == 0,
        "guest_kernel_log_is_clean": bool(text) and not session.dmesg.bad_lines(text),
    }
    # With a GICv2 QEMU has a frame for messages of its own.
    if arch == "arm64" and vmm == "qemu":
        its = "gicv3" in h.TAGS
        name = "guest_has_messages_through_" + ("the_its" if its else "gicv2m")
        checks[name] = messages(text, "ITS-" if its else "(?:GICv2m-|MSI )")
    if firmware:
        checks["guest_is_described_by_acpi"] = "/tables/DSDT" in text
    for name, ok in checks.items():
        said = "" if ok or report.count(ktap.FAIL) else text[-3000:]
        report.cases.append(ktap.Case(name, ktap.PASS if ok else ktap.FAIL, said))
    host_cases(report, result)
    report.raw = ktap.write(report)
