"""File formats: one module each, listed in :data:`FORMATS`."""

from airflow_provider_tiktok.storage.formats.text import FORMATS as FORMATS
from airflow_provider_tiktok.storage.formats.text import Csv as Csv
from airflow_provider_tiktok.storage.formats.text import JsonLines as JsonLines
