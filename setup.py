"""What pyproject.toml can't say: that an editable install is found before the folder of the clone.

Setuptools finds an editable package by a hook that Python asks last. In the folder that the clone
lies in, `import doorlab` would find the clone's own folder first, as a package without content. A
path file, which Python reads after the one that installs the hook, moves the hook to the front.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

from setuptools import setup
from setuptools.command.editable_wheel import editable_wheel

PATH_FILE = "__editable_first__.pth"
# The hook is a class of that name; sorting keeps the order of all the others.
CONTENT = (
    "import sys; "
    "sys.meta_path.sort(key=lambda f: getattr(f, '__name__', '') != '_EditableFinder')\n"
)


class EditableWheel(editable_wheel):
    """An editable wheel with a path file."""

    def run(self) -> None:
        """Builds the wheel, then adds the file, as its record must say."""
        super().run()
        (path,) = Path(self.dist_dir).glob("doorlab-*.whl")
        content = CONTENT.encode()
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
