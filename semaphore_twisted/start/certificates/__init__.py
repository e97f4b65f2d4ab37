"""The site's certificates: the local CA, ACME, reload and expiry."""
