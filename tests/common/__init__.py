"""Tests of the small parts that any package may use."""
