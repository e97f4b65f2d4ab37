"""Tests of the routes, through the whole site."""
