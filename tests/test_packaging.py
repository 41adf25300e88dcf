"""What pyproject.toml promises, against what the tests run with."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def requirements(project) -> list[Requirement]:
    found = project["project"]
    # `make` installs neither MoviePy nor trackio, which want an older pillow than the tests run
    # with, nor TabPFN, which downloads its weights.
    extras = [text for texts in found["optional-dependencies"].values() for text in texts]
    extras = [text for text in extras if not text.startswith(("moviepy", "tabpfn", "trackio"))]
    return [Requirement(text) for text in (*found["dependencies"], *extras)]


def pinned() -> dict[str, list[Version]]:
    """Name -> the versions of constraints.txt, which may differ between versions of Python."""
    found: dict[str, list[Version]] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if "==" in line:
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            found.setdefault(canonicalize_name(requirement.name), []).append(Version(pin.version))
    return found


def test_pinned_versions_satisfy_requirements(project):
    pins = pinned()
    for requirement in requirements(project):
        versions = pins[canonicalize_name(requirement.name)]
        assert versions
        assert all(version in requirement.specifier for version in versions), requirement


@pytest.mark.parametrize(
    ("name", "hole"),
    [
        ("torch", "2.5.1"),  # CVE-2025-32434
        ("torch", "2.9.1"),  # CVE-2026-24747
        ("opencv-python-headless", "4.11.0.86"),  # CVE-2025-53644
    ],
)
def test_requirements_exclude_vulnerable_versions(project, name, hole):
    (requirement,) = (r for r in requirements(project) if r.name == name)
    assert Version(hole) not in requirement.specifier


def test_build_requirements_have_upper_bounds(project):
    for text in project["build-system"]["requires"]:
        assert any(part.operator.startswith("<") for part in Requirement(text).specifier), text


# Python -> the packages that a platform installs; wheels as of pybullet 3.2.7, pybullet-arm64 3.2.8
FORK, TORCH_ONLY = ["pybullet-arm64"], []
PYBULLET_OF = {
    ("linux", "x86_64"): {"3.11": ["pybullet"], "3.12": FORK, "3.13": FORK, "3.14": TORCH_ONLY},
    ("linux", "aarch64"): dict.fromkeys(("3.11", "3.12", "3.13", "3.14"), TORCH_ONLY),
    ("win32", "AMD64"): {"3.11": FORK, "3.12": FORK, "3.13": FORK, "3.14": TORCH_ONLY},
    ("win32", "ARM64"): dict.fromkeys(("3.11", "3.12", "3.13", "3.14"), TORCH_ONLY),
    ("darwin", "arm64"): {"3.11": FORK, "3.12": FORK, "3.13": FORK, "3.14": TORCH_ONLY},
    ("darwin", "x86_64"): dict.fromkeys(("3.11", "3.12", "3.13", "3.14"), TORCH_ONLY),
}


@pytest.mark.parametrize(
    ("platform", "machine", "python", "expected"),
    [
        (*place, python, packages)
        for place, of_python in PYBULLET_OF.items()
        for python, packages in of_python.items()
    ],
)
def test_at_most_one_pybullet_is_required_where_its_wheels_are(
    project, platform, machine, python, expected
):
    place = {"sys_platform": platform, "platform_machine": machine, "python_version": python}
    found = [
        requirement.name
        for requirement in map(Requirement, project["project"]["dependencies"])
        if requirement.name.startswith("pybullet")
        and (requirement.marker is None or requirement.marker.evaluate(place))
    ]
    assert found == expected


def test_supported_pythons_are_classified(project):
    listed = [text for text in project["project"]["classifiers"] if ":: 3." in text]
    assert listed == [f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 15)]
    assert project["project"]["requires-python"] == ">=3.11"


def test_type_checker_is_no_dependency_of_users(project):
    """Only the tests check shapes at run time."""
    pytest.importorskip("torch")
    assert not any(text.startswith("beartype") for text in project["project"]["dependencies"])
    code = "import sys, doorlab_envs, doorlab.stages.train, doorlab.robot; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "beartype" not in run.stdout.split()
