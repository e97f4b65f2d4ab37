"""Tests of certificates from a public authority."""
