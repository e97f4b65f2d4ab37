"""What clients of the websocket ask to be sent."""

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.changes import Action, Change, Changes
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import ProjectId, TaskId, UserId
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.model.users import Visibility
from semaphore_twisted.web.websocket.change_feed import PERIOD
from semaphore_twisted.web.websocket.subscriptions import Subscription, asked
from semaphore_twisted.web.websocket.watcher import Watcher
from tests.support.memory import make_user
from tests.web.test_endpoint import SocketTestCase, frames, masked
from tests.web.test_hub import (
    ADMIN,
    MEMBER,
    OTHER,
    PROJECT,
    TASK,
    HubTestCase,
    line,
    lines,
    task,
)


class MessageTests(SynchronousTestCase):
    """The messages of clients."""

    def test_asked(self) -> None:
        """A subscription has the chosen tasks; without a choice these are all."""
        for text, wanted in (
            (b'{"type":"subscribe"}', Subscription()),
            (b'{"type":"subscribe","logs":null}', Subscription()),
            (b'{"type":"subscribe","logs":[]}', Subscription(logs=())),
            (
                b'{"type":"subscribe","logs":[7,8,7],"changes":true}',
                Subscription(logs=(7, 8), changes=True),
            ),
        ):
            self.assertEqual(asked(text), wanted)

    def test_ignored(self) -> None:
        """Other messages are ignored, as in Semaphore."""
        for text in (
            b"",
            b"hello",
            b"\xff",
            b"[]",
            b"7",
            b"{}",
            b'{"type":"ping"}',
            b'{"type":["subscribe"]}',
            b"[" * 4096,
        ):
            self.assertIsNone(asked(text), text)

    def test_refused(self) -> None:
        """A wrong subscription is refused with its field."""
        many = msgspec.json.encode(
            {"type": "subscribe", "logs": list(range(limits.WEBSOCKET_LOGS + 1))}
        )
        for text, words in (
            (b'{"type":"subscribe","logs":7}', "logs must be a list or null"),
            (b'{"type":"subscribe","logs":["7"]}', "logs[0] must be an integer"),
            (b'{"type":"subscribe","changes":"yes"}', "changes must be true or false"),
            (b'{"type":"subscribe","tasks":[7]}', "tasks: unknown field"),
            (many, "logs"),
        ):
            error = self.assertRaises(Invalid, asked, text)
            self.assertIn(words, error.message)


class LogTests(HubTestCase):
    """Clients that want the logs of some tasks."""

    def subscribe(self, watcher: Watcher, **fields: Any) -> None:
        """Send a subscription."""
        self.hub.received(watcher, msgspec.json.encode({"type": "subscribe", **fields}))

    def test_chosen(self) -> None:
        """Only the lines of chosen tasks are sent; states of all tasks are."""
        watcher, wire = self.watcher("phone", MEMBER)
        self.subscribe(watcher, logs=[8])
        self.hub.output_appended(PROJECT, TASK, lines(1, 3))
        self.hub.output_appended(PROJECT, TaskId(8), [line(1, TaskId(8))])
        self.hub.output_begun(PROJECT, line(4))
        self.hub.task_changed(task(TaskStatus.SUCCESS))
        self.assertEqual(wire.kinds, ["subscribed", "log", "update"])
        self.assertEqual(
            wire.sent[0], {"type": "subscribed", "logs": [8], "changes": False}
        )
        self.assertEqual(wire.sent[1]["task_id"], 8)

    def test_default(self) -> None:
        """A client that sends nothing, or nothing known, gets everything."""
        watcher, wire = self.watcher("page", MEMBER)
        self.hub.received(watcher, b'{"type":"hello"}')
        self.hub.output_appended(PROJECT, TASK, lines(1, 2))
        self.assertEqual(wire.kinds, ["log", "log"])

    def test_again(self) -> None:
        """The last subscription counts, and a wrong one changes nothing."""
        watcher, wire = self.watcher("page", MEMBER)
        self.subscribe(watcher, logs=[])
        self.subscribe(watcher, logs="all")
        self.hub.output_appended(PROJECT, TASK, [line(1)])
        self.assertEqual(wire.kinds, ["subscribed", "error"])
        self.subscribe(watcher)
        self.hub.output_appended(PROJECT, TASK, [line(2)])
        self.assertEqual(wire.numbers, [2])

    def test_begun(self) -> None:
        """The beginning of a line is sent to who subscribes in the meantime, once."""
        watcher, wire = self.watcher("page", MEMBER)
        self.subscribe(watcher, logs=[])
        self.hub.output_begun(PROJECT, line(1))
        self.assertEqual(wire.numbers, [])
        self.subscribe(watcher, logs=[7])
        self.subscribe(watcher, logs=[7])
        self.assertEqual(wire.numbers, [1])

    def test_rights(self) -> None:
        """A subscription gives no right to a task."""
        watcher, wire = self.watcher("page", MEMBER)
        self.subscribe(watcher, logs=[7])
        self.hub.output_appended(OTHER, TASK, lines(1, 3))
        self.assertEqual(wire.kinds, ["subscribed"])

    def test_behind(self) -> None:
        """What was missed of a task that is not wanted any more is not read."""
        self.stored = lines(1, 50)
        watcher, wire = self.watcher("page", MEMBER)
        watcher.pause()
        self.hub.output_appended(PROJECT, TASK, lines(1, 50))
        self.hub.task_changed(task(TaskStatus.SUCCESS))
        self.subscribe(watcher, logs=[8])
        self.subscribe(watcher, logs=[9])
        self.assertEqual(wire.sent, [])
        watcher.resume()
        # the latest answer, and the state, which everybody gets
        self.assertEqual(wire.kinds, ["subscribed", "update"])
        self.assertEqual(wire.sent[0]["logs"], [9])


class ChangeTests(HubTestCase):
    """Messages about changed objects, from a store that the test fills."""

    def make(self, *changes: Change, last: int = 9, lost: bool = False) -> None:
        """Store changes, and let the hub look."""
        self.changes = Changes(last=last, changes=changes, lost=lost)
        self.clock.advance(PERIOD)

    def subscribed(self, name: str, audience: Visibility) -> tuple[Watcher, Any]:
        """Open a websocket that wants changes."""
        watcher, wire = self.watcher(name, audience)
        self.hub.received(watcher, b'{"type":"subscribe","changes":true}')
        wire.sent.clear()
        return watcher, wire

    def change(self, **fields: Any) -> Change:
        """Return a change of a template of the project."""
        values: dict[str, Any] = {
            "kind": "template",
            "id": 5,
            "project_id": PROJECT,
            "action": Action.UPDATED,
            "owner": None,
            **fields,
        }
        return Change(**values)

    def test_shape(self) -> None:
        """A message has the kind, the number, the project and the action."""
        _, wire = self.subscribed("page", MEMBER)
        _, quiet = self.watcher("old", MEMBER)
        self.make(self.change())
        self.assertEqual(
            wire.sent,
            [
                {
                    "type": "change",
                    "kind": "template",
                    "id": 5,
                    "project_id": 1,
                    "action": "updated",
                }
            ],
        )
        self.assertEqual(quiet.sent, [])

    def test_audience(self) -> None:
        """Who may not see a project, or another account, is told nothing of it."""
        alice = Visibility(
            everything=False, projects=frozenset({PROJECT}), user_id=UserId(3)
        )
        _, member = self.subscribed("member", alice)
        _, admin = self.subscribed("admin", ADMIN)
        self.make(
            self.change(id=1),
            self.change(id=2, project_id=OTHER),
            self.change(id=3, project_id=None, kind="user", owner=UserId(3)),
            self.change(id=4, project_id=None, kind="user", owner=UserId(4)),
            self.change(id=5, project_id=None),
        )
        self.assertEqual([each["id"] for each in member.sent], [1, 3])
        self.assertEqual([each["id"] for each in admin.sent], [1, 2, 3, 4, 5])

    def test_confined(self) -> None:
        """A token for one project is told of this one, and not of its VPN."""
        only = Visibility(
            everything=False,
            projects=frozenset({PROJECT}),
            user_id=UserId(3),
            confined=True,
        )
        _, wire = self.subscribed("script", only)
        self.make(
            self.change(id=1),
            self.change(id=2, project_id=OTHER),
            self.change(id=3, project_id=None, kind="user", owner=UserId(3)),
            self.change(id=4, kind="vpn_peer"),
        )
        self.assertEqual([each["id"] for each in wire.sent], [1])

    def test_lost(self) -> None:
        """Too many changes, and those that a client did not read, are one message."""
        watcher, wire = self.subscribed("page", MEMBER)
        self.make(lost=True)
        self.assertEqual(wire.sent, [{"type": "changes_lost"}])
        wire.sent.clear()
        watcher.pause()
        for _ in range(100):
            self.make(self.change())
        self.assertEqual(wire.sent, [])
        watcher.resume()
        self.assertEqual(wire.sent, [{"type": "changes_lost"}])

    def test_nothing_is_read(self) -> None:
        """While nobody wants changes, nothing looks for them."""
        before = len(self.clock.getDelayedCalls())
        watcher, _ = self.subscribed("page", MEMBER)
        self.assertEqual(len(self.clock.getDelayedCalls()), before + 1)
        self.hub.remove(watcher)
        self.clock.advance(PERIOD)
        self.assertEqual(len(self.clock.getDelayedCalls()), before)
        _, wire = self.subscribed("again", MEMBER)
        self.make(self.change())
        self.assertEqual(wire.kinds, ["change"])

    def test_broken(self) -> None:
        """A read that fails is logged, and the next one takes place."""
        _, wire = self.subscribed("page", MEMBER)
        self.make(last=-1)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.changes = Changes(last=9)
        self.make(self.change())
        self.assertEqual(wire.kinds, ["change"])


class SocketTests(SocketTestCase):
    """The messages over a websocket, with changes that the API makes."""

    def messages(self, transport: Any) -> list[dict[str, Any]]:
        """Return the text messages that were sent, and forget them."""
        found = [
            msgspec.json.decode(payload)
            for kind, payload in frames(transport.value())
            if kind == 1
        ]
        transport.clear()
        return found

    def test_api(self) -> None:
        """Objects that the API creates, changes and deletes are told of."""
        admin = self.site.with_token(
            make_user(self.site.database.conn, "root", admin=True)
        )
        protocol, transport = self.opened()
        protocol.dataReceived(masked(1, b'{"type":"subscribe",', fin=False))
        protocol.dataReceived(masked(0, b'"changes":true}'))
        (answer,) = self.messages(transport)
        self.assertEqual(answer, {"type": "subscribed", "logs": None, "changes": True})
        base = f"/api/project/{self.project.id}"
        made = admin.post(f"{base}/environment", {"name": "New", "json": "{}"}).json
        path = f"{base}/environment/{made['id']}"
        admin.put(path, {"name": "Newer", "json": "{}"})
        admin.delete(path)
        admin.post("/api/projects", {"name": "Elsewhere"})
        self.site.clock.advance(PERIOD)
        self.assertEqual(
            self.messages(transport),
            [
                {
                    "type": "change",
                    "kind": "environment",
                    "id": made["id"],
                    "project_id": self.project.id,
                    "action": action,
                }
                for action in ("created", "updated", "deleted")
            ],
        )

    def test_many(self) -> None:
        """More changes than are read at a time are one message."""
        protocol, transport = self.opened()
        protocol.dataReceived(masked(1, b'{"type":"subscribe","changes":true}'))
        self.messages(transport)
        conn = self.site.database.conn
        conn.raw.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i <= ?) INSERT INTO event (project_id, object_type, object_name,"
            " created, ip, action) SELECT ?, 'view', '', '', '', 'updated' FROM n",
            (limits.WEBSOCKET_CHANGES, ProjectId(self.project.id)),
        )
        self.site.clock.advance(PERIOD)
        self.assertEqual(self.messages(transport), [{"type": "changes_lost"}])

    def test_too_long(self) -> None:
        """A message above the limit is ignored, and nothing of it is kept."""
        protocol, transport = self.opened()
        spaces = b" " * limits.WEBSOCKET_REQUEST
        protocol.dataReceived(masked(1, b'{"type":"subscribe"}' + spaces))
        self.assertEqual(self.messages(transport), [])
        self.assertIsNone(protocol._incoming)
        protocol.dataReceived(masked(2, b'{"type":"subscribe"}'))  # binary
        self.assertEqual(self.messages(transport), [])
        protocol.dataReceived(masked(1, b'{"type":"subscribe"}'))
        self.assertEqual(len(self.messages(transport)), 1)
