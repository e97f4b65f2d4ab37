"""Statements about encrypted values."""
