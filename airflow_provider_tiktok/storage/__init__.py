"""File formats, destinations and tables for rows, independent of TikTok."""
