import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

import doorlab
from doorlab import provenance
from doorlab.results import read_result, write_result

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    provenance.commit.cache_clear()
    yield
    provenance.commit.cache_clear()


@dataclass(frozen=True)
class Config:
    seed: int = 3


def test_provenance_states_versions_and_date(tmp_path):
    write_result(tmp_path / "r.json", "bandit", Config(), {}, "blake2b:00", "panda")
    found = read_result(tmp_path / "r.json", "bandit")["provenance"]
    assert found["doorlab"] == doorlab.__version__
    assert found["numpy"] == np.__version__
    assert found["torch"] == torch.__version__
    assert found["simulator"] == "panda"
    assert found["commit"] == provenance.commit()
    assert all(found[name] for name in ("python", "processor", "system"))
    age = datetime.now(UTC) - datetime.fromisoformat(found["date"])
    assert timedelta(0) <= age + timedelta(seconds=1) < timedelta(minutes=1)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A source tree under git with a single commit, as if doorlab ran from it."""
    source = tmp_path / "clone"
    (source / "doorlab").mkdir(parents=True)
    (source / "doorlab" / "__init__.py").touch()
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for args in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "first")):
        subprocess.run(["git", "-C", str(source), *args], check=True)
    monkeypatch.setattr(provenance, "__file__", str(source / "doorlab" / "__init__.py"))
    return source


def test_commit_of_clone_marks_uncommitted_changes(clone):
    head = ["git", "-C", str(clone), "rev-parse", "HEAD"]
    expected = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
    assert provenance.commit() == expected
    (clone / "doorlab" / "__init__.py").write_text("changed")
    (clone / "runs").mkdir()
    provenance.commit.cache_clear()
    assert provenance.commit() == f"{expected}+changes"


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError, subprocess.TimeoutExpired])
def test_commit_without_git_is_unknown(clone, monkeypatch, error):
    def fail(command, **_):
        raise error(command, 1) if error is subprocess.TimeoutExpired else error

    monkeypatch.setattr(subprocess, "run", fail)
    assert provenance.commit() == "unknown"


def test_commit_ignores_git_variables(clone, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert len(provenance.commit()) == 40


class Distribution:
    def __init__(self, noted: str | None) -> None:
        self._noted = noted

    def read_text(self, name: str) -> str | None:
        return self._noted


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        (json.dumps({"url": "x", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}), COMMIT),
        (json.dumps({"url": "file:///x", "archive_info": {}}), "unknown"),
        (None, "unknown"),
        ("[]", "unknown"),
        ("{", "unknown"),
    ],
)
def test_commit_of_installed_package_is_recorded_by_pip(tmp_path, monkeypatch, noted, expected):
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "site-packages/doorlab/__init__.py"))
    monkeypatch.setattr(provenance, "distribution", lambda name: Distribution(noted))
    monkeypatch.setattr(subprocess, "run", None)
    assert provenance.commit() == expected


def test_commit_without_installed_package_is_unknown(tmp_path, monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "tree/doorlab/__init__.py"))
    monkeypatch.setattr(provenance, "distribution", missing)
    assert provenance.commit() == "unknown"


def test_processor_has_fallback_name(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "")
    assert provenance.processor().startswith("unknown, ")


def test_version_of_pybullet_names_its_fork(monkeypatch):
    installed = {"pybullet-arm64": "3.2.8"}

    def version(name):
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(provenance, "version", version)
    provenance._environment.cache_clear()
    assert provenance.provenance()["pybullet"] == "3.2.8 (pybullet-arm64)"
    installed["pybullet"] = "3.2.7"
    provenance._environment.cache_clear()
    assert provenance.provenance()["pybullet"] == "3.2.7"
    provenance._environment.cache_clear()
