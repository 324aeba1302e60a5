"""The report types: one module each, which reads a call's parameters and refuses what TikTok refuses."""
