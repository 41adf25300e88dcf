"""A page in Chromium, controlled by its DevTools protocol over two pipes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# Chromium reads the file descriptor 3 and writes 4. The copies from 10 on overlap with neither.
_START = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-sync", "--remote-debugging-pipe",
)  # fmt: skip


class Browser:
    """One page; use it as a context manager.

    Args:
        url: address of the page.
        profile: folder for the profile of the browser.
        width: CSS pixels.
        height: CSS pixels.
    """

    def __init__(self, url: str, profile: Path, width: int = 1200, height: int = 900) -> None:
        theirs, self._write = os.pipe()
        self._read, answers = os.pipe()
        command = ["chromium", *_OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(theirs), str(answers), *command],
            pass_fds=(theirs, answers), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs)
        os.close(answers)
        self._count, self._session, self._rest = 0, "", b""
        try:
            self._open(url, width, height)
        except BaseException:
            self.__exit__()
            raise

    def _open(self, url: str, width: int, height: int) -> None:
        pages = self.send("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        self.send("Page.enable")
        self.send("Page.navigate", url=url)
        self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        self._process.wait()

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command."""
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda found: found.get("id") == number)
        assert "error" not in answer, answer
        return answer["result"]

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def touch(self, selector: str, *places: tuple[float, float]) -> None:
        """Touches an element at a place (shares of its width and height), and drags to others."""
        found = f"document.querySelector({json.dumps(selector)})"
        self.evaluate(f"{found}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        box = self.evaluate(f"{found}.getBoundingClientRect().toJSON()")
        for number, (x, y) in enumerate(places):
            at = {"x": box["left"] + x * box["width"], "y": box["top"] + y * box["height"]}
            kind = "touchMove" if number else "touchStart"
            self.send("Input.dispatchTouchEvent", type=kind, touchPoints=[at])
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def screenshot(self, path: Path) -> None:
        """Writes the visible part of the page as PNG."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))

    def _until(self, wanted: Any) -> dict[str, Any]:
        while True:
            while b"\0" not in self._rest:
                part = os.read(self._read, 1 << 16)
                assert part, "Chromium ended"
                self._rest += part
            line, self._rest = self._rest.split(b"\0", 1)
            message = json.loads(line)
            if wanted(message):
                return message
