"""Operations on tasks, their logs and the secrets of their jobs."""
