"""Bytes in, bytes out; randomness is an argument."""
