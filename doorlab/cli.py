"""The command line: `doorlab STAGE ...`, built from the configs of the stages."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from doorlab._version import __version__
from doorlab.errors import DoorlabError, refused, unknown_name
from doorlab.options import parse_options
from doorlab.runtime.import_errors import libraries_imported
from doorlab.runtime.memory_errors import lack_of_memory
from doorlab.runtime.signals import Interruption, die_on_stops, stops_handled
from doorlab.terminal.text import print_note

STAGES = {
    "demo": "the whole pipeline on a small preset, ending in a report",
    "generate": "make a dataset of doors: images, interactions, videos",
    "import": "make a dataset of your own footage, or of one that was exported",
    "export": "write a dataset in the form that dataset hubs display",
    "info": "what a dataset holds; --verify checks every checksum",
    "pretrain": "learn a representation of doors from unlabelled frames",
    "probe": "what frozen representations know about held-out doors",
    "diagnose": "how well pretrained models explain and imitate held-out doors",
    "represent": "train every model with every seed, probe them all, compare",
    "train": "learn to predict the reward of an action on a door",
    "bandit": "how many tries each policy needs on doors never seen",
    "study": "train every model with few labels and many, open doors, check claims",
    "plot": "figures of a run, each as PNG and as arrays",
    "report": "one self-contained HTML page about a run",
    "bench": "throughput of this machine, as JSON",
}

_USAGE = """usage: doorlab STAGE [OPTIONS]

Door data, unlabelled representations and few-try door opening for robots.

stages:
{stages}

`doorlab STAGE --help` explains every option of a stage. Start with `doorlab demo --out runs/demo`.
"""

_MODULES = {
    "demo": "doorlab.studies.demo",
    "represent": "doorlab.studies.representation",
    "study": "doorlab.studies.label_efficiency.study",
    "import": "doorlab.stages.import_",  # a word of Python's
}

# Stage -> what prints its result; others print theirs themselves.
_SHOWN = {
    **dict.fromkeys(("generate", "import", "export"), "show_dataset"),
    **dict.fromkeys(("pretrain", "train"), "show_training"),
    **dict.fromkeys(("probe", "diagnose", "bandit"), "show_result"),
}
# Stages that go on where they were stopped, with the same command.
_GOING_ON = ("demo", "represent", "study")

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one stage; returns the exit status. Errors for users are one line on stderr.

    SIGTERM and SIGHUP end a stage as Ctrl-C does: what it has begun is put in order.

    Args:
        argv: stage and options; those of this process when None, which then does nothing else.
    """
    if argv is not None:
        return _run(argv)
    _open_standard_streams()
    _print_anything()
    _find_modules_here()
    status = _run(sys.argv[1:])
    die_on_stops()  # Python's last steps are not to be interrupted with a traceback
    return _flush() or status


def run_stage(name: str) -> None:
    """What the files in scripts/ call: one stage with this process's arguments, then exit."""
    sys.argv[1:1] = [name]
    sys.exit(main())


def _run(args: Sequence[str]) -> int:
    interruption = Interruption()
    try:
        with stops_handled(interruption):
            return _dispatch(list(args))
    except (Exception, KeyboardInterrupt) as error:
        return _report(error, interruption.requested, *args[:1])


def _report(error: BaseException, interrupted: bool, stage: str = "") -> int:
    """Says in one line what ended a stage; raises errors that nobody foresaw."""
    if interrupted or isinstance(error, KeyboardInterrupt):
        reason = str(error) if isinstance(error, KeyboardInterrupt) else ""
        kept = stage in _GOING_ON
        usual = "the same command goes on where it stopped" if kept else "no result was written"
        return _complain(reason or f"interrupted; {usual}", _INTERRUPTED)
    if isinstance(error, DoorlabError):
        return _complain(str(error), _BAD_INPUT)
    if isinstance(error, BrokenPipeError):  # the reader went away: `doorlab info ... | head`
        return _FAILED
    memory = lack_of_memory(error)
    if memory is not None:
        fix = "lower what the work grows with: --batch, --workers, numbers and sizes"
        return _complain(f"expected enough memory; got {memory}; {fix}", _FAILED)
    if isinstance(error, OSError):
        return _complain(str(refused(error)), _FAILED)
    raise error


def _flush() -> int:
    """Writes what is left of the output. A reader that went away or a full disk is no traceback."""
    status = 0
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed when Python started
        try:
            stream.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # Python tries once more
            if stream is sys.stdout:
                status = _report(error, interrupted=False)
    return status


def _open_standard_streams() -> None:
    """Gives closed ones a descriptor again: files that are opened later must not get it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one


def _print_anything() -> None:
    """Lets a terminal that is not UTF-8, and names that are not, print as escapes."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _find_modules_here() -> None:
    """Adds the working directory to the Python path, for import paths (MODULE:NAME).

    The directory comes last, so that its files hide no installed package. Worker processes inherit
    the Python path.
    """
    with contextlib.suppress(OSError):  # the folder may be gone
        folder = os.getcwd()
        if folder not in sys.path and "" not in sys.path:
            sys.path.append(folder)


def _dispatch(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help"):
        print(_USAGE.format(stages="\n".join(f"  {n:<10} {t}" for n, t in STAGES.items())), end="")
        return 0 if args else _BAD_INPUT
    if args[0] == "--version":
        print(f"doorlab {__version__}")
        return 0
    if args[0] not in STAGES:
        raise unknown_name("stage", args[0], STAGES)
    with libraries_imported():
        stage = importlib.import_module(command_module(args[0]))
    try:
        config = parse(stage, args[0], args[1:])
    except SystemExit:  # help was printed
        return 0
    result = stage.run(config)
    if args[0] in _SHOWN:
        endings = importlib.import_module("doorlab.report.printing")
        getattr(endings, _SHOWN[args[0]])(result)
    return 0


def parse(stage: ModuleType, name: str, args: Sequence[str]) -> object:
    """The stage's Config. `--preset NAME` chooses the defaults that the other options change."""
    presets = getattr(stage, "PRESETS", None)
    return parse_options(
        stage.Config,
        presets[_preset(args, presets)] if presets else None,
        prog=f"doorlab {name}",
        description=stage.__doc__ or "",
        args=args,
        choices={"preset": tuple(presets)} if presets else {},
    )


def command_module(command: str) -> str:
    """The module of a command: that of its name in `doorlab.stages`, or one of `_MODULES`."""
    return _MODULES.get(command, f"doorlab.stages.{command}")


def _preset(args: Sequence[str], presets: dict[str, object]) -> str:
    chosen = next(iter(presets))
    for i, arg in enumerate(args):
        if arg == "--preset" and i + 1 < len(args):
            chosen = args[i + 1]
        elif arg.startswith("--preset="):
            chosen = arg.split("=", 1)[1]
    if chosen not in presets:
        raise unknown_name("preset", chosen, presets)
    return chosen


def _complain(message: str, status: int) -> int:
    print_note(f"error: {message}")
    return status
