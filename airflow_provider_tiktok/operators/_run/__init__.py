"""One attempt of an operator, from its options to its summary."""
