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
from doorlab.runtime.memory_reuse import keep_freed_memory
from doorlab.runtime.signals import Interruption, die_on_stops, stops_handled
from doorlab.terminal.text import print_note

STAGES = {
    "demo": "run the whole pipeline on a small preset, with a report",
    "generate": "simulate a dataset of doors: images, interactions, videos",
    "import": "import your own images or videos, or an exported dataset",
    "export": "export a dataset or a model for a hub, with a card",
    "info": "show the contents of a dataset or model; --verify checks every checksum",
    "pretrain": "train an encoder of doors on unlabeled frames",
    "probe": "evaluate frozen embeddings with linear probes on held-out doors",
    "diagnose": "evaluate likelihood and samples of pretrained models",
    "represent": "pretrain and probe every model with several seeds; compare them",
    "train": "train a model that predicts the reward of an action on a door",
    "bandit": "measure the regret of policies on held-out doors",
    "study": "train all models with few and many labeled doors; test claims",
    "plot": "draw figures of runs, as PNG files and arrays",
    "report": "write one self-contained HTML page about a run",
    "explore": "write one offline HTML page to drag latents and try actions",
    "bench": "measure the throughput of this machine; --json FILE saves it",
}

_USAGE = """usage: doorlab STAGE [OPTIONS]

Simulate doors, learn embeddings from unlabeled images, and open doors in a few interactions.

stages:
{stages}

`doorlab STAGE --help` explains every option of a stage. Start with `doorlab demo --out runs/demo`.
"""

_MODULES = {
    "demo": "doorlab.studies.demo",
    "represent": "doorlab.studies.representation",
    "study": "doorlab.studies.label_efficiency.study",
    "import": "doorlab.stages.import_",  # `import` is a keyword of Python
}

# Stage -> the function that prints its result; the other stages print their results themselves.
_SHOWN = {
    **dict.fromkeys(("generate", "import"), "show_dataset"),
    "export": "show_export",
    **dict.fromkeys(("pretrain", "train"), "show_training"),
    **dict.fromkeys(("probe", "diagnose", "bandit"), "show_result"),
}
# Stages that continue an interrupted run when the same command is called again.
_GOING_ON = ("demo", "represent", "study")

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one stage; returns the exit status. User errors are printed as one line on stderr.

    SIGTERM and SIGHUP end a stage in the same way as Ctrl-C: the stage cleans up first.

    Args:
        argv: stage and options. None for the arguments of this process; the process must then
            serve this call only, because its standard streams, Python path and memory settings
            are changed.
    """
    if argv is not None:
        return _run(argv)
    _open_standard_streams()
    _print_anything()
    _find_modules_here()
    keep_freed_memory()
    status = _run(sys.argv[1:])
    die_on_stops()  # a signal during the shutdown of Python must not print a traceback
    return _flush() or status


def run_stage(name: str) -> None:
    """Runs one stage with the arguments of this process, and exits; for the files in scripts/."""
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
    """Prints one line about the error that ended a stage; raises unexpected errors again."""
    if interrupted or isinstance(error, KeyboardInterrupt):
        reason = str(error) if isinstance(error, KeyboardInterrupt) else ""
        kept = stage in _GOING_ON
        usual = "run the same command again to continue" if kept else "no result was written"
        return _complain(reason or f"interrupted: {usual}", _INTERRUPTED)
    if isinstance(error, DoorlabError):
        return _complain(str(error), _BAD_INPUT)
    if isinstance(error, BrokenPipeError):  # the reader closed the pipe: `doorlab info ... | head`
        return _FAILED
    memory = lack_of_memory(error)
    if memory is not None:
        fix = "Lower --batch-size, --workers, or the numbers and sizes of doors and frames."
        return _complain(f"Expected enough memory, but got {memory}. {fix}", _FAILED)
    if isinstance(error, OSError):
        return _complain(str(refused(error)), _FAILED)
    raise error


def _flush() -> int:
    """Flushes the output; returns the exit status.

    A closed pipe or a full disk prints no traceback.
    """
    status = 0
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed when Python started
        try:
            stream.flush()
        except OSError as error:
            # Python flushes again at exit; that flush must not fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if stream is sys.stdout:
                status = _report(error, interrupted=False)
    return status


def _open_standard_streams() -> None:
    """Opens closed standard streams on the null device.

    Otherwise a file that is opened later would get the descriptor of a standard stream.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor, which is this one


def _print_anything() -> None:
    """Prints characters that the encoding of the terminal lacks, or invalid names, as escapes."""
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
    """Parses options into the Config of a stage; `--preset NAME` selects the defaults.

    Raises:
        ConfigError: if an option, a value or a preset is unknown.
        SystemExit: after printing the help of the stage.
    """
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
    """Import path of the module of a command: from `_MODULES`, or of its name in `stages`."""
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
