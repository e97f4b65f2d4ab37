"""Operations on stored secrets: check, new key, local CA, ACME account."""
