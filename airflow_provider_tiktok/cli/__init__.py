"""``connect``, ``revoke`` and ``doctor``: from TikTok's consent to an Airflow connection, and back."""
