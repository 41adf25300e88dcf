"""What pyproject.toml can't say: that `pip install --editable` puts the clone on the path, too.

Setuptools finds an editable package by a hook that Python asks last. In the folder that the clone
lies in, `import doorlab` would find the clone's own folder first, as a package without content. A
path file names the clone, so that the real package is found there, before any folder without an
`__init__.py`.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

from setuptools import setup
from setuptools.command.editable_wheel import editable_wheel

ROOT = Path(__file__).resolve().parent
PATH_FILE = "__doorlab_clone__.pth"


class EditableWheel(editable_wheel):
    """An editable wheel with a path file."""

    def run(self) -> None:
        """Builds the wheel, then adds the file, as its record must say."""
        super().run()
        (path,) = Path(self.dist_dir).glob("doorlab-*.whl")
        content = f"{ROOT}\n".encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        with zipfile.ZipFile(path) as wheel:
            files = {info: wheel.read(info) for info in wheel.infolist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            for info, data in files.items():
                if info.filename.endswith(".dist-info/RECORD"):
                    data += f"{PATH_FILE},sha256={digest},{len(content)}\n".encode()
                wheel.writestr(info, data)
            wheel.writestr(PATH_FILE, content)


setup(cmdclass={"editable_wheel": EditableWheel})
