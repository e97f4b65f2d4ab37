"""A line that a job completes some seconds later stays one line everywhere."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.support.cases import ProductTestCase
from tests.support.product import TIMEOUT, clean_environment
from tests.support.websocket import WebSocket

#: Writes a line in two parts, the second one when the test at the port says so.
_SCRIPT = """\
exec 3<>/dev/tcp/127.0.0.1/{port}
echo before
printf 'working... '
date +%s.%N >&3
read -r -t 60 word <&3
printf 'done\\r\\nafter\\n'
"""

#: Halves of a secret before and after a pause, progress, and bytes that are no UTF-8.
_TEXTS = r"""
import sys, time
secret = __import__("os").environ["WORD"].encode()
half = len(secret) // 2
for piece in (
    b"10%\r20%\rpassword " + secret[:half], secret[half:] + b"\xff\xc3",
    b"\xa9!\nnext\r\nlast ", b"line",
):
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    time.sleep(2.5)
"""


class PausedLineTests(ProductTestCase):
    """The API, the websocket and the command agree on such a line."""

    def start(self) -> None:
        """Start a task whose script begins a line."""
        # A job shares the loopback interface with the test, and no directory.
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.listener.settimeout(TIMEOUT)
        script = _SCRIPT.format(port=self.listener.getsockname()[1])
        self.number, repo = self.project({"slow.sh": script})
        self.made = self.template(self.number, repo, "bash", "slow.sh")
        self.task = self.product.run(self.number, self.made)
        self.job, _ = self.listener.accept()
        self.addCleanup(self.job.close)

    def began(self) -> float:
        """Return the time at which the script began its line."""
        with self.job.makefile() as file:
            return float(file.readline())

    def go_on(self) -> None:
        """Let the script end its line."""
        self.job.sendall(b"go\n")

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the log from the first one of the script."""
        path = f"/project/{self.number}/tasks/{self.task}/output"
        rows: list[dict[str, Any]] = self.product.api("GET", path)
        texts = [row["output"] for row in rows]
        return rows[texts.index("before") :] if "before" in texts else []

    def part(self, websocket: WebSocket) -> dict[str, Any]:
        """Return the message that has the beginning of the line."""
        message = websocket.read()
        while message is not None and not message.get("partial"):
            message = websocket.read()
        assert message is not None, "the websocket ended"
        return message

    def raw(self) -> str:
        """Return the log as text."""
        path = f"/api/project/{self.number}/tasks/{self.task}/raw_output"
        return self.product.call("GET", path).content.decode()

    def test_one_row(self) -> None:
        """It is seen soon, has one number, and each text of it is sent once."""
        websocket = self.product.websocket()
        self.start()
        part = self.part(websocket)
        self.assertLess(time.time() - self.began(), 4)
        late = self.product.websocket()
        self.assertEqual(self.part(late), part)
        self.assertEqual([row["output"] for row in self.rows()], ["before"])
        self.go_on()
        messages = websocket.until_final(self.task)
        late_messages = late.until_final(self.task)
        rows = self.rows()
        self.assertEqual(
            [row["output"] for row in rows][:3], ["before", "working... done", "after"]
        )
        self.assertIn("before\nworking... done\r\nafter\n", self.raw())
        self.assertEqual(part["output"], "working... ")
        self.assertEqual((part["id"], part["time"]), (rows[1]["id"], rows[1]["time"]))
        for each in (messages, late_messages):
            logs = [message for message in each if message["type"] == "log"]
            rest = logs[0]
            self.assertEqual((rest["output"], rest["offset"]), ("done", 11))
            self.assertEqual((rest["id"], rest["time"]), (part["id"], part["time"]))
            self.assertNotIn("partial", rest)
            self.assertEqual(
                [(message["id"], message["output"]) for message in logs[1:]],
                [(row["id"], row["output"]) for row in rows[2:]],
            )

    def test_killed_server(self) -> None:
        """A server that is killed in the pause loses no text, and repeats none."""
        websocket = self.product.websocket()
        self.start()
        part = self.part(websocket)
        for _ in range(2):
            self.product.kill()
            self.product.start()
            websocket = self.product.websocket()
            again = self.part(websocket)
            self.assertEqual(again, part)
        self.go_on()
        messages = websocket.until_final(self.task)
        self.assertEqual(self.product.wait(self.number, self.task), "success")
        self.assertIn("before\nworking... done\r\nafter\n", self.raw())
        rows = self.rows()
        self.assertEqual(
            [row["output"] for row in rows][:3], ["before", "working... done", "after"]
        )
        numbers = [row["id"] for row in rows]
        first = numbers[0]
        self.assertEqual(numbers, list(range(first, first + len(rows))))
        self.assertEqual(rows[1]["id"], part["id"])
        (rest, *_) = [each for each in messages if each["type"] == "log"]
        self.assertEqual((rest["id"], rest["output"]), (part["id"], "done"))

    def test_killed_after_the_pause(self) -> None:
        """A line that is completed while no server runs is one line too."""
        websocket = self.product.websocket()
        self.start()
        self.part(websocket)
        self.product.kill()
        self.go_on()
        time.sleep(1)
        self.product.start()
        self.assertEqual(self.product.wait(self.number, self.task), "success")
        texts = [row["output"] for row in self.rows()]
        self.assertEqual(texts[:3], ["before", "working... done", "after"])

    def test_stopped(self) -> None:
        """The beginning of a line is kept if the task is stopped in it."""
        websocket = self.product.websocket()
        self.start()
        self.part(websocket)
        self.product.api(
            "POST", f"/project/{self.number}/tasks/{self.task}/stop", {"force": True}
        )
        self.assertEqual(self.product.wait(self.number, self.task), "stopped")
        texts = [row["output"] for row in self.rows()]
        self.assertEqual(texts[:2], ["before", "working... "])
        self.assertEqual(texts.count("working... "), 1)

    def test_command(self) -> None:
        """``semaphore task follow`` writes the beginning at once, and one line."""
        self.start()
        command = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("semaphore")),
                *("task", "follow", "--project", "Test", str(self.task)),
            ],
            env=clean_environment(
                SEMAPHORE_URL=self.product.url,
                SEMAPHORE_TOKEN=self.product.token,
                SEMAPHORE_CA=str(self.product.root),
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.addCleanup(command.wait)
        self.addCleanup(command.kill)
        timer = threading.Timer(TIMEOUT, command.kill)
        self.addCleanup(timer.cancel)
        timer.start()
        assert command.stdout is not None
        out = b""
        while not out.endswith(b"before\nworking... "):
            read = os.read(command.stdout.fileno(), 1 << 16)
            self.assertNotEqual(read, b"", out)
            out += read
        self.go_on()
        rest, _ = command.communicate(timeout=TIMEOUT)
        self.assertEqual(command.returncode, 0)
        self.assertEqual(
            (out + rest).decode().splitlines(),
            self.product.output(self.number, self.task),
        )
        self.assertIn(b"before\nworking... done\nafter\n", out + rest)

    def test_texts(self) -> None:
        """Over several pauses the log is what was written, masked and readable."""
        self.number, repo = self.project({"texts.py": _TEXTS})
        group = self.product.create(
            self.number,
            "environment",
            name="Words",
            json="{}",
            env="{}",
            secrets=[
                {
                    "name": "WORD",
                    "secret": "swordfish",
                    "type": "env",
                    "operation": "create",
                }
            ],
        )
        made = self.template(
            self.number, repo, "python", "texts.py", environment_id=group
        )
        websocket = self.product.websocket()
        self.task = self.product.run(self.number, made)
        messages = websocket.until_final(self.task)
        self.assertEqual(self.product.status(self.number, self.task), "success")
        expected = "10%\r20%\rpassword ***\ufffdé!\nnext\r\nlast line\n"
        self.assertIn(expected, self.raw())
        texts: dict[int, str] = {}
        for each in messages:
            if each["type"] == "log":
                before = texts.get(each["id"], "")
                self.assertEqual(each.get("offset", 0), len(before))
                texts[each["id"]] = before + each["output"]
        self.assertEqual(
            list(texts.values()), self.product.output(self.number, self.task)
        )
        sent = [each["output"] for each in messages if each.get("partial")]
        self.assertEqual(sent[:2], ["10%\r20%\rpassword ", "***\ufffd"])
