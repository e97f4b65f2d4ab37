"""Statements about tasks and their logs."""
