"""Debian's Chromium, controlled over a pipe by its protocol (CDP); all calls block."""

import atexit
import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.lab_machine import Machine
from tests.support.programs import program, require

TIMEOUT = 30.0

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--ignore-certificate-errors",
    "--remote-debugging-pipe",
    "about:blank",
)


#: Gives a program its two pipe ends as descriptors 3 and 4; shells support only small
#: numbers.
_EXECUTE = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(each), fcntl.F_DUPFD_CLOEXEC, 10) for each in sys.argv[1:3]]
for number, end in enumerate(ends, 3):
    os.dup2(end, number)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def scan(picture: Path) -> bytes:
    """Return what ``zbarimg`` reads from *picture*."""
    done = subprocess.run(
        [
            *(program("zbarimg"), "--quiet", "--raw", "--oneshot"),
            *("-Sdisable", "-Sqrcode.enable", "-Sqrcode.binary", str(picture)),
        ],
        capture_output=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"nothing was read: {done.stderr.decode()}")
    return done.stdout


class Failed(AssertionError):
    """The browser could not do a step, or the page threw an error."""


class Chromium:
    """A running browser without a page."""

    def __init__(self, names: str, machine: Machine | None = None) -> None:
        """Start it on *machine* of the lab, or on this machine.

        *names* are Chromium's rules for resolving names.
        """
        require("chromium-headless-shell")
        self.folder = Path(tempfile.mkdtemp(prefix="chromium-"))
        self.input, its_out = os.pipe()
        its_in, self.output = os.pipe()
        words = [
            *(sys.executable, "-c", _EXECUTE, str(its_in), str(its_out)),
            *("chromium-headless-shell", f"--user-data-dir={self.folder / 'profile'}"),
            *(f"--host-resolver-rules={names}", *_OPTIONS),
        ]
        self.process = subprocess.Popen(
            words if machine is None else machine.words(*words),
            # its temporary files are removed with its own directory
            env={**os.environ, "TMPDIR": str(self.folder)}
            if machine is None
            else machine.environ(),
            pass_fds=(its_in, its_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(its_in)
        os.close(its_out)
        self.buffer = b""
        self.number = 0

    def stop(self) -> None:
        """End it, and remove its files."""
        os.close(self.output)
        os.close(self.input)
        with contextlib.suppress(ProcessLookupError):
            # its children are in the group
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


_shared: list[Chromium] = []


def _shared_chromium() -> Chromium:
    """Return the browser that the tests of this process share; it ends with it."""
    if _shared and _shared[0].process.poll() is not None:
        _stop_shared()
    if not _shared:
        _shared.append(Chromium("MAP * ~NOTFOUND, EXCLUDE localhost"))
    return _shared[0]


@atexit.register
def _stop_shared() -> None:
    while _shared:
        _shared.pop().stop()


class Browser:
    """One page in a context of its own; it records the page's requests and errors.

    No cookie, cached file or stored value of another page is in the context.
    """

    def __init__(self, machine: Machine | None = None, names: str = "") -> None:
        """Open a page in the shared browser, or in one that is started on *machine*.

        *names* are the rules for resolving names there.
        """
        self._alone = machine is not None
        self._chromium = Chromium(names, machine) if machine else _shared_chromium()
        self.downloads = Path(tempfile.mkdtemp(prefix="downloads-"))
        self._session: str | None = None
        self.requests: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.dialogs: list[str] = []
        self._context = self.call("Target.createBrowserContext")["browserContextId"]
        self.call(
            "Browser.setDownloadBehavior",
            behavior="allow",
            browserContextId=self._context,
            downloadPath=str(self.downloads),
        )
        made = self.call(
            "Target.createTarget", url="about:blank", browserContextId=self._context
        )
        attached = self.call(
            "Target.attachToTarget", targetId=made["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def stop(self) -> None:
        """Close the page and forget what it stored."""
        if self._alone:
            self._chromium.stop()
        else:
            self._session = None
            self.call("Target.disposeBrowserContext", browserContextId=self._context)
        shutil.rmtree(self.downloads, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the browser, and return its result."""
        chromium = self._chromium
        chromium.number += 1
        number = chromium.number
        message: dict[str, Any] = {
            "id": number,
            "method": method,
            "params": parameters,
        }
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(chromium.output, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + TIMEOUT
        while True:
            found = self._message(deadline)
            if found.get("id") == number:
                if "error" in found:
                    raise Failed(f"{method}: {found['error']}")
                return found["result"]

    def _message(self, deadline: float) -> dict[str, Any]:
        chromium = self._chromium
        while b"\0" not in chromium.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([chromium.input], [], [], left)[0]:
                raise Failed("the browser does not answer")
            got = os.read(chromium.input, 1 << 20)
            if not got:
                raise Failed("the browser has ended")
            chromium.buffer += got
        text, _, chromium.buffer = chromium.buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        if found.get("sessionId") == self._session:  # else of a page that was closed
            self._note(found.get("method", ""), found.get("params", {}))
        return found

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"])
        elif event == "Log.entryAdded":
            entry = told["entry"]
            # some tests provoke answers with status 4xx
            if entry.get("source") != "network":
                self.complaints.append(entry["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif event == "Page.javascriptDialogOpening":
            self.dialogs.append(told["type"])
            self._chromium.number += 1
            message = {
                "id": self._chromium.number,
                "method": "Page.handleJavaScriptDialog",
                "params": {"accept": True},
                "sessionId": self._session,
            }
            os.write(self._chromium.output, json.dumps(message).encode() + b"\0")

    def open(self, url: str) -> None:
        """Open *url*, and wait until it has loaded."""
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Return the value of *script* (with ``await``), run as a user's action."""
        found = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in found:
            raise Failed(f"{script}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until *script* is true; errors during a page load are ignored."""

        def ready() -> bool:
            try:
                return bool(self.run(script))
            except Failed as error:
                if "navigated" in str(error):
                    return False
                raise

        self.wait(ready, script)

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        """Wait until *ready* returns true."""
        deadline = time.monotonic() + TIMEOUT
        while not ready():
            if time.monotonic() > deadline:
                raise Failed(f"never: {what}; {self.complaints}")
            time.sleep(0.02)

    def press(self, selector: str) -> None:
        """Click with the mouse on the element that *selector* finds."""
        self.run(f"document.querySelector({json.dumps(selector)}).scrollIntoView()")
        box = self.run(
            "(() => { const box = document.querySelector("
            f"{json.dumps(selector)}).getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=box[0],
                y=box[1],
                button="left",
                clickCount=1,
            )

    def type(self, selector: str, text: str) -> None:
        """Type *text* into a field."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def look(self, *, width: int = 1000, dark: bool = False, scale: int = 1) -> None:
        """Show the page on a screen of *width*, in the light or the dark scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = "dark" if dark else "light"
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def picture(self, selector: str | None = None) -> bytes:
        """Return a PNG of the whole page, or of the element that *selector* finds."""
        more: dict[str, Any] = {}
        if selector is not None:
            box = self.run(
                "(() => { const box = document.querySelector("
                f"{json.dumps(selector)}).getBoundingClientRect();"
                " return {x: box.x + scrollX, y: box.y + scrollY, width: box.width,"
                " height: box.height, scale: 1}; })()"
            )
            more["clip"] = box
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True, **more)
        return base64.b64decode(found["data"])
