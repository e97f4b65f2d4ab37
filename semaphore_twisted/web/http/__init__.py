"""HTTP: requests, routes, responses and their limits."""
