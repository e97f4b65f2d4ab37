"""Operations on projects and on the resources in them."""
