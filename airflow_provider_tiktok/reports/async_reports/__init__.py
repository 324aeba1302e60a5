"""TikTok's report tasks: create, poll, download, read, cancel."""
