from dataclasses import replace

import pytest
import torch

from doorlab.errors import ConfigError
from doorlab.training import TrainConfig, launch


def test_work_is_given_its_arguments_and_threads():
    before = torch.get_num_threads()
    try:
        config = TrainConfig(accelerator="cpu", threads=1)
        found = launch(lambda fabric, a, b: (a + b, str(fabric.device)), config, 2, 3)
        assert found == (5, "cpu")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_told():
    config = TrainConfig()
    with pytest.raises(ConfigError, match="CUDA device"):
        launch(lambda fabric: None, replace(config, accelerator="cuda"))
