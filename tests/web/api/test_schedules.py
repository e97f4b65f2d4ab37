"""Tests of the schedules' routes."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from semaphore_twisted.config.options import Config
from semaphore_twisted.config.schedule_options import ScheduleOptions
from semaphore_twisted.model import limits
from semaphore_twisted.model.schedules import Schedule
from semaphore_twisted.operations import events
from semaphore_twisted.operations.schedules import runs, schedules
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.statements.projects import schedules as statements
from semaphore_twisted.web.http.options import WebOptions
from tests.support.http import Answer, api_client, memory_keyring
from tests.support.memory import make_user
from tests.support.resources import ResourceTestCase

_SECRETS = select(schema.schedule.c.secret)
_EVENTS = select(schema.event.c.description).order_by(schema.event.c.id)

#: A survey with a variable of each kind that matters here.
SURVEY = [
    {"name": "size", "type": "int", "required": True},
    {"name": "word", "type": "secret"},
    {"name": "pin", "type": "secret"},
]


class ScheduleTestCase(ResourceTestCase):
    """A template, and schedules of it."""

    def setUp(self) -> None:
        """Make the template."""
        super().setUp()
        self.tpl = self.made("templates", **self.template())["id"]
        self.path = f"{self.base}/schedules"

    def body(self, **body: Any) -> dict[str, Any]:
        """Return the body for a new schedule."""
        return {
            "template_id": self.tpl,
            "name": "Nightly",
            "cron_format": "30 2 * * *",
            "active": True,
            **body,
        }

    def create(self, **body: Any) -> Any:
        """Make a schedule, and return it."""
        return self.made("schedules", **self.body(**body))

    def put(self, number: int, **body: Any) -> Answer:
        """Replace a schedule."""
        return self.client.put(f"{self.path}/{number}", self.body(**body))

    def refuse(self, *words: str, field: str | None = None, **body: Any) -> None:
        """Check that a schedule cannot be made, nor another one be changed to it."""
        before = self.listed("schedules", "?all=1")
        answers = [self.client.post(self.path, self.body(**body))]
        answers += [self.put(each["id"], **body) for each in before[:1]]
        for answer in answers:
            self.refused(answer, *words)
            if field is not None:
                self.assertEqual(answer.json.get("field"), field, answer.body)
        self.assertEqual(self.listed("schedules", "?all=1"), before)


class ShapeTests(ScheduleTestCase):
    """What is shown."""

    def test_shape(self) -> None:
        """A schedule of few fields has Semaphore's fields, and those added here."""
        made = self.create()
        self.assertEqual(
            made,
            {
                "id": made["id"],
                "project_id": self.project.id,
                "template_id": self.tpl,
                "cron_format": "30 2 * * *",
                "name": "Nightly",
                "active": True,
                "repository_id": None,
                "type": "",
                "run_at": None,
                "delete_after_run": False,
                "task_params": None,
                "timezone": "",
                "catch_up": "none",
                "overrun": "queue",
                "next_run": "2026-01-03T02:30:00Z",
                "zone": "UTC",
                "parts": {
                    "every": None,
                    "minutes": [30],
                    "hours": [2],
                    "days": None,
                    "months": None,
                    "weekdays": None,
                    "both_days": True,
                },
                "runs_per_hour": 1,
                "next_runs": [f"2026-01-0{day}T02:30:00Z" for day in range(3, 8)],
                "secrets": [],
                "last_run": None,
                "last_started": None,
            },
        )
        self.assertEqual(self.shown("schedules", made["id"]), made)
        (listed,) = self.listed("schedules")
        self.assertEqual(listed, {**made, "tpl_name": "Say"})

    def test_zones(self) -> None:
        """The zone is that of the expression, the schedule, or the installation."""
        config = Config(schedule=ScheduleOptions(timezone="Asia/Tokyo"))
        site = api_client(
            database=self.site.database, options=WebOptions(config=config)
        )
        self.client = site.as_user(self.user)
        for body, zone, hour in (
            ({}, "Asia/Tokyo", 17),
            ({"timezone": "Europe/Athens"}, "Europe/Athens", 0),
            (
                {
                    "timezone": "Europe/Athens",
                    "cron_format": "CRON_TZ=UTC 30 2 * * *",
                },
                "UTC",
                2,
            ),
        ):
            made = self.create(**body)
            self.assertEqual(made["zone"], zone)
            self.assertEqual(datetime.fromisoformat(made["next_run"]).hour, hour)
        shown = self.client.get("/api/info").json
        self.assertEqual(shown["schedule_timezone"], "Asia/Tokyo")

    def test_lists(self) -> None:
        """Lists are Semaphore's; with ``all`` no schedule is hidden."""
        plain = self.create(name="b")
        commit = self.create(name="A", repository_id=self.repository_id())
        of_template = f"templates/{self.tpl}/schedules"
        for noun, query, ids in (
            ("schedules", "", [plain["id"]]),
            ("schedules", "?all=1", [commit["id"], plain["id"]]),
            (of_template, "", [commit["id"]]),
            (of_template, "?all=1", [commit["id"], plain["id"]]),
        ):
            found = [each["id"] for each in self.listed(noun, query)]
            self.assertEqual(found, ids, (noun, query))
        answer = self.client.get(f"{self.base}/templates/987/schedules")
        self.assertEqual(answer.status, 404)

    def test_last_runs(self) -> None:
        """The last due time is shown, and the last task with its status."""
        made = self.create(cron_format="@every 1m")
        for seconds in (60, 60):
            self.conn._clock.advance(seconds)
            with self.conn.transaction(write=True) as conn:
                (this,) = runs.due(conn)
                runs.start(conn, memory_keyring(), this, "UTC")
        shown = self.shown("schedules", made["id"])
        self.assertEqual(shown["last_run"]["outcome"], "skipped")
        self.assertIn("still waits", shown["last_run"]["reason"])
        started = shown["last_started"]
        self.assertEqual(
            (started["outcome"], started["status"]), ("started", "waiting")
        )
        task = self.client.get(f"{self.base}/tasks/{started['task_id']}").json
        self.assertEqual(task["schedule_id"], made["id"])
        self.assertIsNone(task["user_id"])

    def test_references(self) -> None:
        """A repository whose commits start runs is in use, a template is not."""
        repository = self.repository("Watched")
        made = self.create(repository_id=repository)
        path = f"{self.base}/repositories/{repository}"
        reference = {"id": made["id"], "name": "Nightly"}
        self.assertEqual(self.client.get(f"{path}/refs").json["schedules"], [reference])
        answer = self.client.delete(path)
        self.refused(answer, "schedules", "Nightly")
        self.assertTrue(answer.json["inUse"])
        template = f"{self.base}/templates/{self.tpl}"
        self.assertEqual(
            self.client.get(f"{template}/refs").json["schedules"], [reference]
        )
        self.assertEqual(self.client.delete(template).status, 204)
        self.assertEqual(self.listed("schedules", "?all=1"), [])
        self.assertEqual(self.client.delete(path).status, 204)


class ChangeTests(ScheduleTestCase):
    """Changes."""

    def test_everything(self) -> None:
        """What is shown can be sent back, and changes nothing."""
        made = self.create(
            timezone="Europe/Berlin",
            catch_up="one",
            overrun="skip",
            delete_after_run=True,
            task_params={"message": "By the clock"},
        )
        path = f"{self.path}/{made['id']}"
        self.conn._clock.advance(7)
        self.assertEqual(self.client.put(path, made).status, 204)
        self.assertEqual(self.shown("schedules", made["id"]), made)
        self.assertEqual(self.site.schedules.woken, 2)

    def test_timing(self) -> None:
        """A schedule counts anew only if what it is due by has changed."""
        made = self.create(cron_format="@every 1h")
        clock: Any = self.conn._clock
        clock.advance(600)
        self.assertEqual(
            self.put(made["id"], cron_format="@every 1h", name="x").status, 204
        )
        after = self.shown("schedules", made["id"])
        self.assertEqual(after["next_run"], made["next_run"])
        self.put(made["id"], cron_format="@every 2h")
        due = datetime.fromisoformat(self.shown("schedules", made["id"])["next_run"])
        self.assertEqual(due, clock.time + timedelta(hours=2))

    def test_switch(self) -> None:
        """A schedule is switched off and on, and counts from then."""
        made = self.create()
        path = f"{self.path}/{made['id']}/active"
        for active, due in ((False, None), (True, made["next_run"])):
            self.assertEqual(self.client.put(path, {"active": active}).status, 204)
            self.assertEqual(self.client.put(path, {"active": active}).status, 204)
            shown = self.shown("schedules", made["id"])
            self.assertEqual((shown["active"], shown["next_run"]), (active, due))
        told = [each for each in self.conn.column(_EVENTS) if "switched" in each]
        self.assertEqual(
            told, ["Schedule Nightly switched off", "Schedule Nightly switched on"]
        )
        self.refused(self.client.put(path, {}), "active")
        self.refused(self.client.put(path, {"active": "yes"}), "active")
        self.assertEqual(self.site.schedules.woken, 5)

    def test_once(self) -> None:
        """A schedule that runs once has a coming time."""
        made = self.create(
            cron_format="", type="run_at", run_at="2026-01-02T05:00:00+01:00"
        )
        self.assertEqual(made["next_runs"], ["2026-01-02T04:00:00Z"])
        self.assertIsNone(made["parts"])
        past = {"cron_format": "", "type": "run_at", "run_at": "2026-01-02T03:00:00Z"}
        self.refuse("passed", field="run_at", **past)
        self.refuse("missing", field="run_at", type="run_at")
        self.refuse("offset", field="run_at", run_at="2026-01-02T05:00:00")
        self.refuse(
            "wait for a commit",
            field="repository_id",
            repository_id=self.repository_id(),
            **{**past, "run_at": "2027-01-02T03:00:00Z"},
        )
        for year in ("0001", "1969", "2201", "9999"):
            never = {**past, "run_at": f"{year}-12-31T23:59:59+14:00"}
            self.refuse("1970 to 2200", field="run_at", **never)
        gone = self.create(**past, active=False)
        answer = self.client.put(f"{self.path}/{gone['id']}/active", {"active": True})
        self.refused(answer, "passed")

    def test_commits(self) -> None:
        """A change of what is watched begins anew, another change does not."""
        first, second = self.repository("One"), self.repository("Two")
        made = self.create(repository_id=first)
        seen = select(schema.schedule.c.last_commit_hash)
        self.conn.update(schema.schedule, made["id"], last_commit_hash="a" * 40)
        self.put(made["id"], repository_id=first, name="Other")
        self.assertEqual(self.conn.scalar(seen), "a" * 40)
        self.put(made["id"], repository_id=second)
        self.assertIsNone(self.conn.scalar(seen))
        self.assertNotIn("last_commit_hash", self.shown("schedules", made["id"]))

    def test_commits_at_another_time(self) -> None:
        """Another time of a schedule that waits for commits reads nothing before it."""
        made = self.create(repository_id=self.repository("One"))

        def due() -> datetime:
            found = self.conn.scalar(select(schema.schedule.c.next_run))
            return datetime.fromisoformat(str(found))

        self.assertEqual(due(), self.conn.now)
        later = self.conn.now + timedelta(days=3)
        self.conn.update(
            schema.schedule, made["id"], last_commit_hash="a" * 40, next_run=later
        )
        kept = {"repository_id": made["repository_id"]}
        self.put(made["id"], cron_format="17 3 * * *", **kept)
        self.assertGreater(due(), self.conn.now)
        self.assertLess(due(), self.conn.now + timedelta(days=1))
        # another template watches another branch, whose commit is not known yet
        other = self.made("templates", **self.template(name="Other"))["id"]
        self.put(made["id"], template_id=other, cron_format="17 3 * * *", **kept)
        self.assertEqual(due(), self.conn.now)

    def test_commits_while_off(self) -> None:
        """What was committed while a schedule was off is not new when it is on."""
        made = self.create(repository_id=self.repository("One"))
        seen = select(schema.schedule.c.last_commit_hash)
        path = f"{self.path}/{made['id']}/active"
        for switched_on in (
            lambda: self.client.put(path, {"active": True}),
            lambda: self.put(made["id"], repository_id=made["repository_id"]),
        ):
            self.client.put(path, {"active": False})
            self.conn.update(schema.schedule, made["id"], last_commit_hash="a" * 40)
            switched_on()
            self.assertTrue(self.shown("schedules", made["id"])["active"])
            self.assertIsNone(self.conn.scalar(seen))

    def test_delete(self) -> None:
        """A schedule is deleted."""
        made = self.create()
        path = f"{self.path}/{made['id']}"
        self.assertEqual(self.client.delete(path).status, 204)
        for method in ("GET", "PUT", "DELETE"):
            answer = self.client.request(method, path, self.body())
            self.assertEqual(answer.status, 404)

    def test_unchanged(self) -> None:
        """With ``If-Match`` a change that somebody else made is not overwritten."""
        made = self.create()
        path = f"{self.path}/{made['id']}"
        tag = self.client.get(path).header("etag")
        assert tag is not None
        headers = {"If-Match": tag}
        # the passing of time is no change
        self.conn._clock.advance(86400)
        # neither is a run that the server could not start
        events.SCHEDULE.record(
            self.conn,
            None,
            made["id"],
            "A",
            "started no task (failed): there is no key",
            project_id=made["project_id"],
        )
        answer = self.client.put(path, self.body(name="A"), headers=headers)
        self.assertEqual(answer.status, 204)
        answer = self.client.put(path, self.body(name="B"), headers=headers)
        self.assertEqual(answer.status, 412)
        self.assertEqual(self.shown("schedules", made["id"])["name"], "A")


class ParameterTests(ScheduleTestCase):
    """The parameters of tasks are checked like those of a new task."""

    def setUp(self) -> None:
        """Make a template that asks."""
        super().setUp()
        body = self.template(
            name="Asks", survey_vars=SURVEY, allow_override_branch_in_task=True
        )
        self.tpl = self.made("templates", **body)["id"]

    def due(self, number: int) -> Any:
        """Start the run of a schedule, and return what happened."""
        self.conn.update(schema.schedule, number, next_run=self.conn.now)
        with self.conn.transaction(write=True) as conn:
            (this,) = runs.due(conn)
            return runs.start(conn, memory_keyring(), this, "UTC")

    def test_answers(self) -> None:
        """The answers of the survey reach the task."""
        made = self.create(
            task_params={
                "environment": '{"size": "5"}',
                "git_branch": "release",
                "message": "m",
            }
        )
        self.assertEqual(
            made["task_params"],
            {"environment": '{"size": "5"}', "git_branch": "release", "message": "m"},
        )
        dealt = self.due(made["id"])
        self.assertEqual(dealt.task.environment, '{"size":5}')
        self.assertEqual(dealt.task.git_branch, "release")
        self.assertEqual(dealt.task.message, "m")

    def test_outside_of_params(self) -> None:
        """What a new task may say outside of its params reaches the task too."""
        body = self.template(
            name="Play",
            app="ansible",
            playbook="site.yml",
            inventory_id=self.inventory(),
            allow_override_branch_in_task=True,
            task_params={"allow_override_limit": True, "allow_debug": True},
        )
        self.tpl = self.made("templates", **body)["id"]
        given = {
            "limit": "web",
            "debug": True,
            "dry_run": True,
            "diff": True,
            "commit_hash": "a" * 40,
        }
        made = self.create(task_params=given)
        self.assertEqual(made["task_params"], given)
        task = self.due(made["id"]).task
        self.assertEqual({name: getattr(task, name) for name in given}, given)

    def test_secrets(self) -> None:
        """Secret answers are sealed, shown by name, kept without new ones, and sent."""
        given = {"environment": '{"size": 5}', "secret": '{"word": "opensesame"}'}
        made = self.create(task_params=given)
        self.assertEqual(made["secrets"], ["word"])
        self.assertNotIn(b"opensesame", self.client.get(self.path).body)
        self.assertNotIn("opensesame", self.conn.scalar(_SECRETS))
        dealt = self.due(made["id"])
        self.assertEqual(dealt.outcome, "started", dealt.reason)
        sealed = self.conn.scalar(select(schema.task.c.secret))
        self.assertIsNotNone(sealed)
        path = f"{self.path}/{made['id']}"
        shown = self.shown("schedules", made["id"])
        self.assertEqual(self.client.put(path, shown).status, 204)
        self.assertEqual(self.shown("schedules", made["id"])["secrets"], ["word"])
        cleared = {"environment": '{"size": 5}', "secret": "{}"}
        self.assertEqual(self.put(made["id"], task_params=cleared).status, 204)
        self.assertEqual(self.shown("schedules", made["id"])["secrets"], [])
        self.assertIsNone(self.conn.scalar(_SECRETS))

    def test_kept(self) -> None:
        """A client that does not know the parameters loses none."""
        given = {"environment": '{"size": 5}', "secret": '{"word": "x"}'}
        made = self.create(task_params=given)
        self.assertEqual(self.put(made["id"], name="Other").status, 204)
        shown = self.shown("schedules", made["id"])
        self.assertEqual(shown["task_params"], made["task_params"])
        self.assertEqual(shown["secrets"], ["word"])

    def test_one_secret_of_two(self) -> None:
        """A secret answer that is sent replaces its own; an empty one deletes it."""
        answers = {"environment": '{"size": 5}'}

        def answered(secret: str) -> object:
            sent = {**answers, "secret": secret}
            self.assertEqual(self.put(number, task_params=sent).status, 204)
            return self.shown("schedules", number)["secrets"]

        both = {**answers, "secret": '{"word": "Zx9", "pin": "417"}'}
        made = self.create(task_params=both)
        number = made["id"]
        self.assertEqual(answered('{"word": "Zx10"}'), ["pin", "word"])
        sealed = self.conn.one(
            statements.by_id, Schedule, project_id=made["project_id"], id=number
        )
        assert sealed
        _, values = schedules.parameters(self.conn, memory_keyring(), sealed)
        self.assertEqual(values, {"word": "Zx10", "pin": "417"})
        self.assertEqual(answered('{"word": ""}'), ["pin"])
        # what cannot be opened is not lost for the sake of another
        self.conn.raw.execute("UPDATE project__schedule SET secret = 'AAAA'")
        sent = {**answers, "secret": '{"word": "Zx9"}'}
        self.assertEqual(self.put(number, task_params=sent).status, 409)

    def test_unreadable_secret(self) -> None:
        """Secret answers that cannot be opened any more can be replaced or deleted."""
        answers = {"environment": '{"size": 5}'}
        secret = {**answers, "secret": '{"word": "Zx9"}'}
        number = self.create(task_params=secret)["id"]
        for sent, names in (({**answers, "secret": "{}"}, []), (secret, ["word"])):
            self.conn.raw.execute("UPDATE project__schedule SET secret = 'AAAA'")
            self.assertEqual(self.put(number, task_params=answers).status, 409)
            answer = self.put(number, task_params=sent)
            self.assertEqual(answer.status, 204, answer.body)
            self.assertEqual(self.shown("schedules", number)["secrets"], names)

    def test_damaged(self) -> None:
        """Damaged parameters are not kept by a change; new ones replace them."""
        answers = {"environment": '{"size": 5}'}
        number = self.create(task_params=answers)["id"]
        self.conn.raw.execute(
            """UPDATE project__schedule SET task_params = '{"params": 7}'"""
        )
        self.refused(self.put(number), "task_params", "send new ones")
        answer = self.put(number, task_params=answers)
        self.assertEqual(answer.status, 204, answer.body)

    def test_refused(self) -> None:
        """What a task may not have, the tasks of a schedule may not have."""
        self.create(task_params={"environment": '{"size": 1}'})
        five = '{"size": 5}'
        for words, field, params in (
            ("required", "environment.size", {"environment": "{}"}),
            (
                "must be an integer",
                "environment.size",
                {"environment": '{"size": "x"}'},
            ),
            ("does not ask", "environment", {"environment": '{"size":1,"x":1}'}),
            ("must be valid JSON", "environment", {"environment": "[1]"}),
            ("too many levels", "environment", {"environment": _DEEP}),
            ("secret", "environment", {"environment": '{"size":1,"word":"x"}'}),
            ("text", "secret", {"environment": five, "secret": '{"word": 5}'}),
            ("JSON", "secret", {"environment": five, "secret": "word"}),
            ("inventory", "inventory_id", {"environment": five, "inventory_id": 987}),
            ("arguments", "arguments", {"environment": five, "arguments": '["-x"]'}),
            (
                "name of a branch",
                "git_branch",
                {"environment": five, "git_branch": "-x"},
            ),
            ("version", "version", {"environment": five, "version": "1.0"}),
            ("playbook", "playbook", {"environment": five, "playbook": "x.yml"}),
            ("all 40", "commit_hash", {"environment": five, "commit_hash": "abc"}),
            ("debug", "debug", {"environment": five, "debug": True}),
            ("build_task_id", "build_task_id", {"build_task_id": 3}),
        ):
            self.refuse(words, field=f"task_params.{field}", task_params=params)

    def test_long(self) -> None:
        """All parameters together have a limit."""
        long = {"environment": '{"size": 5}', "message": "m" * 1001}
        self.refuse("1001 characters", task_params=long)
        long = {"environment": '{"size": 5}', "limit": "x" * limits.SCHEDULE_TASK}
        self.refuse("bytes of JSON", field="task_params", task_params=long)

    def test_survey_changes(self) -> None:
        """A run whose answers the survey accepts no longer says why."""
        made = self.create(task_params={"environment": '{"size": 5}'})
        path = f"{self.base}/templates/{self.tpl}"
        body = self.template(name="Asks", survey_vars=[{"name": "other"}])
        self.assertEqual(self.client.put(path, body).status, 204)
        dealt = self.due(made["id"])
        self.assertEqual(dealt.outcome, "failed")
        shown = self.shown("schedules", made["id"])
        self.assertIn('does not ask for "size"', shown["last_run"]["reason"])


_DEEP = '{"size":' * 200 + "1" + "}" * 200


class InputTests(ScheduleTestCase):
    """Bodies that are not accepted."""

    def test_bodies(self) -> None:
        """Each field is checked; nothing is stored."""
        self.create()
        foreign = self.other_template()
        for words, field, body in (
            ("Cron", "cron_format", {"cron_format": ""}),
            ("Cron: 6 fields", "cron_format", {"cron_format": "0 * * * * *"}),
            ("never due", "cron_format", {"cron_format": "0 0 30 2 *"}),
            ("255", "cron_format", {"cron_format": "* " * 200}),
            ("timezone", "timezone", {"timezone": "Mars/Olympus"}),
            ("timezone", "timezone", {"timezone": "../../etc/passwd"}),
            ("name", "name", {"name": "x" * 256}),
            ("control", "name", {"name": "a\nb"}),
            ("987", "template_id", {"template_id": 987}),
            (str(foreign), "template_id", {"template_id": foreign}),
            ("987", "repository_id", {"repository_id": 987}),
            ("type", "type", {"type": "sometimes"}),
            ("catch_up", "catch_up", {"catch_up": "all"}),
            ("overrun", "overrun", {"overrun": "kill"}),
            ("active", "active", {"active": "yes"}),
            ("template_id", "template_id", {"template_id": "x"}),
            ("cron_format", "cron_format", {"cron_format": 5}),
            ("run_at", "run_at", {"run_at": "tomorrow"}),
            ("task_params", "task_params", {"task_params": "x"}),
            ("delete_after_run", "delete_after_run", {"delete_after_run": 7}),
        ):
            self.refuse(words, field=field, **body)
        for raw in (b"[]", b"null", b"{", b'{"a":' * 500 + b"1" + b"}" * 500, b"\xff"):
            for method, path in (
                ("POST", self.path),
                ("POST", f"{self.path}/validate"),
                ("PUT", f"{self.path}/1"),
                ("PUT", f"{self.path}/1/active"),
            ):
                if raw == b"null" and path.endswith("validate"):
                    continue
                answer = self.client.request(method, path, raw)
                self.assertEqual(answer.status, 400, (method, path, raw[:9]))

    def other_template(self) -> int:
        """Return a template of the other project."""
        number: int = self.conn.insert(
            schema.template,
            project_id=self.other.id,
            name="Foreign",
            playbook="x.sh",
            app="bash",
            repository_id=self.repository_id(),
        )
        return number

    def test_ids(self) -> None:
        """The ids of body and path must agree, and be of this project."""
        made = self.create()
        self.refused(self.put(made["id"], id=made["id"] + 1))
        self.refused(self.put(made["id"], project_id=self.other.id))
        self.refused(self.client.post(self.path, self.body(project_id=self.other.id)))
        self.conn.update(schema.schedule, made["id"], project_id=self.other.id)
        for method in ("GET", "PUT", "DELETE"):
            answer = self.client.request(
                method, f"{self.path}/{made['id']}", self.body()
            )
            self.assertEqual(answer.status, 404)
        answer = self.client.put(f"{self.path}/{made['id']}/active", {"active": False})
        self.assertEqual(answer.status, 404)

    def test_rights(self) -> None:
        """A guest reads; only who manages resources changes and validates."""
        made = self.create()
        guest = self.guest()
        one = f"{self.path}/{made['id']}"
        for path in (self.path, one, f"{self.path}/calendar"):
            self.assertEqual(guest.get(path).status, 200)
        for method, path, body in (
            ("POST", self.path, self.body()),
            ("POST", f"{self.path}/validate", {"cron_format": "@daily"}),
            ("PUT", one, self.body()),
            ("PUT", f"{one}/active", {"active": False}),
            ("DELETE", one, {}),
        ):
            self.assertEqual(guest.request(method, path, body).status, 403)
        stranger = self.site.as_user(make_user(self.conn, "stranger"))
        self.assertEqual(stranger.get(self.path).status, 404)


class ValidateTests(ScheduleTestCase):
    """``POST …/validate``."""

    def check(self, **body: Any) -> Answer:
        """Validate an expression."""
        return self.client.post(f"{self.path}/validate", body)

    def test_valid(self) -> None:
        """A valid expression is answered with its zone, numbers and coming runs."""
        answer = self.check(cron_format="* 4 * * *", timezone="Europe/Athens")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json["zone"], "Europe/Athens")
        self.assertEqual(answer.json["runs_per_hour"], 60)
        self.assertEqual(answer.json["parts"]["hours"], [4])
        self.assertEqual(answer.json["next_runs"][0], "2026-01-03T02:00:00Z")
        self.assertEqual(len(answer.json["next_runs"]), 5)

    def test_refused(self) -> None:
        """The sentence begins as Semaphore's."""
        answer = self.check(cron_format="61 * * * *")
        self.refused(answer, "Cron: minute")
        self.assertEqual(answer.json["field"], "cron_format")
        answer = self.check(cron_format="@daily", timezone="Nowhere")
        self.assertEqual(answer.json["field"], "timezone")


class CalendarTests(ScheduleTestCase):
    """``GET …/calendar``."""

    def days(self, query: str = "") -> Any:
        """Return the days."""
        answer = self.client.get(f"{self.path}/calendar{query}")
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def test_week(self) -> None:
        """A week from today on: few runs with their times, many as a number."""
        nightly = self.create()
        poll = self.create(name="Poll", cron_format="* * * * *")
        self.create(name="Off", active=False)
        moment = "2026-01-05T20:00:00Z"
        once = self.create(name="Once", cron_format="", type="run_at", run_at=moment)
        self.create(name="Commit", repository_id=self.repository_id())
        week = self.days()
        self.assertEqual(week["zone"], "UTC")
        dates = [each["date"] for each in week["days"]]
        self.assertEqual(dates, [f"2026-01-0{day}" for day in range(2, 9)])
        today, second, *_ = week["days"]
        self.assertEqual(
            [(x["schedule_id"], x["count"], x["times"]) for x in today["coming"]],
            [(poll["id"], 20 * 60 + 55, [])],
        )
        self.assertEqual(
            [(x["schedule_id"], x["count"], x["times"]) for x in second["coming"]],
            [
                (nightly["id"], 1, ["2026-01-03T02:30:00Z"]),
                (poll["id"], 1440, []),
            ],
        )
        self.assertIn(
            {"schedule_id": once["id"], "name": "Once", "count": 1, "times": [moment]},
            week["days"][3]["coming"],
        )

    def test_past(self) -> None:
        """Today has what has run."""
        made = self.create(cron_format="@every 1m")
        self.conn._clock.advance(60)
        with self.conn.transaction(write=True) as conn:
            (this,) = runs.due(conn)
            runs.start(conn, memory_keyring(), this, "UTC")
        today = self.days("?days=1")["days"][0]
        (past,) = today["past"]
        self.assertEqual(past["schedule_id"], made["id"])
        self.assertEqual((past["outcome"], past["status"]), ("started", "waiting"))
        self.assertFalse(self.days()["more_past"])

    def test_much_past(self) -> None:
        """The newest due times of the days are listed, at most as many as the limit."""
        made = self.create()
        begin = datetime(2026, 1, 1, 23, tzinfo=UTC)
        times = [begin - timedelta(days=1), begin]
        times += [
            begin + timedelta(hours=1, seconds=number)
            for number in range(limits.SCHEDULE_PAST + 1)
        ]
        self.conn.raw.executemany(
            "INSERT INTO project__schedule_run (schedule_id, due, time, outcome)"
            " VALUES (:of, :due, :due, 'skipped')",
            [
                {"of": made["id"], "due": f"{each:%Y-%m-%dT%H:%M:%S.%fZ}"}
                for each in times
            ],
        )
        found = self.days("?from=2026-01-01&days=2")
        first, second = (each["past"] for each in found["days"])
        self.assertEqual((len(first), len(second)), (0, limits.SCHEDULE_PAST))
        self.assertEqual(second[0]["due"], "2026-01-02T00:00:01Z")
        self.assertTrue(found["more_past"])
        # what is later than the days that are asked for takes no place
        found = self.days("?from=2026-01-01&days=1")
        (only,) = found["days"][0]["past"]
        self.assertEqual(only["due"], "2026-01-01T23:00:00Z")
        self.assertFalse(found["more_past"])
        # the days are those of the zone
        (day,) = self.days("?from=2025-12-31&days=1&timezone=Asia/Tokyo")["days"]
        self.assertEqual(day["past"], [])
        (day,) = self.days("?from=2026-01-01&days=1&timezone=Asia/Tokyo")["days"]
        (only,) = day["past"]
        self.assertEqual(only["due"], "2025-12-31T23:00:00Z")

    def test_queries(self) -> None:
        """The first day, the number of days and the zone may be chosen."""
        self.create()
        found = self.days("?from=2026-03-28&days=2&timezone=Europe/Berlin")
        self.assertEqual([each["date"] for each in found["days"]][1], "2026-03-29")
        self.assertEqual(
            found["days"][1]["coming"][0]["times"], ["2026-03-29T02:30:00Z"]
        )
        for query in (
            "days=0",
            "days=32",
            "from=x",
            "timezone=Nowhere",
            "days=x",
            "from=9999-12-31",
            "from=0001-01-01",
        ):
            self.refused(self.client.get(f"{self.path}/calendar?{query}"))


class FullTests(ScheduleTestCase):
    """More than a project may have."""

    def test_most(self) -> None:
        """One more than the limit is refused."""
        made = self.create()
        row = {"template_id": self.tpl, "project_id": self.project.id}
        for _ in range(limits.SCHEDULES_OF_PROJECT - 1):
            self.conn.insert(schema.schedule, uuid=self.conn.uuid(), **row)
        answer = self.client.post(self.path, self.body())
        self.assertEqual(answer.status, 409)
        self.assertIn(str(limits.SCHEDULES_OF_PROJECT), answer.json["error"])
        self.assertEqual(self.client.delete(f"{self.path}/{made['id']}").status, 204)
        self.create()
