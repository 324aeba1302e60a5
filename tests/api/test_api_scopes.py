"""Which scope what needs."""

import pytest

from airflow_provider_tiktok.api.scopes import NUMBERS, SCOPES, USES, meaning_of


def test_every_scope_has_a_number_a_use_and_a_path():
    assert set(NUMBERS.values()) == set(USES) == set(SCOPES.values())


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        ([], ""),
        (["7533163835474346001"], ""),
        (list(NUMBERS), f"They include {', '.join(NUMBERS.values())}."),
        (
            ["2", "3", "6", "8", "4", "99"],
            "They include Ads Management, Audience Management, Creative Management, Pixel Management, Reporting, but not "
            "Ad Account Management (accounts with their time zones and currencies).",
        ),
    ],
)
def test_what_an_app_can_do_is_said(scopes, text):
    assert meaning_of(scopes) == text


def test_a_report_only_app_hears_what_lists_need():
    assert "Ads Management (lists of campaigns, ad groups and ads)" in meaning_of(["1", "4"])
