"""A real Chromium by its debugging protocol: what every frame of a page says, sandboxed ones included."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def frames(url: str, expression: str, wanted: str, seconds: float = 90) -> list[str]:
    """`expression` evaluated in every frame of a page, again and again until one result holds `wanted`."""
    return asyncio.run(_frames(url, expression, wanted, seconds))


async def _frames(url: str, expression: str, wanted: str, seconds: float) -> list[str]:
    assert BROWSER is not None
    # processes of the browser's own may write to its profile for a moment after they were told to end
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-sync --remote-debugging-port=0"
        command = [BROWSER, *flags.split(), f"--user-data-dir={profile}", "--window-size=1400,1400", "about:blank"]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            address = await _address(Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
                return await _ask(Talk(socket), url, expression, wanted, seconds)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


async def _address(file: Path) -> str:
    for _ in range(300):
        if file.exists() and len(lines := file.read_text().splitlines()) > 1:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        await asyncio.sleep(0.1)
    raise TimeoutError("Chromium opened no debugging port.")


class Talk:
    """Commands and their answers; sessions of frames that the browser attaches on the way."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.numbers = socket, itertools.count(1)
        self.sessions: list[str] = []
        self.contexts: dict[tuple[str, int], bool] = {}

    async def say(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        number = next(self.numbers)
        told = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        await self.socket.send_str(json.dumps(told))
        while True:
            message = json.loads((await self.socket.receive(timeout=60)).data)
            if message.get("id") == number:
                return dict(message.get("result") or {})
            self.hear(message)

    def hear(self, message: dict[str, Any]) -> None:
        session, params = message.get("sessionId", ""), message.get("params", {})
        match message.get("method"):
            case "Target.attachedToTarget":
                self.sessions.append(params["sessionId"])
            case "Runtime.executionContextCreated":
                self.contexts[session, params["context"]["id"]] = True
            case "Runtime.executionContextsCleared":
                self.contexts = {key: True for key in self.contexts if key[0] != session}


async def _ask(talk: Talk, url: str, expression: str, wanted: str, seconds: float) -> list[str]:
    target = (await talk.say("Target.createTarget", url="about:blank"))["targetId"]
    page = (await talk.say("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
    ready: set[str] = set()
    ends, found = time.monotonic() + seconds, []
    begun = False
    while time.monotonic() < ends:
        for session in dict.fromkeys([page, *talk.sessions]):
            if session not in ready:
                ready.add(session)
                await talk.say(
                    "Target.setAutoAttach", session, autoAttach=True, waitForDebuggerOnStart=False, flatten=True
                )
                await talk.say("Runtime.enable", session)
        if not begun:
            begun = True
            await talk.say("Page.navigate", page, url=url)
        found = []
        for session, context in list(talk.contexts):
            answer = await talk.say("Runtime.evaluate", session, expression=expression, contextId=context)
            found.append(str(answer.get("result", {}).get("value", "")))
        if any(wanted in text for text in found):
            return found
        await asyncio.sleep(0.5)
    return found
