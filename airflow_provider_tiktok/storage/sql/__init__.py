"""Rows into a table of a database, over any DB-API connection. Knows neither Airflow nor TikTok."""
