"""The commands of ``airflow-tiktok``."""
