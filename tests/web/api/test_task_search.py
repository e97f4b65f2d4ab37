"""Tests of the search for a text in all tasks of a project."""

from typing import Any
from urllib.parse import quote

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.task_texts import OPTIMIZE
from tests.support.lists import parts
from tests.support.memory import make_project, make_user
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_task, make_template


class SearchTests(ResourceTestCase):
    """Old tasks are found at once, beside thousands of newer ones."""

    def setUp(self) -> None:
        """Make two templates."""
        super().setUp()
        self.one = make_template(self.conn, self.project, name="Deploy web")
        self.two = make_template(self.conn, self.project, name="Backup")

    def task(self, template: Any = None, **columns: Any) -> TaskId:
        """Store a task."""
        return make_task(self.conn, self.project, template or self.one, **columns)

    def many(self, message: str) -> None:
        """Store more tasks than are compared at a time."""
        self.conn.raw.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < ?) INSERT INTO task (uuid, project_id, template_id, status,"
            " created, message) SELECT i, ?, ?, 'success',"
            " '2026-01-02T03:04:05.000000Z', ? || i FROM n",
            (limits.LIST_SEARCHED, self.project.id, self.two, message),
        )

    def pages(self, query: str) -> list[list[int]]:
        """Return the ids in each part of the list."""
        found = parts(self.client, f"{self.base}/tasks", f"?limit=5&{query}")
        return [[each["id"] for each in page] for page in found]

    def test_old(self) -> None:
        """A text that only an old task has is in the first answer."""
        first = self.task(message="Replace the needle")
        by_name = self.task()
        self.many("nightly ")
        self.assertEqual(self.pages("search=NEEDLE"), [[first]])
        self.assertEqual(self.pages("search=the%20needle&status=waiting"), [[first]])
        self.assertEqual(self.pages("search=the%20needle&status=error"), [[]])
        self.assertEqual(self.pages("search=deploy"), [[by_name, first]])
        self.assertEqual(self.pages(f"search=needle&template_id={self.one}"), [[first]])
        self.assertEqual(self.pages("search=needle&to=2026-01-01T00:00:00Z"), [[]])
        self.assertEqual(self.pages(f"search=%23{first}")[-1], [first])
        self.assertEqual(self.pages("search=no%20such%20text"), [[]])

    def test_limited(self) -> None:
        """Few tasks are compared at a time if the index does not tell enough."""
        first = self.task(message="ab")
        second = self.task(message="abc cbc bca")
        self.many("abca bcab cabc ")
        self.assertEqual(self.pages("search=ab%22"), [[]])
        found = [each for page in self.pages("search=abcbc") for each in page]
        self.assertEqual(found, [])
        found = [each for page in self.pages("search=cbc") for each in page]
        self.assertEqual(found, [second])
        last = self.conn.raw.execute("SELECT max(id) FROM task").fetchone()[0]
        path = f"{self.base}/tasks?search=ab&limit=1000&before={second + 1}"
        ids = [each["id"] for each in self.client.get(path).json]
        self.assertEqual(ids, [second, first])
        newest = self.client.get(f"{self.base}/tasks?search=b&limit=5").json
        self.assertEqual([each["id"] for each in newest], [*range(last, last - 5, -1)])

    def test_texts(self) -> None:
        """Each character means itself, in the index as well."""
        texts = (
            'a "quoted" text',
            "100% of_it",
            "NEAR(a b) AND c* OR NOT d ^e - f:g",
            "D\u00e9ploiement \u00c0 LA CARTE",
            "\u670d\u52a1\u5668\u90e8\u7f72 now",
            "\u0421\u0435\u0440\u0432\u0435\u0440 down",
            "stra\u00dfe 7",
            "emoji \U0001f680\U0001f680\U0001f680 end",
        )
        tasks = {each: self.task(message=each) for each in texts}
        for needle, text in (
            ('"QUOTED"', texts[0]),
            ("0% of_", texts[1]),
            ("and c* or not", texts[2]),
            ("d\u00c9PLOIEMENT \u00e0 la", texts[3]),
            ("\u670d\u52a1\u5668\u90e8", texts[4]),
            ("\u0441\u0415\u0440", texts[5]),
            ("STRASSE", texts[6]),
            ("stra\u00dfe", texts[6]),
            ("\U0001f680\U0001f680\U0001f680", texts[7]),
        ):
            with self.subTest(needle):
                found = self.pages(f"search={quote(needle)}")
                self.assertEqual(found, [[tasks[text]]])

    def test_kept(self) -> None:
        """Changed, moved and deleted tasks are found by their present texts."""
        task = self.task(message="before")
        self.conn.update(schema.task, task, commit_message="Fix the pump")
        self.assertEqual(self.pages("search=pump"), [[task]])
        self.conn.update(schema.task, task, commit_message="Fix the valve")
        self.assertEqual(self.pages("search=pump"), [[]])
        self.assertEqual(self.pages("search=valve"), [[task]])
        self.conn.update(schema.template, self.one, name="Roll out")
        self.assertEqual(self.pages("search=deploy"), [[]])
        self.assertEqual(self.pages("search=roll"), [[task]])
        self.conn.raw.execute("DELETE FROM project__template WHERE id = ?", (self.one,))
        self.assertEqual(self.pages("search=valve"), [[]])
        self.conn.raw.execute(OPTIMIZE)
        left = self.conn.raw.execute(
            "SELECT count(*) FROM task__texts_data WHERE block LIKE '%val%'"
        ).fetchone()
        self.assertEqual(left, (0,))

    def test_other_projects(self) -> None:
        """A project with the next number has its own tasks."""
        mine = self.task(message="needle")
        for number in range(3):
            project = make_project(self.conn, make_user(self.conn, f"user{number}"))
            template = make_template(self.conn, project)
            make_task(self.conn, project, template, message="needle")
        self.assertEqual(self.pages("search=needle"), [[mine]])
