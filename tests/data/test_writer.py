import contextlib
import errno
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import tyro
from helpers.fake_simulator import FakeSimulator, generate_slowly, make_fake, tree
from helpers.fork_server import FORK_SERVER

from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.data.manifest import Manifest
from doorlab.data.video_writer import encode_video
from doorlab.errors import ConfigError, DatasetError
from doorlab.parallel.launchers import LAUNCHERS
from doorlab.seeding import stream
from doorlab.stages.generate import Config
from doorlab.storage.files import atomic_write_json


def generate_elsewhere(path, workers, before="", simulator="make_slow", **options):
    """Generates CONFIG in a process of its own, in a process group of its own."""
    code = (
        f"import os, signal; from doorlab.data import write_dataset;"
        f"from helpers.fake_simulator import tree, CONFIG, {simulator}\n{before}\n"
        f"write_dataset({str(path)!r}, CONFIG, workers={workers}, simulator={simulator})"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, env=environment, start_new_session=True, **options)


def written_to(log):
    def write(path, value):
        log.append((path.name, value))
        atomic_write_json(path, value)

    return write


def counted(log):
    def draw(*names):
        log.append(names)
        return stream(*names)

    return draw


def resumed(path, config):
    write_dataset(path, config, simulator=make_fake, resume=True)
    return tree(path)


def wait_for_shards(path, count, process):
    while len(list(path.glob("shards/shard-*"))) < count:
        assert process.poll() is None
        time.sleep(0.01)


def test_write_dataset_is_independent_of_workers(tmp_path, config, dataset):
    write_dataset(tmp_path / "two", config, workers=2, simulator=make_fake)
    assert tree(tmp_path / "two") == tree(dataset.path)


def test_write_dataset_writes_every_expected_part(config, dataset):
    manifest = dataset.manifest
    found = {p.relative_to(dataset.path).as_posix() for p in dataset.path.glob("*/*")}
    assert found == set(manifest.expected) == set(manifest.parts)
    assert dataset.verify() == []


# Files are flushed and renamed in this order: dataset.json (1, 2); the video and its line in the
# journal (3, 4, 5); three shards and their lines (6 to 11); dataset.json (12, 13).
@pytest.mark.parametrize(("moment", "noted"), [(2, 0), (4, 0), (5, 1), (6, 1), (7, 2), (13, 4)])
def test_write_dataset_resumes_after_kill_at_rename_or_flush(
    tmp_path, config, dataset, moment, noted
):
    before = (
        f"countdown = iter(range({moment}))\n"
        f"def fatal(operation):\n"
        f"    def counted(*a):\n"
        f"        if next(countdown) == {moment - 1}: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"        return operation(*a)\n"
        f"    return counted\n"
        f"for name in ('replace', 'rename', 'fsync'): setattr(os, name, fatal(getattr(os, name)))"
    )
    path = tmp_path / "killed"
    assert generate_elsewhere(path, 1, before, "make_fake").wait() == -signal.SIGKILL
    if moment > 2:
        found = Manifest.read(path).parts
        assert found.items() <= dataset.manifest.parts.items()
        assert len(found) == noted
    assert resumed(path, config) == tree(dataset.path)


def test_write_dataset_cost_of_part_is_independent_of_their_number(tmp_path, monkeypatch):
    written, dealt = [], []
    monkeypatch.setattr("doorlab.data.manifest.atomic_write_json", written_to(written))
    monkeypatch.setattr("doorlab.data.config.stream", counted(dealt))
    for doors in (12, 36):
        config = GenerationConfig(
            doors=doors, frames=1, interactions=0, image_size=8, shard_doors=2, videos=0
        )
        write_dataset(tmp_path / f"{doors}", config, simulator=make_fake)
        assert Manifest.read(tmp_path / f"{doors}").complete
    assert [name for name, _ in written] == ["dataset.json"] * 4  # begun and finished, twice
    assert len(dealt) == 2  # once for all shards


def test_write_dataset_resumes_after_kill_at_random_moments(tmp_path, config, dataset):
    chance, unfinished = random.Random(0), 0
    for moment in range(20):
        path = tmp_path / f"killed at {moment}"
        process = FORK_SERVER.Process(target=generate_slowly, args=(path,))
        process.start()
        while not path.exists():
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.6))
        process.kill()
        process.join()
        done = len(list(path.glob("shards/shard-*")))
        unfinished += done < len(config.shards())
        assert resumed(path, config) == tree(dataset.path)
    assert unfinished >= 10  # most of them did hit the work


@pytest.mark.parametrize("workers", [1, 2])
def test_write_dataset_keeps_finished_parts_after_ctrl_c(tmp_path, config, dataset, workers):
    """The message of the interrupt names the command that resumes."""
    path = tmp_path / "a folder"
    process = generate_elsewhere(path, workers, stderr=subprocess.PIPE, text=True)
    wait_for_shards(path, 1, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    message = process.communicate(timeout=20)[1]
    assert process.returncode != 0
    last_line = message.strip().splitlines()[-1]
    assert last_line.startswith("KeyboardInterrupt: stopped: finished parts are kept")
    assert f"doorlab generate --out '{path}' --doors 11" in last_line
    assert "--resume" in last_line
    assert message.count("Traceback") <= 1  # none from the workers
    assert list(path.rglob(".*.tmp")) == []
    assert list(path.glob("shards/shard-*"))
    assert resumed(path, config) == tree(dataset.path)


def test_resume_keeps_finished_shards(tmp_path, config):
    class Interrupting(FakeSimulator):
        def interact(self, doors, actions, **kwargs):
            if len(doors) == 3:  # the last shard
                raise KeyboardInterrupt
            return super().interact(doors, actions, **kwargs)

    with pytest.raises(KeyboardInterrupt, match="--resume"):
        write_dataset(tmp_path / "d", config, simulator=lambda name: Interrupting())
    kept = tmp_path / "d/shards/shard-00000"
    born = kept.stat().st_ino
    resumed(tmp_path / "d", config)
    assert kept.stat().st_ino == born


def damage(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("part", ["shards/shard-00001", "videos/door-00000.mp4"])
@pytest.mark.parametrize("harm", ["flip", "remove"])
def test_resume_repairs_only_damaged_part(tmp_path, config, dataset, part, harm):
    path = tmp_path / "damaged"
    shutil.copytree(dataset.path, path)
    target = path / part
    if harm == "flip":
        damage(target if target.is_file() else next(target.glob("images/c/0/0/0/0/0")))
    else:
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    assert DoorDataset.open(path).verify() == [part]
    whole = {p: p.stat().st_ino for p in path.glob("*/*") if p != target}
    assert resumed(path, config) == tree(dataset.path)
    assert {p: p.stat().st_ino for p in whole} == whole


def test_checksum_of_dataset_is_the_same_with_another_video_encoder(
    tmp_path, config, dataset, monkeypatch
):
    monkeypatch.setattr(
        "doorlab.data.writer.encode_video", lambda frames: encode_video(frames) + b"\0"
    )
    manifest = write_dataset(tmp_path / "d", config, simulator=make_fake)
    video = "videos/door-00000.mp4"
    assert manifest.checksum == dataset.checksum
    assert manifest.parts[video] != dataset.manifest.parts[video]
    assert DoorDataset.open(tmp_path / "d").verify() == []


def test_resume_of_earlier_dataset_keeps_its_checksum(tmp_path, config, dataset):
    path = tmp_path / "d"
    shutil.copytree(dataset.path, path)
    earlier = replace(dataset.manifest, covers_videos=True)
    earlier.write(path)
    damage(path / "videos/door-00000.mp4")
    resumed(path, config)
    assert DoorDataset.open(path).checksum == earlier.checksum
    assert DoorDataset.open(path).verify() == []


def test_resume_starts_new_dataset_and_keeps_finished_one(tmp_path, config, dataset):
    path = tmp_path / "new"
    assert resumed(path, config) == resumed(path, config) == tree(dataset.path)


@pytest.mark.parametrize("launcher", ["local", "elsewhere"])
def test_resume_commands_name_launcher(tmp_path, config, monkeypatch, launcher):
    def interrupted(work, items, workers, gpus):
        yield work(items[0])
        raise KeyboardInterrupt

    def commands():
        with pytest.raises(KeyboardInterrupt) as stopped:
            write_dataset(tmp_path / "d", config, launcher=launcher, simulator=make_fake)
        other = replace(config, seed=9)
        with pytest.raises(ConfigError) as refused:
            write_dataset(
                tmp_path / "d", other, launcher=launcher, simulator=make_fake, resume=True
            )
        for message in (str(stopped.value), str(refused.value)):
            program, stage, *arguments = shlex.split(message.split("`")[1])
            yield program, stage, tyro.cli(Config, args=arguments)

    monkeypatch.setitem(LAUNCHERS, launcher, lambda: interrupted)
    for program, stage, parsed in commands():
        assert (program, stage, parsed.resume) == ("doorlab", "generate", True)
        assert parsed.launcher == launcher
        assert parsed.seed == config.seed


def test_write_dataset_never_overwrites_dataset(config, dataset):
    before = tree(dataset.path)
    with pytest.raises(DatasetError, match="--resume"):
        write_dataset(dataset.path, config, simulator=make_fake)
    assert tree(dataset.path) == before


def test_resume_names_differing_settings(config, dataset):
    other = replace(config, seed=3, image_size=32)
    with pytest.raises(ConfigError, match=r"seed \(0 there, 3 here\)") as caught:
        write_dataset(dataset.path, other, simulator=make_fake, resume=True)
    assert "image_size (16 there, 32 here)" in str(caught.value)
    assert "frames" not in caught.value.got


def test_resume_rejects_other_renderer(config, dataset):
    class Other(FakeSimulator):
        renderer = "another"

    with pytest.raises(ConfigError, match="renderer"):
        write_dataset(dataset.path, config, simulator=lambda name: Other(), resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_write_dataset_leaves_foreign_folder_unchanged(tmp_path, config, resume):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(DatasetError, match=r"thesis\.txt"):
        write_dataset(tmp_path, config, simulator=make_fake, resume=resume)
    assert tree(tmp_path) == {"thesis.txt": b"precious"}


def test_write_dataset_locks_folder_against_other_processes(tmp_path, config):
    path = tmp_path / "d"
    process = generate_elsewhere(path, 1)
    wait_for_shards(path, 1, process)
    with pytest.raises(DatasetError, match=f"got process {process.pid} on"):
        write_dataset(path, config, simulator=make_fake, resume=True)
    assert process.wait() == 0


@pytest.mark.parametrize("resume", [False, True])
def test_write_dataset_works_without_file_locks(
    tmp_path, config, dataset, resume, monkeypatch, capfd
):
    def flock(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    # A process warns once of every file system, which earlier tests may have caused.
    monkeypatch.setattr("doorlab.storage.locking._warned", set())
    path = tmp_path / "d"
    if resume:
        (path / "shards/.shard-00000.0123abcd.tmp").mkdir(parents=True)
        Manifest(config, make_fake("").renderer).write(path)
    write_dataset(path, config, simulator=make_fake, resume=resume)
    assert tree(path) == tree(dataset.path)
    assert capfd.readouterr().err.count("has no locks") == 1


@pytest.mark.parametrize("allowed", [0, 1, 30, 100])
def test_write_dataset_reports_full_disk_in_one_line(
    tmp_path, config, dataset, monkeypatch, allowed
):
    """No part is left half-written."""
    write_bytes, count = Path.write_bytes, iter(range(10_000))

    def fail_later(path, data):
        if next(count) >= allowed:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail_later)
    with pytest.raises(DatasetError) as caught:
        write_dataset(tmp_path / "d", config, simulator=make_fake)
    monkeypatch.undo()
    assert "full disk" in str(caught.value)
    assert "--resume" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.rglob(".*.tmp")) == []
    assert resumed(tmp_path / "d", config) == tree(dataset.path)


@contextlib.contextmanager
def small_disk(folder, size):
    """A file system of `size` bytes in `folder`; skips where mounting is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_write_dataset_reports_really_full_file_system(tmp_path, config, dataset, workers):
    with small_disk(tmp_path / "disk", "3m"):
        path = tmp_path / "disk/d"
        filler = tmp_path / "disk/filler"
        filler.write_bytes(b"0" * 2_500_000)
        with pytest.raises(DatasetError, match="full disk"):
            write_dataset(path, config, workers=workers, simulator=make_fake)
        assert list(path.rglob(".*.tmp")) == []
        filler.unlink()
        assert resumed(path, config) == tree(dataset.path)


@pytest.mark.parametrize(("path", "message"), [("file", "a file"), ("file/data", "file there")])
def test_write_dataset_rejects_path_occupied_by_file(tmp_path, config, path, message):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=message):
        write_dataset(tmp_path / path, config, simulator=make_fake)
    assert (tmp_path / "file").read_bytes() == b""


@pytest.mark.parametrize(
    ("change", "options"),
    [({"simulator": "none"}, {}), ({"prior": "none"}, {}), ({}, {"launcher": "none"})],
)
def test_write_dataset_rejects_unknown_names_before_writing(tmp_path, config, change, options):
    with pytest.raises(ConfigError, match="none"):
        write_dataset(
            tmp_path / "d", replace(config, **{"simulator": "pybullet", **change}), **options
        )
    assert list(tmp_path.iterdir()) == []


def test_write_dataset_accepts_parts_in_any_order(tmp_path, config, dataset, monkeypatch):
    def backwards(work, items, workers, gpus):
        yield from map(work, reversed(items))

    monkeypatch.setitem(LAUNCHERS, "backwards", lambda: backwards)
    write_dataset(tmp_path / "d", config, launcher="backwards", simulator=make_fake)
    assert tree(tmp_path / "d") == tree(dataset.path)


def test_write_dataset_rejects_worker_with_another_disk(tmp_path, config, monkeypatch):
    def run_elsewhere(work, items, workers, gpus):
        for sign in (tmp_path / "d").glob(".*.tmp"):  # the folder has its name, not its files
            sign.unlink()
        yield from map(work, items)

    monkeypatch.setitem(LAUNCHERS, "elsewhere", lambda: run_elsewhere)
    with pytest.raises(DatasetError, match="on a disk that all workers share"):
        write_dataset(tmp_path / "d", config, launcher="elsewhere", simulator=make_fake)
    assert {path.name for path in (tmp_path / "d").iterdir()} == {"dataset.json"}


def test_write_dataset_replaces_simulators_periodically(tmp_path, monkeypatch):
    made = []

    def counting(name):
        made.append(name)
        return FakeSimulator()

    # A constant: no dataset of a test is as large.
    monkeypatch.setattr("doorlab.data.writer._RECYCLE_DOORS", 8)
    config = GenerationConfig(
        doors=20, frames=1, interactions=1, image_size=8, shard_doors=4, videos=0
    )
    write_dataset(tmp_path / "d", config, simulator=counting)
    assert len(made) == 1 + 3  # one to try out, then one for every 8 doors


def test_write_dataset_with_pybullet_is_independent_of_workers(tmp_path):
    pytest.importorskip("pybullet")
    config = GenerationConfig(
        doors=6, frames=2, interactions=3, image_size=24, shard_doors=2, videos=0
    )
    write_dataset(tmp_path / "one", config, workers=1)
    write_dataset(tmp_path / "two", config, workers=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert DoorDataset.open(tmp_path / "one").read("optimal_reward").min() > 0.9
