"""The parameters of calls: what TikTok accepts, and what it refuses with which message."""
