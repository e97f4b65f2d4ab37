"""The rights of each role: each cell of ``permissions.txt``, asked of the site."""

from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.users import Access
from semaphore_twisted.web.api.routes import ROUTES
from tests.support.http import Answer
from tests.support.permissions import (
    MISSING,
    ROLES,
    SECRET,
    Row,
    Site,
    line_for,
    rows,
)

#: Methods that a path may have.
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")

#: How the names of the objects begin that a role must not see.
FOREIGN = {
    **dict.fromkeys(("owner", "manager", "task_runner", "guest"), b"Other-"),
    **dict.fromkeys(("stranger", "anonymous", "disabled"), b"Site-"),
}


class TableTests(SynchronousTestCase):
    """The table and the routes agree."""

    def test_complete(self) -> None:
        """Each route has a line, and each line a route."""
        routes = {(each.method, each.pattern): each for each in ROUTES}
        lines = {(each.method, each.pattern) for each in rows()}
        missing = [line_for(each) for key, each in routes.items() if key not in lines]
        text = "\n".join(missing)
        self.assertEqual(text, "", f"add lines to tests/web/permissions.txt:\n{text}")
        self.assertEqual(sorted(lines - set(routes)), [])

    def test_bodies(self) -> None:
        """A line has a body if its route takes one."""
        takes = {(each.method, each.pattern): each.body is not None for each in ROUTES}
        wrong = [
            str(each)
            for each in rows()
            if takes[each.method, each.pattern] and not each.body
        ]
        self.assertEqual(wrong, [])


class SiteCase(SynchronousTestCase):
    """The site, which the tests of all classes share."""

    maxDiff = None
    _shared: ClassVar[list[Site]] = []

    def setUp(self) -> None:
        """Make the site once, and undo what another test changed."""
        if not self._shared:
            folder = Path(self.mktemp())
            folder.mkdir(parents=True)
            self._shared.append(Site(folder.absolute()))
        self.site = self._shared[0]
        self.site.restore()

    def unchanged(self, where: str) -> None:
        """Check that the last request changed nothing, and undo what it did."""
        self.assertEqual(self.site.changed(), [], where)


class MatrixTests(SiteCase):
    """Each role asks for each route."""

    def check(self, row: Row, role: str, answer: Answer) -> str:
        """Compare *answer* with the cell; return what is wrong."""
        expected = row.expected[role]
        status = "+" if answer.status < 400 else str(answer.status)
        found = "" if status == expected else f"{row} {role}: {answer.status}"
        if status != expected:
            found += f", expected {expected} {answer.body[:200]!r}"
        elif status != "+" and (changed := self.site.changed()):
            found = f"{row} {role}: refused, and changed {changed}"
        elif SECRET.encode() in answer.body:
            found = f"{row} {role}: shows a secret"
        elif role in FOREIGN and FOREIGN[role] in answer.body:
            found = f"{row} {role}: shows an object of another project"
        return found

    def test_cells(self) -> None:
        """Each role is served or refused as the table says.

        A refusal changes nothing; no answer has a secret or a foreign object.
        """
        wrong = []
        for row in rows():
            for role in ROLES:
                wrong.append(self.check(row, role, self.site.ask(row, role)))
                if row.expected[role] == "+" or wrong[-1]:
                    self.site.restore()
        self.assertEqual([each for each in wrong if each], [])

    def test_wrong_body(self) -> None:
        """Without the right a body is not looked at: the refusal is the same.

        A route for all accounts decides by the object, after the body was read.
        """
        taken = {
            (each.method, each.pattern)
            for each in ROUTES
            if each.body is not None and each.access not in {Access.PUBLIC, Access.USER}
        }
        wrong = [
            self.check(row, role, self.site.ask(row, role, body=b"{"))
            for row in rows()
            for role in ROLES
            if (row.method, row.pattern) in taken
            and row.expected[role] in {"401", "403", "404"}
        ]
        self.assertGreater(len(wrong), 200)
        self.assertEqual([each for each in wrong if each], [])

    def test_head(self) -> None:
        """HEAD needs the right that GET needs, and changes nothing either."""
        wrong = []
        for row in rows():
            if row.method == "GET":
                for role in ROLES:
                    answer = self.site.ask(row, role, method="HEAD")
                    wrong.append(self.check(row, role, answer))
                    if self.site.changed():  # a reading that is recorded
                        self.site.restore()
        self.assertEqual([each for each in wrong if each], [])

    def test_other_methods(self) -> None:
        """A method without a route is refused, first for the missing credentials."""
        known = {(row.method, row.pattern) for row in rows()}
        for path in {row.pattern: row for row in rows()}.values():
            for method in _METHODS:
                if (method, path.pattern) in known:
                    continue
                for role, status in (("administrator", 405), ("anonymous", 401)):
                    answer = self.site.ask(path, role, method=method)
                    self.assertEqual(answer.status, status, f"{method} {path.pattern}")
        self.unchanged("other methods")


class ForeignTests(SiteCase):
    """Objects of another project."""

    def test_foreign(self) -> None:
        """Each id of another project gives the answer of a missing one, 404.

        Semaphore's clients expect 400 for a task, and a sentence with its id.
        """
        wrong = []
        for row in rows():
            if "project_id" not in row.parameters or row.expected["owner"] != "+":
                continue
            for parameter, name in row.parameters.items():
                if parameter == "project_id":
                    continue
                usual = self.site.ids_of("owner")
                for number in (self.site.foreign.get(name, MISSING), MISSING):
                    answer = self.site.ask(row, "owner", ids={**usual, name: number})
                    found = (answer.status, answer.body, self.site.changed())
                    expected: tuple[int, bytes, list[str]] = (404, b"", [])
                    if parameter == "task_id":
                        sentence = b'{"error":"The project has no task %d"}\n'
                        expected = (400, sentence % number, [])
                    if found != expected:
                        wrong.append(f"{row} {name}={number}: {found}")
                        self.site.restore()
        self.assertEqual(wrong, [])
