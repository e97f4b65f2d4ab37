"""Helpers without product logic (files, locks, caches); any package may import them."""
