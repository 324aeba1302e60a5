"""The emulated accounts and ads, and any report on them, without HTTP."""
