"""Bodies, handlers and routes, one module for each kind of object."""
