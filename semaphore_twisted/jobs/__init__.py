"""Runs one job on this machine: its steps, files and supervisor; no database."""
