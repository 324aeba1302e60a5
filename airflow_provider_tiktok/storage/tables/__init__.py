"""Database tables for rows, over any DB-API connection, independent of Airflow and TikTok."""
