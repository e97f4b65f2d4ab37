"""Tests; the tree mirrors the package."""

import os

from hypothesis import HealthCheck, settings

# What a busy machine takes longer for is no fault: no test here is about time, and the
# first text of all has the tables of Unicode made.
# The second run of tests/run, with other releases of libraries, tries fewer examples.
settings.register_profile(
    "patient",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")
