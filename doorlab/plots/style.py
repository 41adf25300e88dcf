"""Style of all figures: one color, line and marker per model, and plain axes.

The colors are those of Okabe and Ito (2008), which are distinguishable for color-blind readers.
Line styles and markers distinguish the models in grayscale.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from doorlab.plots.matplotlib_settings import default_settings
from doorlab.storage.files import atomic_write_bytes

INK, MUTED, FAINT = "#1f2933", "#5f6c7b", "#d9dee4"
DPI = 150
WIDTH = 8.0  # inches: 1,200 pixels
FONT_SIZE = 11.0  # points: 23 pixels, still 11 when a figure is shown at half size


@dataclass(frozen=True)
class ModelStyle:
    """Label, color, line and marker of a model or policy, in all figures and tables."""

    label: str
    color: str
    line: str
    marker: str


FOCUS_MODELS = ("contrastive_ssnp", "ssnp")  # the first available one is the main model
STYLES: dict[str, ModelStyle] = {
    "contrastive_ssnp": ModelStyle("contrastive SSNP", "#b2182b", "-", "3"),
    "ssnp": ModelStyle("SSNP", "#d55e00", "-", "o"),
    "np": ModelStyle("NP", "#0072b2", "-", "s"),
    "statistician_np": ModelStyle("statistician + NP", "#009e73", "-", "D"),
    "contrastive_np": ModelStyle("contrastive statistician + NP", "#8b4513", "-", ">"),
    "vae_np": ModelStyle("VAE + NP", "#cc79a7", "-", "^"),
    "cnp": ModelStyle("CNP", "#e69f00", "-", "v"),
    "attentive_ssnp": ModelStyle("attentive SSNP", "#882255", "-", "2"),
    "attentive_np": ModelStyle("attentive NP", "#332288", "-", "1"),
    "tnp": ModelStyle("TNP", "#5e74fd", "-", "4"),
    "tnp_ssnp": ModelStyle("TNP SSNP", "#cf5dfe", "-", "|"),
    "statistician_tnp": ModelStyle("statistician + TNP", "#165512", "-", "_"),
    "latent_np": ModelStyle("latent NP", "#7a5195", "-", "<"),
    "contrastive_statistician": ModelStyle("contrastive statistician", "#8b4513", "-", ">"),
    "statistician": ModelStyle("statistician", "#009e73", "-", "D"),
    "disentangled_statistician": ModelStyle("disentangled statistician", "#6a3d9a", "-", "h"),
    "vae": ModelStyle("VAE", "#cc79a7", "-", "^"),
    "autoencoder": ModelStyle("autoencoder", "#0072b2", "--", "p"),
    "pca": ModelStyle("PCA", "#e69f00", "-.", "H"),
    "random_features": ModelStyle("random features", "#8a8f98", ":", "x"),
    "supervised": ModelStyle("supervised (reference)", INK, ":", "8"),
    "gp_ucb": ModelStyle("GP-UCB", "#56b4e9", "--", "P"),
    "gp_ts": ModelStyle("GP-Thompson", "#56b4e9", ":", "+"),
    "random": ModelStyle("random", "#8a8f98", "--", "X"),
    "visible_oracle": ModelStyle("visible oracle", "#5f6c7b", "-.", "d"),
    "oracle": ModelStyle("oracle", INK, ":", "*"),
}
# Strategy of a policy with a model -> label, line and marker.
_STRATEGIES: dict[str, tuple[str, str, str]] = {
    "ucb": ("UCB", "--", "^"),
    "thompson": ("Thompson", "-.", "v"),
    "ensemble": ("ensemble", "--", "o"),
    "epsilon": ("epsilon-greedy", ":", "x"),
    "linucb": ("LinUCB", "--", "s"),
    "neural_linear": ("neural-linear", "-.", "D"),
    "cpp": ("contextual prior", ":", "P"),
    "tabpfn": ("TabPFN", "--", "*"),
}
_SPARE_COLORS = ("#8c564b", "#6b8e23", "#5b5ea6", "#b8860b")


def style_of(name: str) -> ModelStyle:
    """The style of a model or policy.

    A model without an entry in `STYLES` gets a spare color, which depends on its name only. A
    policy with a model ("ssnp:ucb") has the color of the model and the line of the strategy. The
    label of a policy from outside doorlab ("barn:careful") is its name without the module. Shipped
    weights ("ssnp-narrow") have the color and the marker of the model, and a dashed line.
    """
    if name in STYLES:
        return STYLES[name]
    model, _, way = name.partition(":")
    kind, _, weights = model.partition("-")
    if weights and kind in STYLES and not way:
        label = f"{STYLES[kind].label}, shipped weights ({_words(weights)})"
        return replace(STYLES[kind], label=label, line="--")
    if way and kind not in STYLES and way not in _STRATEGIES:
        return replace(_spare_style(name), label=_words(way))
    if way:
        label, line, marker = _STRATEGIES.get(way, (_words(way.rpartition(":")[2]), "--", "h"))
        return ModelStyle(f"{style_of(model).label}, {label}", style_of(model).color, line, marker)
    return _spare_style(name)


def _spare_style(name: str) -> ModelStyle:
    color = _SPARE_COLORS[zlib.crc32(name.encode()) % len(_SPARE_COLORS)]
    return ModelStyle(_words(name), color, "-", "h")


def _words(name: str) -> str:
    return name.replace("_", " ")


def sort_models(names: Iterable[str]) -> list[str]:
    """Sorts names in the order of `STYLES`, from the main model to the baselines.

    Unknown names come last, in alphabetical order. Policies with a model ("ssnp:ucb") and shipped
    weights ("ssnp-narrow") follow the model.
    """
    order = {name: i for i, name in enumerate(STYLES)}
    return sorted(names, key=lambda name: (order.get(_kind_of(name), len(order)), name))


def focus_model(names: Iterable[str]) -> str | None:
    """The main model of a report among these models or policies; None without an SSNP."""
    known = set(names)
    return next((name for name in FOCUS_MODELS if name in known), None)


def has_shipped_weights(name: str) -> bool:
    """Whether the model of a policy was trained elsewhere: "ssnp-narrow", but not "ssnp"."""
    kind, _, weights = name.partition(":")[0].partition("-")
    return bool(weights) and kind in STYLES


def _kind_of(name: str) -> str:
    """The model of a policy: "ssnp" of "ssnp-narrow:ucb"."""
    return name.partition(":")[0].partition("-")[0]


@default_settings()
def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty white figure of `width` x `height` inches, for Agg: no display, no global state."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def style_axes(axes: Axes, *, grid: str = "y") -> None:
    """Two thin spines, muted ticks and a faint grid ("x", "y", "both" or "")."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=MUTED, labelsize=FONT_SIZE - 1, length=3, color=FAINT)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=MUTED, fontsize=FONT_SIZE)
    if grid:
        axes.grid(axis=grid, color=FAINT, linewidth=0.8)  # pyright: ignore[reportArgumentType]
        axes.set_axisbelow(True)


def title(axes: Axes, text: str) -> None:
    """Adds a title, aligned with the left edge of the axes."""
    axes.set_title(text, loc="left", fontsize=FONT_SIZE + 1, color=INK, fontweight="bold")


def text_color(name: str) -> str:
    """The color of a model, darkened to be legible as text on white."""
    red, green, blue = to_rgb(style_of(name).color)
    shade = min(1.0, 0.45 / (0.21 * red + 0.72 * green + 0.07 * blue + 1e-9))
    return to_hex((red * shade, green * shade, blue * shade))


@default_settings()
def footnote(figure: Figure, text: str) -> None:
    """Adds a line of text below all subplots, for example with numbers of doors and seeds."""
    figure.supxlabel(text, x=0.99, ha="right", fontsize=FONT_SIZE - 2, color=MUTED)


def spread_labels(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Moves positions by the least squares to be `gap` apart, within [low, high] if they fit.

    The function places labels of lines that end close together. After subtraction of the gaps, the
    problem is isotonic regression, which is solved by pooling adjacent violators.
    """
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    pools: list[list[float]] = []  # pools of positions minus their gaps, in order
    for rank, i in enumerate(order):
        pools.append([positions[i] - rank * gap])
        while len(pools) > 1 and _mean(pools[-2]) >= _mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    highest = max(low, high - (len(order) - 1) * gap)
    packed = [min(max(_mean(pool), low), highest) for pool in pools for _ in pool]
    placed = {i: packed[rank] + rank * gap for rank, i in enumerate(order)}
    return [placed[i] for i in range(len(positions))]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


@default_settings()
def to_png(figure: Figure, source: str = "") -> bytes:
    """Renders a figure as PNG. The bytes are reproducible: they contain no date and no version.

    Args:
        figure: figure to render.
        source: source of the data, for the metadata of the file ("Source").
    """
    buffer = io.BytesIO()
    about = {"Software": None, **({"Source": source} if source else {})}
    figure.savefig(buffer, format="png", metadata=about)
    return buffer.getvalue()


def save_png(figure: Figure, path: str | Path, source: str = "") -> None:
    """Writes a figure as a PNG file, atomically.

    Args:
        figure: figure to render.
        path: path of the file.
        source: source of the data, for the metadata of the file ("Source").
    """
    atomic_write_bytes(path, to_png(figure, source))
