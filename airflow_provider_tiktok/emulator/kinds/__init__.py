"""The report types: one module each, which parses a call's parameters and refuses what TikTok refuses."""
