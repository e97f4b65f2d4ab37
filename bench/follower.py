"""One client that follows one task's websocket as fast as it can, as its own process.

Standard input: a line of settings, then the task's number. Standard output: a line
once it is connected, and at the end how many lines came, and whether in order.
"""

import json
import ssl
import sys
from typing import Any

import msgspec

from tests.support.websocket import WebSocket


class _Message(msgspec.Struct):
    type: str
    task_id: int
    id: int = 0
    output: str = ""
    status: str = ""


def main() -> None:
    """Follow the task of standard input to its end."""
    settings: dict[str, Any] = json.loads(sys.stdin.readline())
    socket = WebSocket(
        "localhost",
        settings["port"],
        "/api/ws",
        ssl.create_default_context(cafile=settings["root"]),
        {"Authorization": f"Bearer {settings['token']}"},
    )
    print("connected", flush=True)
    task = int(sys.stdin.readline())
    decode = msgspec.json.Decoder(_Message).decode
    lines = last = printed = 0
    ordered = True
    for payload in socket.payloads():
        message = decode(payload)
        if message.task_id != task:
            continue
        if message.type == "log":
            ordered = ordered and message.id == last + 1
            last = message.id
            lines += 1
            if message.output.endswith("xxxx"):
                ordered = ordered and int(message.output[:7]) == printed
                printed += 1
        elif message.status in {"success", "error", "stopped"}:
            break
    print(json.dumps({"lines": printed, "ordered": ordered}), flush=True)


if __name__ == "__main__":
    main()
