"""What users write, coerced and checked: from free spellings to one frozen request."""
