"""Operations on schedules: their changes, their due times, and the coming ones."""
