"""Images, rewards and videos in a process whose locale has a decimal comma."""

import ctypes
import hashlib
import locale
import os
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest

from doorlab.data.video_writer import encode_video
from doorlab.doors import View, get_prior, oracle_action
from doorlab.runtime.numeric_locale import decimal_points
from doorlab.seeding import stream
from doorlab.sim import make_simulator

_MAGIC = 0x20031115 ^ 1  # of glibc's files for LC_NUMERIC


@pytest.fixture
def comma_locale(tmp_path, monkeypatch):
    """Name of a locale whose numbers are written 1.234,5; LC_NUMERIC is restored afterwards.

    The file is what `localedef` makes of de_DE, written here because many machines lack both.
    """
    strings = [b",\0", b".\0", b"\3\3\0\0", b",\0\0\0", b".\0\0\0", b"UTF-8\0"]
    offsets, content = [], b""
    for string in strings:
        content += b"\0" * (-len(content) % 4)
        offsets.append(8 + 4 * len(strings) + len(content))
        content += string
    (tmp_path / "comma").mkdir()
    header = struct.pack(f"=II{len(offsets)}I", _MAGIC, len(offsets), *offsets)
    (tmp_path / "comma" / "LC_NUMERIC").write_bytes(header + content)
    monkeypatch.setenv("LOCPATH", str(tmp_path))
    before = locale.setlocale(locale.LC_NUMERIC)
    try:
        locale.setlocale(locale.LC_NUMERIC, "comma")
    except locale.Error:
        pytest.skip("this C library reads no locale files of glibc")
    yield "comma"
    locale.setlocale(locale.LC_NUMERIC, before)


def parsed_by_c(text):
    strtod = ctypes.CDLL(None).strtod
    strtod.restype, strtod.argtypes = ctypes.c_double, (ctypes.c_char_p, ctypes.c_void_p)
    return strtod(text.encode(), None)


def test_decimal_points_apply_to_current_thread_only(comma_locale):
    elsewhere = []
    assert parsed_by_c("0.25") == 0.0
    with decimal_points():
        assert parsed_by_c("0.25") == 0.25
        thread = threading.Thread(target=lambda: elsewhere.append(parsed_by_c("0,25")))
        thread.start()
        thread.join()
    assert parsed_by_c("0,25") == 0.25
    assert elsewhere == [0.25]


def results():
    """Checksums of the outputs of simulators and of the video encoder."""
    doors = [get_prior("default").sample(stream(7, "door", i)) for i in range(3)]
    actions = np.stack([oracle_action(door) for door in doors])[:, None]
    views = [[View((0.0, -2.5, 1.05), (0.0, 0.0, 1.05), 0.86)]] * 3
    found = {}
    for name in ("pybullet", "panda"):
        simulator = make_simulator(name)
        found[name] = simulator.render(doors, np.zeros((3, 1)), views, 64).images
        found[f"{name}'s rewards"] = simulator.interact(doors, actions).rewards
        simulator.close()
    found["film"] = np.frombuffer(encode_video(found["pybullet"][:, 0]), np.uint8)
    return {name: hashlib.md5(array.tobytes()).hexdigest() for name, array in found.items()}


def test_simulators_and_videos_are_independent_of_locale(comma_locale):
    # In a new process: PyBullet keeps the meshes that it has read.
    code = (
        "import locale, test_numeric_locale\n"
        f"locale.setlocale(locale.LC_NUMERIC, {comma_locale!r})\n"
        "print(test_numeric_locale.results())"
    )
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    found = subprocess.check_output(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, text=True
    )
    locale.setlocale(locale.LC_NUMERIC, "C")
    assert found.strip() == str(results())
