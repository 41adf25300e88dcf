"""Hypothesis strategies: any prior that passes its own checks."""

from typing import get_args

from hypothesis import strategies as st

from doorlab.doors.door import HandleType, PanelStyle, Texture

PROBABILITIES = (
    "sliding_probability",
    "hinge_right_probability",
    "pull_probability",
    "latch_probability",
    "locked_probability",
    "sticking_probability",
    "closer_probability",
)
# Where a range may lie. Of width, limits and latch_angle: as far as the checks let it.
BOUNDS = {
    "width": (0.4, 1.3),
    "height": (1.5, 2.6),
    "thickness": (0.01, 0.1),
    "place": (-0.5, 0.5),
    "opening_limit": (0.1, 1.999),
    "sliding_limit": (0.1, 0.92),
    "handle_height": (0.7, 1.4),
    "backset": (0.03, 0.1),
    "handle_length": (0.05, 0.2),
    "latch_angle": (0.01, 0.999),
    "mass": (1.0, 60.0),
    "hinge_friction": (0.0, 10.0),
    "hinge_damping": (0.0, 10.0),
    "stiction": (0.0, 30.0),
    "closer_stiffness": (0.0, 20.0),
    "brightness": (0.0, 1.0),
    "light_tilt": (0.0, 1.5),
    "light_turn": (-1.5, 1.5),
    "light_strength": (0.0, 1.0),
    "camera_distance": (1.0, 6.0),
    "camera_height": (0.5, 2.5),
    "field_of_view": (0.3, 1.5),
}
CHOICES = {
    "handle_types": get_args(HandleType),
    "panel_styles": get_args(PanelStyle),
    "panel_textures": get_args(Texture),
    "wall_textures": get_args(Texture),
    "floor_textures": get_args(Texture),
}


def _range(low: float, high: float) -> st.SearchStrategy[tuple[float, ...]]:
    ends = st.floats(low, high)
    return st.tuples(ends, ends).map(lambda pair: tuple(sorted(pair)))


def _some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, unique=True).map(tuple)


def knobs() -> st.SearchStrategy[dict[str, object]]:
    """The fields of any prior, every knob turned.

    Not the prior itself: the checker of shapes and types draws random numbers when one is made,
    which strategies must not do.
    """
    return st.fixed_dictionaries(
        {
            **{name: st.floats(0.0, 1.0) for name in PROBABILITIES},
            **{name: _range(*bounds) for name, bounds in BOUNDS.items()},
            **{name: _some(values) for name, values in CHOICES.items()},
            "randomize_appearance": st.booleans(),
            "camera_jitter": st.floats(0.0, 0.3),
            "camera_motion": st.floats(0.0, 1.0),
        }
    )


SEEDS = st.integers(0, 2**32 - 1)
