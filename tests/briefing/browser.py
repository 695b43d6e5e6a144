"""A headless Chromium driven through its DevTools protocol: real clicks, everything it asked for, everything it said.

No host name resolves in it, so a page that needs the network fails here. Nothing about the pages under test.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from pipelines.briefing import pictures

needs_browser = pytest.mark.skipif(pictures.find_browser() is None, reason="no Chromium or Chrome was found")


class Tab:
    """One tab. `requests`: addresses asked for; `messages`: console errors, exceptions, dialogs."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last = 0
        self.requests: list[str] = []
        self.messages: list[str] = []
        self._loaded = 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a command; events that come meanwhile are kept."""
        self._last += 1
        number = self._last
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                answer: dict[str, Any] = message["result"]
                return answer
            self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded += 1
        elif method == "Runtime.exceptionThrown":
            self.messages.append(f"exception: {params['exceptionDetails'].get('exception', {}).get('description')}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert", "warning"):
            self.messages.append(f"{params['type']}: {[a.get('value') for a in params['args']]}")
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.messages.append(f"log: {params['entry']['text']}")
        elif method == "Page.javascriptDialogOpening":
            self.messages.append(f"dialog: {params['message']}")
            self._socket.send(
                json.dumps({"id": 10**9, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}})
            )

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def open(self, address: str) -> None:
        """Goes to an address and waits until it is loaded."""
        before = self._loaded
        self.call("Page.navigate", url=address)
        self.until(lambda: self._loaded > before, f"{address} did not load")

    def until(self, true: str | Callable[[], Any], why: str, seconds: float = 90) -> None:
        """Waits for a condition, a JavaScript expression or a function."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            done = self.run(true) if isinstance(true, str) else (self.run("0"), true())[1]
            if done:
                return
            time.sleep(0.05)
        raise AssertionError(f"{why}; the browser said {self.messages}")

    def click(self, selector: str) -> None:
        """A click of the mouse on the middle of the first element that fits."""
        box = self.run(
            f"(function(){{var e=document.querySelector({json.dumps(selector)});if(!e)return null;"
            "e.scrollIntoView({block:'center'});var r=e.getBoundingClientRect();"
            "return [r.left+r.width/2,r.top+r.height/2];})()"
        )
        assert box, f"no element {selector}"
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], clickCount=1,
                button="none" if kind == "mouseMoved" else "left",
            )  # fmt: skip

    def address(self) -> str:
        """Where the tab is now."""
        return str(self.run("location.href"))


@contextlib.contextmanager
def browser() -> Iterator[Callable[[], contextlib.AbstractContextManager[Tab]]]:
    """A running browser; call the value for a new tab."""
    profile = Path(tempfile.mkdtemp(prefix="xianzhi-browser-"))
    process = subprocess.Popen(
        [
            str(pictures.find_browser()), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
            f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--window-size=1300,1000", "about:blank",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        note = profile / "DevToolsActivePort"
        end = time.monotonic() + 60
        while not (note.is_file() and note.read_text().count("\n") >= 1):
            assert time.monotonic() < end and process.poll() is None, "the browser did not start"
            time.sleep(0.05)
        port = note.read_text().split("\n")[0]

        @contextlib.contextmanager
        def tab() -> Iterator[Tab]:
            ask = urllib.request.Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")
            with urllib.request.urlopen(ask, timeout=30) as answer:
                target = json.load(answer)
            with connect(target["webSocketDebuggerUrl"], max_size=None, proxy=None) as socket:
                yield Tab(socket)

        yield tab
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(profile, ignore_errors=True)
