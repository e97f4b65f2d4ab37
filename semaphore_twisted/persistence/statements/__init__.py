"""Statements of one table each, built once."""
