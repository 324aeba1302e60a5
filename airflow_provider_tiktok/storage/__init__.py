"""Where rows go: file formats and destinations. Knows nothing of TikTok."""
