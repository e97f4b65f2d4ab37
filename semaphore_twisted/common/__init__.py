"""Small parts that know nothing of the product; any package may import them."""
