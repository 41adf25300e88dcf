"""What import-linter cannot see: folders, file sizes, function sizes, what imports cost."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("doorlab", "envs", "examples", "scripts", "assets")
    for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_source_files_and_functions_are_small_and_documented(path):
    text = path.read_text()
    assert path.stem not in ("utils", "helpers", "common", "misc")
    assert len(text.splitlines()) <= 400
    tree = ast.parse(text)
    assert not text.strip() or ast.get_docstring(tree), "a module says what it is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, f"{node.name} is too long"


def test_source_files_write_to_terminal_through_console_module():
    for path in SOURCES:
        if path.is_relative_to(ROOT / "doorlab") and path.stem not in ("console", "terminal"):
            text = path.read_text()
            assert not re.search(r"\bConsole\(", text), f"{path} wants PlainConsole"
            assert "file=sys.stderr" not in text, f"{path} wants print_note"


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import doorlab; dir(doorlab)", {"torch", "pybullet", "numpy"}),
        (
            "import doorlab.doors, doorlab.sim, doorlab.data.sources.simulation",
            {"torch", "pybullet"},
        ),
        ("import doorlab.report, doorlab.stages.report", {"torch", "pybullet"}),
        ("import doorlab.sim.pybullet.simulator", {"torch", "matplotlib"}),
        ("import doorlab.stages.train, doorlab.stages.bandit, doorlab_envs", {"pybullet"}),
    ],
)
def test_imports_load_only_required_libraries(statement, forbidden):
    assert not forbidden & modules_after(statement)


def test_checkout_folders_are_not_importable_from_outside(tmp_path):
    code = (
        "import importlib.util as u\n"
        "for name in ('envs', 'tests', 'assets', 'examples', 'scripts'):\n"
        "    spec = u.find_spec(name)\n"
        "    print(*(spec.submodule_search_locations or [spec.origin]) if spec else [], sep='\\n')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found = [Path(line) for line in run.stdout.splitlines()]
    # Another package may have brought a folder of that name; ours must not be among them.
    assert not [path for path in found if path.parent in (ROOT, ROOT / "envs")]
