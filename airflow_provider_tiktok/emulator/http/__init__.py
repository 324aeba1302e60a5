"""The web application: routes, checks in the order in which TikTok makes them, answers and their faults."""
