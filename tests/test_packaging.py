"""What pyproject.toml promises, against what the tests run with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info < (3, 11):
    pytest.skip("tomllib came with Python 3.11", allow_module_level=True)

import tomllib

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def requirements(project) -> list[Requirement]:
    found = project["project"]
    # `make` installs no MoviePy: it wants an older pillow than the tests run with.
    extras = [text for texts in found["optional-dependencies"].values() for text in texts]
    extras = [text for text in extras if not text.startswith("moviepy")]
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
