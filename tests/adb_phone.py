"""Stands in for adb and a phone: a folder is its storage, and files of tests/transcripts are what it prints.

Beside the script lies ``phone.json``, which says what this phone is like, and ``calls.txt``, which keeps what it was
asked.
"""

import json
import re
import shutil
import sys
from pathlib import Path

HERE = Path(sys.argv[0]).resolve().parent
STATE = HERE / "phone.json"
STORAGE = HERE / "storage"
TEMPORARY = "/data/local/tmp"


def answer(transcripts, name, code=0):
    text = (Path(transcripts) / name).read_text()
    (sys.stderr if code else sys.stdout).write(text)
    raise SystemExit(code)


def stored(path):
    assert path.startswith(TEMPORARY), path
    return STORAGE / path.removeprefix(TEMPORARY).strip("/")


def next_of(state, name):
    """The next of a list, whose last stays."""
    first, *rest = state[name]
    if rest:
        state[name] = rest
        STATE.write_text(json.dumps(state))
    return first


def shell(state, command):
    told = state["transcripts"]
    if command.startswith("getprop"):
        answer(told, state["getprop"])
    if "dumpsys thermalservice" in command:
        status = next_of(state, "thermal")
        raise SystemExit(0) if status is None else answer(told, f"thermal_{status}.txt")
    if "dumpsys battery" in command:
        answer(told, "battery.txt")
    if command.startswith("df "):
        sys.stdout.write((Path(told) / "df.txt").read_text().replace("54103244", str(state["free_kib"])))
    elif command.startswith("mkdir "):
        stored(command.split()[1]).mkdir()
    elif command.startswith("rm -rf "):
        shutil.rmtree(stored(command.split()[2]), ignore_errors=True)
    elif command.startswith("cd "):
        benchmark(state, command)
    else:
        assert re.match("chmod 755 |pkill -f '.w.ideopen", command), command


def benchmark(state, command):
    flags = dict(re.findall(r"--(\w+)=(\S+)", command))
    assert stored(flags["graph"]).is_file()
    assert stored(command.split()[1]).joinpath("benchmark_model").is_file()
    if "input_layer_value_files" in flags:
        for pair in flags["input_layer_value_files"].split(","):
            assert stored(pair.partition(":")[2]).is_file()
    if "output_filepath" in flags and state["output"]:
        shutil.copy(state["output"], stored(flags["output_filepath"]))
    sys.stdout.write((Path(state["transcripts"]) / next_of(state, "benchmark")).read_text())
    sys.stdout.write(f"exit code {state['exit_code']}\n")


def main():
    state, words = json.loads(STATE.read_text()), sys.argv[1:]
    with (HERE / "calls.txt").open("a") as calls:
        calls.write(" ".join(words) + "\n")
    told = state["transcripts"]
    if words[:2] == ["devices", "-l"]:
        answer(told, state["devices"])
    assert words[0] == "-s", words
    verb, rest = words[2], words[3:]
    if state["gone_at"] and re.search(state["gone_at"], " ".join(words)):
        state["gone"] = True
        STATE.write_text(json.dumps(state))
        # A cable that is pulled while a command runs ends it without a word.
        raise SystemExit(1)
    if state["gone"]:
        answer(told, "adb_push_gone.txt" if verb in ("push", "pull") else "adb_shell_gone.txt", 1)
    if verb == "get-state":
        sys.stdout.write("device\n")
    elif verb == "push" and state["push"]:
        answer(told, state["push"], 1)
    elif verb == "push":
        shutil.copy(rest[0], stored(rest[1]))
    elif verb == "pull":
        shutil.copy(stored(rest[0]), rest[1])
    else:
        shell(state, rest[0])


main()
