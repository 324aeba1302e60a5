"""HTTP: sessions, response bodies, and what can go wrong on the way."""
