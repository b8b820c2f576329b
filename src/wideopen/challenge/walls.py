"""Walls: what a process of the sandbox puts around itself, before it looks at anything that a stranger made.

On Linux these are a user namespace with a network of its own, in which there is nothing, a filter of system calls, and
Landlock, by which only some folders can be read and one written; each as far as the kernel lets it. Where neither of
the first two can be had, Python's audit hook refuses sockets, which holds for Python's own calls alone.
"""

import ctypes
import json
import os
import platform
import runpy
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

NAMESPACE, FILTER, LANDLOCK, HOOK = "network namespace", "system call filter", "Landlock", "audit hook"
MARK = "walls: "
"""Begins the line that names those that hold."""
MOST_FILES_OPEN = 512
MOST_THREADS = 2048
"""And processes, of the user within the namespace."""
_MB = 1_000_000
_SYSTEM = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/proc", "/sys/devices/system", "/sys/fs/cgroup",
    "/etc/alternatives", "/etc/group", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
    "/etc/nsswitch.conf", "/etc/os-release", "/etc/passwd", "/dev/full", "/dev/random", "/dev/urandom", "/dev/zero",
)  # fmt: skip
"""What libraries read."""
_USERS, _NETWORK, _IPC = 0x10000000, 0x40000000, 0x08000000
_DEATH_SIGNAL, _SECCOMP, _NO_NEW_PRIVILEGES = 1, 22, 38
"""Of prctl."""
_KILL = 9
_REFUSED, _UNKNOWN = 13, 38
"""EACCES and ENOSYS."""
_EVERYWHERE = (425, 428, 429, 430, 438)
"""io_uring_setup, open_tree, move_mount, fsopen, pidfd_getfd."""
_CALLS: dict[str, tuple[int, tuple[int, ...], tuple[int, ...], int, int]] = {
    # Audit architecture; calls that nobody may use: socket, connect, ptrace, mount, keyctl, add_key, request_key,
    # unshare, setns, process_vm_readv, process_vm_writev, bpf, userfaultfd, perf_event_open; then fork and vfork;
    # clone; clone3.
    "x86_64": (0xC000003E, (41, 42, 101, 165, 250, 248, 249, 272, 308, 310, 311, 321, 323, 298), (57, 58), 56, 435),
    "aarch64": (0xC00000B7, (198, 203, 117, 40, 219, 217, 218, 97, 268, 270, 271, 280, 282, 241), (), 220, 435),
}  # fmt: skip


@dataclass(frozen=True)
class Bounds:
    """What a process of the sandbox may use."""

    seconds: float
    memory_mb: int
    file_mb: int
    """Of each file that it writes."""
    folder_mb: int
    """Of all that is in its folder."""
    printed_mb: int = 16
    processes: bool = False
    """Whether it may begin others."""
    threads: int | None = None
    """None leaves the choice to each library."""
    look_s: float = 0.2
    """Between two looks at its memory."""


def enter(given: dict[str, Any]) -> None:
    """Put up the walls and run a module within them.

    Args:
        given: ``bounds``, ``folder`` that may be written, ``readable`` and ``listable`` paths, ``module`` and its
            ``words``, ``warden`` (the process that ends this one with it), and ``without``: walls to leave out, for
            tests.
    """
    bounds = Bounds(**given["bounds"])
    held = _put_up(given, bounds)
    print(MARK + json.dumps(held), flush=True)
    sys.argv = [given["module"], *given["words"]]
    runpy.run_module(given["module"], run_name="__main__", alter_sys=True)


def _put_up(given: dict[str, Any], bounds: Bounds) -> list[str]:
    """Put up what the system lets; gives the names of what holds."""
    without, held = set(given["without"]), []
    _limit(bounds)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # Where memory runs out for all, this is the one to end.
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        if NAMESPACE not in without and _part_from_network(libc):
            held.append(NAMESPACE)
        _drop_rights(libc)
        if LANDLOCK not in without and _close_files(libc, given):
            held.append(LANDLOCK)
        if FILTER not in without and _filter_calls(libc, processes=bounds.processes):
            held.append(FILTER)
        # After the namespace, for a change of rights forgets it.
        libc.prctl(_DEATH_SIGNAL, _KILL, 0, 0, 0)
        if os.getppid() != given["warden"]:
            sys.exit(1)
    if NAMESPACE not in held and FILTER not in held:
        _hook(processes=bounds.processes)
        held.append(HOOK)
    return held


def roots() -> list[str]:
    """Places that every process of the sandbox may read: Python, its libraries, and those of the system."""
    own = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *sys.path]
    return list(dict.fromkeys(os.path.realpath(each) for each in (*own, *_SYSTEM) if each))


def _limit(bounds: Bounds) -> None:
    """Limit this process and those that it begins, where the system has such limits."""
    cpu_s = int(bounds.seconds * (os.cpu_count() or 1)) + 5
    # Twice, for allocators reserve what they do not use; what is used, the warden looks after.
    for name, most in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_CPU", cpu_s),
        ("RLIMIT_FSIZE", bounds.file_mb * _MB),
        ("RLIMIT_NOFILE", MOST_FILES_OPEN),
        ("RLIMIT_DATA", 2 * bounds.memory_mb * _MB),
    ):
        _limit_one(name, most)


def _limit_one(name: str, most: int) -> None:
    try:
        resource = import_module("resource")
    except ModuleNotFoundError:
        return
    kind = getattr(resource, name, None)
    if kind is None:
        return
    hard = resource.getrlimit(kind)[1]
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, value))


def _part_from_network(libc: Any) -> bool:  # noqa: ANN401
    """Go where there is no network, and no other's shared memory."""
    if libc.unshare(_USERS | _NETWORK | _IPC) != 0:
        return False
    # Counted anew in the namespace; outside, all of this user's would count.
    _limit_one("RLIMIT_NPROC", MOST_THREADS)
    return True


def _drop_rights(libc: Any) -> None:  # noqa: ANN401
    """Keep no capability, neither root's nor those that the first process of a namespace has."""
    libc.capset(struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", 0, 0, 0, 0, 0, 0))


def _close_files(libc: Any, given: dict[str, Any]) -> bool:  # noqa: ANN401
    """Let some paths be read, and what is in one folder be written, by Landlock."""
    create, add, restrict = 444, 445, 446
    version = libc.syscall(create, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    everything = (1 << (13 + (version >= 2) + (version >= 3) + (version >= 5))) - 1
    # From 4 on, ports of TCP; from 6 on, sockets without a place, and signals to others.
    handled = [everything, 3, 3][: 1 + (version >= 4) + (version >= 6)]
    attribute = struct.pack(f"={len(handled)}Q", *handled)
    rules = libc.syscall(create, attribute, ctypes.c_size_t(len(attribute)), 0)
    if rules < 0:
        return False
    try:
        of_files, reading, listing = 0b1100000000000111, 0b1101, 0b1000
        rights = dict.fromkeys(given["listable"], listing) | dict.fromkeys((*given["readable"], *roots()), reading)
        for path, allowed in (rights | dict.fromkeys(("/dev/null", given["folder"]), everything)).items():
            with suppress(OSError):
                place = os.open(path, os.O_PATH | os.O_CLOEXEC)
                try:
                    allowed &= everything if Path(path).is_dir() else of_files
                    libc.syscall(add, rules, 1, struct.pack("=Qi", allowed & everything, place), 0)
                finally:
                    os.close(place)
        return bool(libc.syscall(restrict, rules, 0) == 0)
    finally:
        os.close(rules)


def _filter_calls(libc: Any, *, processes: bool) -> bool:  # noqa: ANN401
    """Refuse sockets, other processes' insides and new namespaces, by a filter of system calls."""
    known = _CALLS.get(platform.machine())
    if known is None:
        return False
    architecture, denied, forks, clone, clone3 = known
    load, equal, above, has, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, kill, error = 0x7FFF0000, 0x80000000, 0x00050000
    steps = [(load, 0, 0, 4), (equal, 1, 0, architecture), (give, 0, 0, kill), (load, 0, 0, 0)]
    # Calls of another numbering of the same processor.
    steps += [(above, 0, 1, 0x40000000), (give, 0, 0, error | _UNKNOWN)]
    for number in (*denied, *_EVERYWHERE, *(() if processes else forks)):
        steps += [(equal, 0, 1, number), (give, 0, 0, error | _REFUSED)]
    if not processes:
        # Libraries that are told so use clone, whose flags can be looked at: threads may begin.
        steps += [(equal, 0, 1, clone3), (give, 0, 0, error | _UNKNOWN)]
        steps += [(equal, 0, 3, clone), (load, 0, 0, 16), (has, 1, 0, 0x10000), (give, 0, 0, error | _REFUSED)]
    steps.append((give, 0, 0, allow))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    return bool(libc.prctl(_SECCOMP, 2, ctypes.create_string_buffer(program), 0, 0) == 0)


def _hook(*, processes: bool) -> None:
    """Refuse sockets that lead anywhere, and processes, as far as Python is asked for them."""
    local = getattr(import_module("socket"), "AF_UNIX", None)
    starts = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.spawn", "os.exec")

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith("socket.") and not (event == "socket.__new__" and arguments[1] == local):
            raise PermissionError(_REFUSED, "a sandbox has no network")
        if not processes and event in starts:
            raise PermissionError(_REFUSED, "a sandbox begins no processes")

    sys.addaudithook(refuse)
