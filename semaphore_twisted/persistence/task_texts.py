"""The text index of tasks, which triggers keep.

It is a table of SQLite's FTS5 with one entry for each three successive characters,
without regard to case (https://www.sqlite.org/fts5.html, "The Trigram Tokenizer"). It
has no copy of the texts ("Contentless Tables"): an entry is removed by the same text
that added it, which is why only triggers change it. It tells in which tasks all the
characters are, not that they are together, so each task found has to be compared.

The number of an entry is the task's, with the project's above it: the entries of a
project lie together, and those of other projects are not read.
"""

from typing import Final

from sqlalchemy import column, table

#: Entries of a project: its number times this, and the number of the task.
SPAN: Final = 1 << 40

#: Characters that an entry has.
PART: Final = 3

#: The columns of ``task`` that are searched, and how much of each.
COLUMNS: Final = (
    "message",
    "version",
    "git_branch",
    "commit_hash",
    "commit_message",
    "hosts_limit",
)
SEARCHED: Final = 1_000

#: The index; the column with its name takes the search expression.
task_texts = table("task__texts", column("rowid"), column("task__texts"))


def _values(task: str) -> str:
    """Return number and text of the entry of the row *task*, as SQL."""
    text = " || char(10) || ".join(
        f"substr(coalesce({task}.{each}, ''), 1, {SEARCHED})" for each in COLUMNS
    )
    return f"{task}.project_id * {SPAN} + {task}.id, {text}"


_ADD = f"INSERT INTO task__texts (rowid, text) SELECT {_values('new')}"
_REMOVE = (
    "INSERT INTO task__texts (task__texts, rowid, text)"
    f" SELECT 'delete', {_values('old')}"
)

#: The statements that create the index and the triggers.
CREATE: Final = (
    "CREATE VIRTUAL TABLE task__texts USING fts5"
    " (text, content='', columnsize=0, detail=none, tokenize='trigram')",
    # Its parts are merged by a few small pages with each write, and hardly ever whole:
    # other writes have to wait for that.
    "INSERT INTO task__texts (task__texts, rank) VALUES ('pgsz', 500)",
    "INSERT INTO task__texts (task__texts, rank) VALUES ('automerge', 16)",
    "INSERT INTO task__texts (task__texts, rank) VALUES ('crisismerge', 256)",
    f"CREATE TRIGGER task__texts_add AFTER INSERT ON task BEGIN {_ADD}; END",
    "CREATE TRIGGER task__texts_change AFTER UPDATE OF"
    f" {', '.join(COLUMNS)} ON task BEGIN {_REMOVE}; {_ADD}; END",
    f"CREATE TRIGGER task__texts_remove AFTER DELETE ON task BEGIN {_REMOVE}; END",
)

#: The statement that adds all stored tasks to the index.
FILL: Final = (
    f"INSERT INTO task__texts (rowid, text) SELECT {_values('task')} FROM task"  # noqa: S608 - constants only
)

#: The statement that merges all parts of the index, and drops deleted tasks from it.
OPTIMIZE: Final = "INSERT INTO task__texts (task__texts) VALUES ('optimize')"
