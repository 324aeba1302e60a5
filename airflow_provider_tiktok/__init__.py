"""Airflow provider for TikTok Ads reporting."""

__version__ = "0.2.0"
