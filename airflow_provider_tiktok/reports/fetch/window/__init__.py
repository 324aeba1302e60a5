"""One request window of one account while it is fetched: its paged calls, how they are split, and its checks."""
