"""Tests; the tree mirrors the package."""

from hypothesis import HealthCheck, settings

# What a busy machine takes longer for is no fault: no test here is about time, and the
# first text of all has the tables of Unicode made.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
