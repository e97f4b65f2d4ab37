"""What things are, and which moves are legal; values only."""
