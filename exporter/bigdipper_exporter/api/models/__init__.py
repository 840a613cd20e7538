"""What the API answers, with the unit of every figure."""
