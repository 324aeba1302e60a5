"""TikTok's API over HTTP. Nothing here imports Airflow."""
