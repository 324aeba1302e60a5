"""TikTok's report tasks: their endpoints, states and files."""
