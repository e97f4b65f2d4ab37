"""Benchmarks: figures and ratios, measured in one run; see ``README.md`` beside."""
