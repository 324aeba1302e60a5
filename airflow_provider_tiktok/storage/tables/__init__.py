"""Database tables for rows, over SQLAlchemy, independent of Airflow and TikTok."""
