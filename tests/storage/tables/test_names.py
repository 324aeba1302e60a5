"""Names of tables, as users write them."""

import pytest

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.tables.names import parse_table


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ads", ("ads",)),
        (" marketing.ads ", ("marketing", "ads")),
        ("lake.marketing.Ads", ("lake", "marketing", "Ads")),
        ('marketing."ads.2026"', ("marketing", "ads.2026")),
        ('"say ""ads"""', ('say "ads"',)),
        ("ads; DROP TABLE ads", ("ads; DROP TABLE ads",)),
        ("select", ("select",)),
    ],
)
def test_a_tables_name_has_parts(text, parts):
    assert parse_table(text) == parts


@pytest.mark.parametrize(
    "text", ["", "  ", "a..b", ".a", "a.", 'a"b', '"a', '""', "a.b.c.d", "a\nb", "a\0b", "a. .b"]
)
def test_what_is_no_name_is_refused(text):
    with pytest.raises(TikTokOutputError, match="`table` is"):
        parse_table(text)
