"""Android phones, reached by adb, the Android Debug Bridge: one line for all that can go wrong with a cable."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from wideopen.errors import RequestError

PREFIX = "android"
_ANSWER_S = 60.0
_PUSH_S = 600.0
_GONE = re.compile(
    r"device '[^']*' not found|no devices/emulators found|device offline|device still|transport .*closed"
    r"|protocol fault|device disconnected|connection reset|failed to get feature set",
    re.IGNORECASE,
)
_LINE = re.compile(r"^(?P<serial>\S+)\s+(?P<state>no permissions|[a-z]+)\b(?P<more>.*)$")


class DisconnectedError(RequestError):
    """A phone that is no longer there."""


@dataclass(frozen=True)
class Listed:
    """A line of ``adb devices -l``."""

    serial: str
    state: str
    """``device`` where it can be used, ``unauthorized``, ``offline``, ``no permissions``, or another word of adb."""
    model: str
    """As ``Pixel_9``; empty where adb does not know it."""


@dataclass(frozen=True)
class Phone:
    """A phone that can be used."""

    adb: Path
    serial: str

    def shell(self, command: str, *, step: str, limit_s: float = _ANSWER_S) -> str:
        """Run a command on the phone.

        Args:
            command: For its shell; what is not ours in it must be quoted.
            step: What it is for, as it follows "while".
            limit_s: Seconds it may take.

        Returns:
            What it printed, standard output before standard error.

        Raises:
            DisconnectedError: If the phone is gone.
            RequestError: If it fails or takes longer.
        """
        done = self._run("shell", command, step=step, limit_s=limit_s)
        if done.returncode:
            raise RequestError(f"{self.serial} failed while {step}: {_last(done)}")
        return done.stdout + done.stderr

    def push(self, file: Path, to: str) -> None:
        """Copy a file to a path on the phone.

        Raises:
            DisconnectedError: If the phone is gone.
            RequestError: If it has no room, or refuses.
        """
        done = self._run("push", str(file), to, step=f"pushing {file.name}", limit_s=_PUSH_S)
        if not done.returncode:
            return
        if "No space left on device" in done.stdout + done.stderr:
            raise RequestError(f"{self.serial} has no room left for {file.name}; delete something on the phone")
        raise RequestError(
            f"{self.serial} refused {file.name} ({_last(done)}); see whether adb may write to {to.rsplit('/', 1)[0]}"
        )

    def pull(self, path: str, to: Path) -> None:
        """Copy a file from the phone.

        Raises:
            DisconnectedError: If the phone is gone.
            RequestError: If there is no such file.
        """
        done = self._run("pull", path, str(to), step=f"pulling {path.rsplit('/', 1)[-1]}", limit_s=_PUSH_S)
        if done.returncode:
            raise RequestError(f"{self.serial} did not give {path} ({_last(done)})")

    def _run(self, *words: str, step: str, limit_s: float) -> subprocess.CompletedProcess[str]:
        done = _run(self.adb, "-s", self.serial, *words, step=step, limit_s=limit_s)
        # A cable pulled in the middle ends a command with no word of it, so adb is asked.
        if done.returncode and (_GONE.search(_last(done)) or not self._is_there()):
            raise DisconnectedError(f"{self.serial} disconnected while {step}; see to the cable, and run it again")
        return done

    def _is_there(self) -> bool:
        done = _run(self.adb, "-s", self.serial, "get-state", step="being asked whether it is there", limit_s=_ANSWER_S)
        return done.returncode == 0 and done.stdout.strip() == "device"


def is_phone(device: str) -> bool:
    """Whether a device's name means a phone: ``android`` or ``android:SERIAL``."""
    return device == PREFIX or device.startswith(f"{PREFIX}:")


def find_adb() -> Path:
    """Find adb on PATH, or in the Android SDK that ``ANDROID_HOME`` or ``ANDROID_SDK_ROOT`` names.

    Raises:
        RequestError: If it is not there.
    """
    folders = [
        Path(os.environ[name]) / "platform-tools"
        for name in ("ANDROID_HOME", "ANDROID_SDK_ROOT")
        if os.environ.get(name)
    ]
    for path in (None, *map(str, folders)):
        found = shutil.which("adb", path=path)
        if found:
            return Path(found)
    raise RequestError(
        "adb is not installed; install the Android SDK Platform-Tools (on Debian and Ubuntu: apt install adb), and put "
        "adb on PATH or name the SDK by ANDROID_HOME"
    )


def devices(adb: Path) -> tuple[Listed, ...]:
    """List what is connected, usable or not.

    Raises:
        RequestError: If adb fails.
    """
    done = _run(adb, "devices", "-l", step="listing phones", limit_s=_ANSWER_S)
    if done.returncode:
        raise RequestError(f"adb cannot list phones: {_last(done)}; try adb kill-server")
    lines = done.stdout.partition("List of devices attached")[2].splitlines()
    return tuple(
        Listed(match["serial"], match["state"], (re.findall(r"\bmodel:(\S+)", match["more"]) or [""])[0])
        for match in map(_LINE.match, lines)
        if match
    )


def choose(device: str = PREFIX) -> Phone:
    """Choose the phone that a device's name means.

    Args:
        device: ``android`` where just one phone can be used, else ``android:SERIAL``.

    Raises:
        RequestError: If there is no adb, no such phone, more than one, or it cannot be used yet.
    """
    if not is_phone(device):
        raise RequestError(f"a phone is named {PREFIX} or {PREFIX}:SERIAL, not '{device}'")
    adb = find_adb()
    listed = devices(adb)
    if not listed:
        raise RequestError(
            "no phone is connected; connect one by USB, and allow USB debugging in its developer options"
        )
    wanted = device.partition(":")[2]
    chosen = [each for each in listed if each.serial == wanted] if wanted else list(listed)
    if not chosen:
        raise RequestError(f"no phone '{wanted}' is connected, but {_told(listed)}; give one of them")
    usable = [each for each in chosen if each.state == "device"]
    if len(usable) > 1 or (not usable and len(chosen) > 1):
        raise RequestError(f"{len(chosen)} phones are connected, {_told(chosen)}; give {PREFIX}:SERIAL")
    if not usable:
        raise RequestError(_unusable(chosen[0]))
    return Phone(adb, usable[0].serial)


def _told(listed: tuple[Listed, ...] | list[Listed]) -> str:
    return ", ".join(f"{each.serial} ({each.model.replace('_', ' ') or each.state})" for each in listed)


def _unusable(phone: Listed) -> str:
    todo = {
        "unauthorized": "does not trust this computer yet; unlock it, and accept its dialog on USB debugging",
        "offline": "is offline; unlock it, or disconnect and connect it again",
        "no permissions": "may not be used by this user; add udev rules for it (on Debian and Ubuntu: apt install "
        "android-sdk-platform-tools-common), or see whether you are in the group plugdev",
    }
    return f"phone {phone.serial} " + todo.get(phone.state, f"is in the state {phone.state}; start it as usual")


def _run(adb: Path, *words: str, step: str, limit_s: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [str(adb), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RequestError(
            f"the phone did not answer within {limit_s:g} s while {step}; unlock it, and run it again"
        ) from error
    except OSError as error:
        raise RequestError(f"{adb} cannot be run ({error.strerror or error}); install adb anew") from error


def _last(done: subprocess.CompletedProcess[str]) -> str:
    """The last line that it printed."""
    lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    # A count of files follows what push has to say.
    told = [line for line in lines if not re.search(r"\bfiles? (pushed|pulled)\b", line)]
    return (told or lines or [f"exit code {done.returncode}"])[-1].removeprefix("adb: ").removeprefix("error: ")
