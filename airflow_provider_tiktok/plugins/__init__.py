"""The plugins of Airflow that come with the package."""
