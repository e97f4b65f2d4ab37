"""Tests with real sockets and real programs."""
