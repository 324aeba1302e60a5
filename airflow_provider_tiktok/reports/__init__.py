"""What a TikTok report is: catalogue, request, plan, fetch, rows. Nothing here imports Airflow."""
