"""Timing on a phone: driven through a stand-in for adb that prints transcripts; no phone is at hand.

See tests/transcripts/README.md for which of them were recorded and which were written after the tools' sources.
"""

import dataclasses
import json
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from wideopen.errors import RequestError
from wideopen.export import adb, phone
from wideopen.score.timing import Timing

HERE = Path(__file__).parent
TRANSCRIPTS = HERE / "transcripts"
SERIAL = "4A231FDAQ0019W"


class StandIn:
    """A phone, as `adb_phone` plays it, and the files that go there."""

    def __init__(self, folder):
        self.folder = folder / "bin"
        (self.folder / "storage").mkdir(parents=True)
        script = (HERE / "adb_phone.py").read_text(encoding="utf-8")
        (self.folder / "adb").write_text(f"#!{sys.executable} -IS\n{script}", encoding="utf-8")
        (self.folder / "adb").chmod(0o755)
        self.model = folder / "model.tflite"
        self.model.write_bytes(b"\x1c\0\0\0TFL3" + bytes(64))
        self.benchmark = folder / "benchmark_model"
        self.benchmark.write_bytes(b"\x7fELF" + bytes(14) + struct.pack("<H", 0xB7) + bytes(40))
        rng = np.random.default_rng(5)
        self.picture = rng.random((1, 4, 6, 3), np.float32)
        self.expected = rng.random((1, 4, 6, 3), np.float32)
        self.output = folder / "output.raw"
        self.gives(self.expected)
        self.is_like(
            transcripts=str(TRANSCRIPTS),
            devices="adb_devices_one.txt",
            getprop="getprop.txt",
            thermal=[0],
            free_kib=54103244,
            push="",
            gone_at="",
            gone=False,
            benchmark=["benchmark_gpu.txt"],
            exit_code=0,
            output=str(self.output),
        )

    def is_like(self, **changes):
        state = self.folder / "phone.json"
        known = json.loads(state.read_text()) if state.exists() else {}
        state.write_text(json.dumps(known | changes))

    def gives(self, array):
        self.output.write_bytes(array.tobytes())

    def calls(self):
        return (self.folder / "calls.txt").read_text().splitlines()

    def left(self):
        return list((self.folder / "storage").iterdir())

    def time(self, device="android", **settings):
        wanted = {
            "benchmark": self.benchmark,
            "size_px": (6, 4),
            "inputs": [self.picture],
            "expected": self.expected,
            "repeats": 1,
            "sleep": self._no_sleep,
        }
        return phone.time_on_phone(self.model, device, **(wanted | settings))

    def refuses(self, *words, kind=RequestError, left=False, **settings):
        with pytest.raises(kind) as refused:
            self.time(**settings)
        message = str(refused.value)
        assert len(message.splitlines()) == 1
        for word in words:
            assert word in message, message
        assert bool(self.left()) is left

    @staticmethod
    def _no_sleep(_):
        raise AssertionError("a cool phone needs no rest")


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    if sys.platform == "win32":
        pytest.skip("what stands in for adb is a script, and Windows finds programs only")
    made = StandIn(tmp_path)
    monkeypatch.setenv("PATH", f"{made.folder}{os.pathsep}{os.environ['PATH']}")
    return made


def test_a_network_is_timed_checked_and_leaves_nothing(stand_in):
    stand_in.is_like(benchmark=["benchmark_gpu.txt", "benchmark_gpu.txt", "benchmark_gpu_warmer.txt"])
    found = stand_in.time(repeats=2)
    assert isinstance(found, Timing)
    assert found.seconds == pytest.approx((1.35264, 1.40102))
    assert found.median_s == pytest.approx((1.35264 + 1.40102) / 2)
    assert found.spread_s == pytest.approx((1.40102 - 1.35264) / 2)
    assert found.first_s == pytest.approx((1.391802 + 1.420011) / 2)
    assert found.load_s == pytest.approx(1.84327)
    assert found.peak_mb == pytest.approx(455.332)
    assert found.device == "Google Pixel 9, Android 16, SoC Tensor G4, GPU"
    assert found.delegated == "244 of 244 nodes on the GPU, 1 partition"
    assert (found.cores, found.other_cores, found.threads) == (8, None, None)
    assert (found.phone_levels, found.size_px, found.precision) == (0, (6, 4), "float16")
    assert "1.353 ± 0.0091 s (10 runs), 1.401 ± 0.021 s (10 runs)" in found.notes[0]
    assert "84 %, 28.7 °C, thermal status none" in found.notes[1]
    assert stand_in.left() == []


def test_what_was_found_fits_a_score_and_one_line(stand_in):
    found = stand_in.time()
    record = json.loads(json.dumps(found.to_record()))
    assert record["notes"] == list(found.notes)
    assert record["median_s"] == pytest.approx(1.35264)
    assert set(record) > {field.name for field in dataclasses.fields(Timing)}
    assert "\n" not in found.says()
    assert "output within 0 levels of the CPU's" in found.says()


def test_the_tool_is_started_once_more_than_it_counts_with_the_flags_that_all_its_builds_know(stand_in):
    stand_in.time(repeats=2, runs=7, warm_up=3)
    check, *counted = [call for call in stand_in.calls() if "/benchmark_model --graph" in call]
    assert "--output_filepath=" in check
    assert "--input_layer_shape=1,4,6,3" in check
    assert len(counted) == 2
    for call in counted:
        assert "--use_gpu=true --warmup_runs=3 --warmup_min_secs=0 --num_runs=7 --min_secs=0" in call
        assert "input_layer" not in call


def test_the_phone_gets_the_very_inputs(stand_in, monkeypatch):
    pushed = {}
    push = adb.Phone.push

    def kept(self, file, to):
        pushed[to.rsplit("/", 1)[1]] = file.read_bytes()
        push(self, file, to)

    monkeypatch.setattr(adb.Phone, "push", kept)
    guide = np.full((1, 4, 6, 1), 0.5, np.float32)
    mirrored = stand_in.picture[:, :, ::-1]
    stand_in.time(inputs=[mirrored, guide])
    assert pushed["input0.raw"] == np.ascontiguousarray(mirrored).tobytes()
    assert pushed["input1.raw"] == guide.tobytes()
    assert set(pushed) == {"model.tflite", "benchmark_model", "input0.raw", "input1.raw"}


def test_libraries_beside_the_tool_go_with_it(stand_in):
    (stand_in.benchmark.parent / "libLiteRtOpenClAccelerator.so").write_bytes(b"\x7fELF")
    stand_in.time()
    assert any(call.endswith("/libLiteRtOpenClAccelerator.so") and " push " in call for call in stand_in.calls())


def test_the_build_of_compiledmodel_is_read_too(stand_in):
    stand_in.is_like(benchmark=["benchmark_compiled.txt"])
    found = stand_in.time(expected=None)
    assert found.seconds == pytest.approx((1.09981,))
    assert (found.first_s, found.load_s) == pytest.approx((1.104, 2.21018))
    assert found.peak_mb == pytest.approx(421.07)
    assert found.phone_levels is None
    assert "CompiledModel" in found.backend
    assert "output not checked" in found.says()


def test_the_cpu_of_a_phone_can_be_timed(stand_in):
    stand_in.is_like(benchmark=["benchmark_cpu.txt"])
    found = stand_in.time(use_gpu=False)
    assert found.device.endswith("CPU")
    assert (found.precision, found.delegated) == ("float32", "")
    assert any("--use_gpu=false" in call for call in stand_in.calls())


def test_a_hot_phone_rests_before_each_run_until_it_is_cool(stand_in):
    rests = []
    # Asked before all, twice hot and then cool before the run, and after all.
    stand_in.is_like(thermal=[0, 1, 1, 0])
    found = stand_in.time(sleep=rests.append)
    assert rests == [5, 5]
    assert not any("hot before" in note for note in found.notes)


def test_a_phone_that_stays_hot_is_timed_and_that_is_noted(stand_in):
    rests = []
    stand_in.is_like(thermal=[1])
    found = stand_in.time(sleep=rests.append, cool_down_s=12)
    assert rests == [5, 5, 2]
    assert found.notes[-1] == "hot before run 1: thermal status light after 12 s"


def test_a_phone_that_does_not_tell_its_heat_rests_between_runs(stand_in):
    rests = []
    stand_in.is_like(thermal=[None])
    found = stand_in.time(sleep=rests.append, cool_down_s=10, repeats=2)
    assert rests == [5, 5]
    assert "thermal status not known" in found.notes[1]


def test_a_network_that_falls_back_to_the_cpu_is_refused_with_what_the_gpu_does_not_take(stand_in):
    stand_in.is_like(benchmark=["benchmark_gpu_partly.txt"])
    stand_in.refuses(
        "Google Pixel 9 runs 130 of 244 nodes on the GPU, 2 partitions",
        "RELU_0_TO_1 (Not supported op RELU_0_TO_1), TRANSPOSE_CONV (Max version supported: 3. Requested version 4)",
        "allow it by --fallback",
    )


def test_a_fallback_can_be_allowed_and_is_told(stand_in):
    stand_in.is_like(benchmark=["benchmark_gpu_partly.txt"])
    found = stand_in.time(fallback=True)
    assert found.delegated == "130 of 244 nodes on the GPU, 2 partitions"
    assert found.delegated in found.backend


def test_a_tool_that_finds_no_gpu_is_refused(stand_in):
    stand_in.is_like(benchmark=["benchmark_no_gpu.txt"])
    stand_in.refuses("no node on the GPU")


def test_output_within_the_tolerance_is_told_and_beyond_it_refused(stand_in):
    stand_in.gives(stand_in.expected + np.float32(2 / 255))
    assert stand_in.time().phone_levels == pytest.approx(2, abs=1e-3)
    stand_in.refuses("output is 2.0 of 255 levels from the CPU's, more than 1", most_levels=1)


def test_output_that_is_no_number_or_of_another_size_is_refused(stand_in):
    stand_in.gives(np.where(stand_in.expected > 0.5, np.nan, stand_in.expected))
    stand_in.refuses("gives what is no number")
    stand_in.gives(stand_in.expected[:, :2])
    stand_in.refuses("gave 144 bytes where 288 were expected")
    stand_in.is_like(output="")
    stand_in.refuses("did not give /data/local/tmp/wideopen-")


def test_what_is_expected_is_found_only_once_the_phone_has_answered(stand_in):
    asked = []

    def find():
        asked.append([call for call in stand_in.calls() if " pull " in call])
        return stand_in.expected

    stand_in.time(expected=find)
    assert [len(calls) for calls in asked] == [1]


def test_a_tool_that_cannot_show_its_output_is_refused_for_the_check(stand_in):
    stand_in.is_like(benchmark=["benchmark_compiled_unknown.txt"])
    stand_in.refuses("does not know --input_layer", "build of LiteRT's interpreter", "without the check")


def test_a_tool_that_fails_says_why(stand_in):
    stand_in.is_like(benchmark=["benchmark_failed.txt"], exit_code=1)
    stand_in.refuses("benchmark_model failed on Google Pixel 9", "eglChooseConfig failed", "exit code 1")


def test_a_tool_without_timings_is_refused(stand_in):
    stand_in.is_like(benchmark=["benchmark_gpu.txt", "battery.txt"])
    stand_in.refuses("benchmark_model gave no timings", fallback=True)


def test_no_adb_is_refused_with_where_to_get_it(stand_in, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ANDROID_HOME", raising=False)
    monkeypatch.delenv("ANDROID_SDK_ROOT", raising=False)
    stand_in.refuses("adb is not installed", "Platform-Tools", "ANDROID_HOME")


def test_adb_of_the_sdk_is_found(stand_in, monkeypatch, tmp_path):
    sdk = tmp_path / "sdk"
    sdk.mkdir()
    stand_in.folder.rename(sdk / "platform-tools")
    stand_in.folder = sdk / "platform-tools"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ANDROID_HOME", str(sdk))
    assert adb.find_adb().parent == sdk / "platform-tools"


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("adb_devices_none.txt", ("no phone is connected", "USB debugging")),
        ("adb_devices_two.txt", ("2 phones", f"{SERIAL} (Pixel 9), 192.168.1.23:5555 (SM S928B)", "android:SERIAL")),
        ("adb_devices_unauthorized.txt", (SERIAL, "does not trust this computer", "accept its dialog")),
        ("adb_devices_offline.txt", (SERIAL, "is offline")),
        ("adb_devices_no_permissions.txt", (SERIAL, "udev")),
    ],
)
def test_phones_that_cannot_be_used_are_refused(stand_in, listed, words):
    stand_in.is_like(devices=listed)
    stand_in.refuses(*words)


def test_one_of_two_phones_is_chosen_by_its_serial_which_may_hold_a_colon(stand_in):
    stand_in.is_like(devices="adb_devices_two.txt")
    assert adb.choose("android:192.168.1.23:5555").serial == "192.168.1.23:5555"
    assert adb.choose(f"android:{SERIAL}").serial == SERIAL
    with pytest.raises(RequestError, match=r"no phone 'R58' is connected, but .*Pixel 9.*; give one of them"):
        adb.choose("android:R58")


@pytest.mark.parametrize(
    ("device", "is_one"),
    [("android", True), ("android:R58", True), ("androids", False), ("cuda:0", False), ("", False)],
)
def test_devices_that_mean_a_phone(device, is_one):
    assert adb.is_phone(device) is is_one


def test_what_is_no_phone_is_refused():
    with pytest.raises(RequestError, match="named android or android:SERIAL, not 'cuda'"):
        adb.choose("cuda")


@pytest.mark.parametrize(
    ("at", "step"),
    [
        ("getprop", "asking what it is"),
        ("push .*model.tflite", "pushing model.tflite"),
        ("push .*input0.raw", "pushing input0.raw"),
        ("warmup_runs=2", "running benchmark_model"),
        ("pull ", "pulling output.raw"),
        ("dumpsys thermal", "asking how hot it is"),
    ],
)
def test_a_phone_that_disconnects_says_at_which_step_and_what_is_left(stand_in, at, step):
    stand_in.is_like(gone_at=at)
    made = at != "getprop"
    left = ("/data/local/tmp/wideopen-", "is left on it") if made else ()
    stand_in.refuses(f"{SERIAL} disconnected while {step}", "cable", *left, kind=adb.DisconnectedError, left=made)


def test_a_phone_without_room_is_refused_before_anything_is_pushed(stand_in):
    stand_in.is_like(free_kib=20 * 1024)
    stand_in.refuses("has 20 MiB free, and 32 MiB are needed")
    assert not any(" push " in call for call in stand_in.calls())


@pytest.mark.parametrize(
    ("transcript", "words"),
    [
        ("adb_push_full.txt", ("no room left for model.tflite",)),
        ("adb_push_refused.txt", ("refused model.tflite", "Permission denied", "/data/local/tmp/wideopen-")),
    ],
)
def test_a_push_that_fails_is_told_and_tidied_up(stand_in, transcript, words):
    stand_in.is_like(push=transcript)
    stand_in.refuses(*words)


def test_a_phone_of_another_processor_is_refused(stand_in):
    stand_in.benchmark.write_bytes(b"\x7fELF" + bytes(14) + struct.pack("<H", 0x3E))
    stand_in.refuses("built for x86_64", "Google Pixel 9 is arm64-v8a")


def test_files_that_are_no_model_or_no_tool_are_refused_before_any_phone_is_asked(stand_in, tmp_path):
    stand_in.is_like(devices="adb_devices_none.txt")
    stand_in.refuses("nobody cannot be read", benchmark=tmp_path / "nobody")
    stand_in.refuses("is no program for Android", benchmark=stand_in.model)
    stand_in.model.write_bytes(b"PK\3\4 no such thing at all")
    stand_in.refuses("model.tflite is no LiteRT file", "--to litert")
    assert not (stand_in.folder / "calls.txt").exists()


def test_settings_that_time_nothing_are_refused(stand_in):
    stand_in.refuses("at least one start", repeats=0)
    stand_in.refuses("at least one start", runs=0)
    stand_in.refuses("inputs that are given", inputs=[])


def test_an_interrupt_leaves_nothing_on_the_phone(stand_in):
    def interrupt(_):
        raise KeyboardInterrupt

    stand_in.is_like(thermal=[1])
    with pytest.raises(KeyboardInterrupt):
        stand_in.time(sleep=interrupt)
    assert stand_in.left() == []
    assert any("pkill" in call for call in stand_in.calls())


def test_a_phone_that_does_not_answer_in_time_is_told(stand_in):
    (stand_in.folder / "adb").write_text(f"#!{sys.executable} -IS\nimport time\ntime.sleep(5)\n")
    reached = adb.Phone(adb.find_adb(), SERIAL)
    with pytest.raises(RequestError, match=r"^the phone did not answer within 0\.2 s while waiting; unlock it"):
        reached.shell("true", step="waiting", limit_s=0.2)
