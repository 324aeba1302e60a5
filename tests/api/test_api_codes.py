"""TikTok's return codes: the table against the reference (document 1737172488964097)."""

from __future__ import annotations

import pytest

from airflow_provider_tiktok.api.codes import (
    RETURN_CODES,
    About,
    Action,
    is_about_one_account,
    look_up,
    subject_of,
)
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokRateLimitError,
)

_FATAL = [
    *(
        40000,
        40001,
        40002,
        40006,
        40007,
        40008,
        40009,
        40010,
        40011,
        40013,
        40014,
        40050,
        40051,
        40052,
        40053,
    ),
    *(40065, 40067, 40101, 40104, *range(40108, 40120), *range(40121, 40126), 40300, 40301, 40502),
    *(*range(40900, 40916), 41000, 41001, 41002, -1),
]
_BY_ACTION = {
    Action.PERMANENT: _FATAL,
    Action.THROTTLE: [40016, 40100],
    Action.THROTTLE_ONE: [40132, 40133],
    Action.TIMEOUT: [51001, 51010, 51039],
    Action.REAUTHORISE: [40102, 40103, 40105, 40106, 40107],
    Action.POLL: [40201],
    Action.RETRY: [20001, 40200, 40202, 40700, 50000, 50002, 51000, 51002, 51305, 60001],
}
_BY_SUBJECT = {
    About.ACCOUNT: {40000, 40001, 40002, 40007, 40013, 40300, 40301},
    About.APP: {40101, 40113, 40116, 40118, 40119, *range(40121, 40126)},
    About.NETWORK: {-1, 41000},
}


@pytest.mark.parametrize(
    ("code", "action"), [(code, action) for action, codes in _BY_ACTION.items() for code in codes]
)
def test_every_documented_code_does_what_the_reference_says(code, action):
    assert RETURN_CODES[code].action is action
    assert look_up(code).action is action


@pytest.mark.parametrize("code", sorted(RETURN_CODES))
def test_every_code_says_what_it_means_and_what_to_do(code):
    entry = RETURN_CODES[code]
    assert entry.meaning.strip()
    assert entry.advice.endswith(".")


@pytest.mark.parametrize("subject", About)
def test_every_code_says_what_it_is_about(subject):
    assert {code for code, entry in RETURN_CODES.items() if entry.about is subject} == _BY_SUBJECT[subject]


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("advertiser does not grant you permission", About.ACCOUNT),
        ("Permission error: ... lacks the required scope ...", About.APP),
        ("Reauthorize your API App.", About.APP),
        ("The advertiser 7 doesn't exist or has been deleted.", About.ACCOUNT),
        ("No.", About.ACCOUNT),
    ],
)
def test_the_message_of_40001_says_what_it_is_about(message, subject):
    error = TikTokPermissionError("refused", code=40001, message=message)
    assert subject_of(error) is subject
    assert is_about_one_account(error) is (subject is About.ACCOUNT)


@pytest.mark.parametrize("code", [None, 0, 40999, 59999])
def test_an_error_without_a_known_code_is_about_nothing_in_particular(code):
    error = TikTokAPIError("refused", code=code)
    assert subject_of(error) is None
    assert not is_about_one_account(error)


@pytest.mark.parametrize(
    ("error", "codes"),
    [
        (TikTokInvalidRequestError, [40000, 40002, 40007, 40011, 40067]),
        (TikTokPermissionError, [40001, 40300, 40301, 40118, 40121, 41000, -1]),
        (TikTokAuthError, [40101, 40102, 40104, 40105, 40106, 40110, 40113]),
        (TikTokRateLimitError, [40016, 40100, 40132, 40133]),
    ],
)
def test_every_type_of_error_has_its_class(error, codes):
    assert {code: look_up(code).error for code in codes} == dict.fromkeys(codes, error)


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("report/integrated/get/", "Reporting"),
        ("smart_plus/material_report/overview/", "Reporting"),
        ("gmv_max/report/get/", "Reporting"),
        ("gmv_max/campaign/get/", "Ads Management"),
        ("smart_plus/ad/get/", "Ads Management"),
        ("ad/get/", "Ads Management"),
        ("advertiser/info/", "Ad Account Management"),
        ("file/video/ad/search/", "Creative Management"),
        ("dmp/custom_audience/list/", "Audience Management"),
        ("pixel/list/", "Pixel Management"),
        ("new/get/", "missing"),
    ],
)
def test_a_missing_scope_is_that_of_the_path(path, scope):
    assert f"add the {scope} scope to the app" in look_up(40001, "lacks the required scope", path).advice


@pytest.mark.parametrize(
    ("message", "meaning", "advice"),
    [
        (
            "advertiser does not grant you /report/integrated/get/:GET permission",
            "the account isn't granted to this app",
            "Ask the owner of the advertiser account to grant it to your app, or leave the account out of "
            "`advertiser_ids`.",
        ),
        (
            "Permission error: ... lacks the required scope ... reauthorize your API App",
            "the app lacks a scope",
            "In the TikTok developer portal, add the Reporting scope to the app (My Apps > the app > Scope of "
            "permission), wait for its approval and authorise the app again.",
        ),
        (
            "The advertiser 7 doesn't exist or has been deleted.",
            "the advertiser account does not exist",
            "Check `advertiser_ids`; `hook.list_advertisers()` shows the accounts that the token reaches.",
        ),
        ("No.", "no permission", RETURN_CODES[40001].advice),
    ],
)
def test_the_messages_of_40001_are_distinguished(message, meaning, advice):
    found = look_up(40001, message)
    assert (found.meaning, found.advice) == (meaning, advice)
    assert found.error is TikTokPermissionError
    assert found.action is Action.PERMANENT


@pytest.mark.parametrize(
    ("code", "action"),
    [(59999, Action.RETRY), (70000, Action.RETRY), (40999, Action.UNKNOWN), (1, Action.UNKNOWN)],
)
def test_an_unknown_code_is_retried_only_among_the_server_faults(code, action):
    found = look_up(code)
    assert (found.action, found.error) == (action, TikTokAPIError)
    assert str(code) in found.meaning
