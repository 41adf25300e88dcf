"""Frames of openings: order and content in Python, choice of a frame in JavaScript."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
from helpers.fake_simulator import make_fake

from doorlab.doors import DoorPrior
from doorlab.explorer.openings import OPENINGS, openings_of
from doorlab.seeding import stream
from doorlab.sim.rendering import RGB_ONLY


def decoded(link):
    kind, data = link.split(",", 1)
    assert kind == "data:image/jpeg;base64"
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    return image[..., ::-1].astype(float)


def test_frames_go_from_closed_to_limit():
    prior, simulator = DoorPrior(), make_fake("fake")
    doors = [prior.sample(stream(4, "door", i)) for i in range(2)]
    views = [prior.sample_views(stream(4, "view", i), d, 1)[0] for i, d in enumerate(doors)]
    found = openings_of(simulator, doors, views, 32, RGB_ONLY)
    assert np.shape(found) == (2, OPENINGS)
    for door, view, frames in zip(doors, views, found, strict=True):
        for share, frame in ((0.0, frames[0]), (0.5, frames[OPENINGS // 2]), (1.0, frames[-1])):
            position = np.array([[share * door.opening_limit]])
            expected = simulator.render([door], position, [[view]], 32).images[0, 0]
            assert np.abs(decoded(frame) - expected).mean() < 4  # of 255; JPEG
        assert np.abs(decoded(frames[0]) - decoded(frames[-1])).mean() > 8


@pytest.mark.parametrize(("reward", "frame"), [(0, 0), (0.05, 0), (0.07, 1), (0.5, 4), (1, 8)])
def test_film_ends_at_frame_closest_to_reward(evaluate, reward, frame):
    assert evaluate({"reward": reward}, "frameOf(new Array(9), given.reward)") == frame
