"""ACME (RFC 8555): obtains and renews the certificate of a public CA."""
