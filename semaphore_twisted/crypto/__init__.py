"""Cryptography as functions on bytes; the caller passes the source of randomness."""
