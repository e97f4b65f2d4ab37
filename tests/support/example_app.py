"""An app that the table does not have."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.apps import APPS, App

EXAMPLE = App(
    id="example",
    title="AWK Script",
    icon="mdi-text",
    color="black",
    dark_color="white",
    path="/usr/bin/awk",
    priority=150,
    program="awk",
    arguments=("-f",),
    package="mawk",
)


def add(case: SynchronousTestCase, app: App = EXAMPLE) -> None:
    """Add *app* to the table until the test ends; nothing else knows of it."""
    APPS[app.id] = app
    case.addCleanup(APPS.pop, app.id)
