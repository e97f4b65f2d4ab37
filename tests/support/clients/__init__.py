"""Published clients of Semaphore, each with the same scenario, in another environment.

``tests/run`` installs them into ``.venv-clients``. A module here is a program: it logs
in, makes a project with one object of each kind, runs a task, reads its output, deletes
all of it, and prints what it saw as JSON.
"""
