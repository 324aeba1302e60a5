"""What each endpoint answers, without HTTP."""
