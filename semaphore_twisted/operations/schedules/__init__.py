"""Operations on schedules: their changes, their due times, and what is coming."""
