"""Tests of the code that runs tasks."""
