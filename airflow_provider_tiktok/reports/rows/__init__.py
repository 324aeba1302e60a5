"""From TikTok's row objects to flat, typed rows with one schema."""
