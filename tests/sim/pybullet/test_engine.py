import subprocess
import sys

import pytest


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_engine_connects_with_closed_standard_streams(closed, tmp_path):
    out = tmp_path / "out"
    code = (
        "import os\n"
        f"for fd in {closed}: os.close(fd)\n"
        "from doorlab.sim.pybullet.engine import connect\n"
        "client, free = connect(os.link)\n"
        "def is_open(fd):\n"
        "    try: return os.fstat(fd) is not None\n"
        "    except OSError: return False\n"
        "found = f'{client} {[fd for fd in range(3) if is_open(fd)]}'\n"
        f"open({str(out)!r}, 'w').write(found)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    still_open = [fd for fd in range(3) if fd not in closed]
    assert out.read_text() == f"0 {still_open}"
