# SPDX-License-Identifier: GPL-2.0-only
# One session in an emulated host: builds its image, boots it with a hypervisor, runs commands,
# judges and logs the result.

import importlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import dmesg
import image
import kernels
import modules
from machine import Machine, Spec
from paths import LOGS, Failure

HYPERVISORS = ("berth", "kvm", "none")
KEEP_LOGS = 800  # more than the matrix has rows
# Exit codes that are the run's and not a command's; 124 is timeout(1)'s.
TIMED_OUT, BAD_KERNEL_LOG, HOST_FAILED = 124, 120, 125


def host(name):
    """The description of a host, by its name as in `x86-svm`: its module, or what that has as
    HOST."""
    try:
        module = importlib.import_module(f"hosts.{name.replace('-', '_')}")
        return getattr(module, "HOST", module)
    except ModuleNotFoundError:
        raise Failure(f"no host {name}; there are: {', '.join(host_names())}") from None


def host_names():
    return sorted(p.stem.replace("_", "-") for p in (Path(__file__).parent / "hosts").glob("*.py"))


@dataclass
class Plan:
    """What to run where. add: (file, path in the host) pairs; module: a berth.ko that is built
    already."""

    host: str
    kernel: str
    hypervisor: str = "berth"
    commands: list = field(default_factory=list)
    add: list = field(default_factory=list)
    disk: Path = None
    blank: Path = None  # one more disk, the host's to overwrite
    memory: int = 1024
    smp: int = 1
    in_turn: bool = False
    exact: bool = False
    timeout: float = 300
    step_timeout: float = None  # for each command
    append: str = ""
    module: Path = None
    options: str = ""  # module parameters of the hypervisor
    setup: tuple = ()  # names of more modules of the host's kernel
    cpu: str = ""  # CPU model instead of the host's own, as its emulator names it
    interactive: bool = False
    name: str = ""


@dataclass
class Result:
    """code: 0 when all is well, else the first failed command's or one of the above; reasons:
    why, for people."""

    code: int
    reasons: list
    frames: dict
    logs: Path
    seconds: float
    excerpt: str = ""  # of the kernel log, when something in it is bad

    def outputs(self):
        """The commands' outputs, in order."""
        return [f.output for name, f in sorted(self.frames.items()) if name.isdigit()]


def hypervisor(plan, h):
    """What the host loads: a berth.ko, the reference's module names, or nothing."""
    if plan.hypervisor == "berth":
        backend = getattr(h, "BACKEND", None)
        return [plan.module or modules.build(h.ARCH, plan.kernel, backend=backend)]
    return list(h.REFERENCE) if plan.hypervisor == "kvm" else []


def prepare(plan, directory):
    """The Machine's description, its initramfs written below `directory`."""
    h = host(plan.host)
    if plan.kernel not in h.KERNELS:
        raise Failure(f"{plan.host} has no kernel {plan.kernel}; it has {', '.join(h.KERNELS)}")
    spec = Spec(
        kernel=kernels.image(h.ARCH, plan.kernel),
        initrd=directory / "initrd",
        memory=plan.memory,
        smp=plan.smp,
        disk=plan.disk,
        blank=plan.blank,
        exact=plan.exact,
        in_turn=plan.in_turn,
        cpu=plan.cpu,
        hypervisor=plan.hypervisor,
        dir=directory,
    )
    spec.append = " ".join(filter(None, [h.append(spec), plan.append]))
    spec.initrd.write_bytes(
        image.host(
            h.ARCH,
            plan.kernel,
            results=h.RESULTS,
            setup=(*(h.SETUP if plan.disk else ()), *plan.setup),
            hypervisor=hypervisor(plan, h),
            options=plan.options,
            commands=plan.commands,
            add=plan.add,
            disk=h.DISK if plan.disk else "",
            hostname=plan.host,
            interactive=plan.interactive,
            size=shutil.get_terminal_size(),
            early=h.early(plan.kernel) if hasattr(h, "early") else (),
        )
    )
    return h, spec


def log_directory(plan):
    """A fresh directory for a run's logs; old ones go, `latest` points to it."""
    LOGS.mkdir(parents=True, exist_ok=True)
    name = (
        plan.name
        or f"{plan.host}-{plan.kernel}-{plan.hypervisor}-{time.strftime('%H%M%S')}-{os.getpid()}"
    )
    path = LOGS / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    old = sorted(
        (p for p in LOGS.iterdir() if p.is_dir() and not p.is_symlink()),
        key=lambda p: p.stat().st_mtime,
    )
    for p in old[:-KEEP_LOGS]:
        shutil.rmtree(p, ignore_errors=True)
    link = LOGS / f".latest.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(path.name)
    link.rename(LOGS / "latest")
    return path


def run(plan, hook=None, on_console=None):
    """Runs a plan to its end; hook(event, frame, data) sees the frames as they come
    (frames.Frames)."""
    began = time.monotonic()
    logs = log_directory(plan)
    with tempfile.TemporaryDirectory(prefix="berth-") as temp:
        h, spec = prepare(plan, Path(temp))
        machine = None

        def watch(event, frame, data):
            if plan.interactive and frame and frame.name == f"{len(plan.commands):03}":
                machine.interactive = event in ("begin", "text")
            if hook:
                hook(event, frame, data)

        machine = Machine(h, spec, watch, on_console)
        machine.run(plan.timeout, plan.step_timeout)
    result = judge(plan, machine, logs, time.monotonic() - began)
    write_logs(logs, machine, result)
    return result


def judge(plan, machine, logs, seconds):
    frames = machine.frames.frames
    reasons, code = [], 0

    def fail(new, reason):
        nonlocal code
        code = code or new
        reasons.append(reason)

    current = machine.frames.current
    where = (
        f"in {current.name}"
        if current
        else "between steps"
        if machine.frames.ready
        else "while booting"
    )
    if machine.why == "timeout":
        fail(TIMED_OUT, f"no end after {plan.timeout:.0f} s, {where}")
    elif machine.why == "stuck":
        fail(TIMED_OUT, f"no end after {plan.step_timeout:.0f} s, {where}")
    elif machine.why == "panic":
        fail(HOST_FAILED, f"the host's kernel panicked {where}")
    elif machine.why == "gone":
        fail(
            HOST_FAILED,
            f"the host ended early, {where}"
            + (f": {machine.stderr.strip()}" if machine.stderr else ""),
        )
    for name, f in frames.items():
        if f.status:
            what = (
                f"command {int(name)} ({plan.commands[int(name) - 1]})" if name.isdigit() else name
            )
            tail = "" if name.isdigit() else ": " + f.output.decode(errors="replace").strip()
            fail(
                f.status if name.isdigit() else HOST_FAILED,
                f"{what} ended with status {f.status}{tail}",
            )
    if not code:
        for n, command in enumerate(plan.commands, 1):
            if f"{n:03}" not in frames:
                fail(HOST_FAILED, f"nothing was heard of command {n} ({command})")
    # Early on the console has what dmesg has, and alone has what comes after dmesg.
    kernel = [frames[name].output for name in ("kmemleak", "dmesg") if name in frames]
    text = b"\n".join([*kernel, machine.console]).decode(errors="replace")
    for line in dmesg.bad_lines(text):
        fail(BAD_KERNEL_LOG, f"kernel log: {line.strip()}")
    return Result(code, reasons, frames, logs, seconds, dmesg.excerpt(text))


def write_logs(logs, machine, result):
    (logs / "console.txt").write_bytes(machine.console)
    for name, frame in result.frames.items():
        (logs / f"{name}.txt").write_bytes(frame.output)
    (logs / "result.txt").write_text(
        "".join(f"{f.name} status {f.status} {f.took or 0:.1f} s\n" for f in result.frames.values())
        + "".join(f"{r}\n" for r in result.reasons)
        + f"code {result.code}\n"
        + machine.stderr
    )
