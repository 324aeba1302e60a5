"""Airflow provider for TikTok Ads reporting."""

__version__ = "0.1.0"
