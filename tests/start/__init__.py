"""Tests of the start."""
