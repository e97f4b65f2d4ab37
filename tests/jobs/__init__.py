"""Tests of the parts of a job."""
