"""The web application: routes, the order of TikTok's checks, answers and their faults."""
