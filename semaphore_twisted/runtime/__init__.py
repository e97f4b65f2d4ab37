"""Helpers for programs with a Twisted reactor: Deferreds, logs, netlink, memory."""
