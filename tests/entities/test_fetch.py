"""Lists of entities: every sweep, each entity once, complete or failed."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from airflow_provider_tiktok.exceptions import (
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
)

from .helpers import ONE, TWO, ListClient, listed, page_of, sweep_of


def campaigns(*ids: int, **more) -> list[dict]:
    return [
        {"campaign_id": str(name), "secondary_status": "CAMPAIGN_STATUS_DELIVERY_OK", **more} for name in ids
    ]


def of_sweeps(**sweeps: list[dict]):
    """Answer each sweep with its own list."""

    def answer(path, params):
        return page_of(sweeps.get(sweep_of(params).replace(" ", "_"), []), params)

    return answer


def refusal(message: str, code: int = 40001) -> TikTokPermissionError:
    return TikTokPermissionError(
        message, code=code, message=message, request_id="R", retryable=False, timed_out=False
    )


def test_all_sweeps_make_one_list_in_the_order_of_ids() -> None:
    client = ListClient(
        of_sweeps(first=campaigns(5, 1), top_view=campaigns(3), promote=campaigns(4), other=[])
    )
    rows = listed(client, "campaign", accounts=[TWO, ONE])
    assert [(row["advertiser_id"], row["campaign_id"]) for row in rows] == [
        (account, name) for account in (TWO, ONE) for name in "1345"
    ]
    assert rows[0]["is_deleted"] is False
    assert client.result.row_count == 8
    assert Counter(sweep_of(params) for _, params in client.calls) == {
        "first": 2,
        "top view": 2,
        "promote": 2,
    }


@pytest.mark.full
def test_ten_accounts_with_5000_ads_each_take_the_least_calls() -> None:
    ads = [{"ad_id": str(10_000 + number)} for number in range(5_000)]
    client = ListClient(of_sweeps(first=ads), seconds=0.01)
    accounts = [str(7_000_000_000_000_000_000 + number) for number in range(10)]
    assert len(listed(client, "ad", accounts=accounts)) == 50_000
    # five pages of a thousand, and a page each for the two sweeps that show that they are empty
    assert len(client.calls) == 10 * (5 + 2)
    assert client.most_in_flight > 1


def test_an_entity_in_two_sweeps_comes_once_and_a_different_one_is_read_again() -> None:
    client = ListClient(of_sweeps(first=campaigns(1, 2), promote=campaigns(2, 3)))
    assert [row["campaign_id"] for row in listed(client, "campaign")] == ["1", "2", "3"]
    moving = ListClient(
        of_sweeps(first=campaigns(1, budget=5), promote=campaigns(1, budget=6)),
    )
    with pytest.raises(TikTokIncompleteReportError, match=r"3 attempts.*twice, and it changed"):
        listed(moving, "campaign")
    assert len(moving.calls) == 9


def test_a_promote_campaign_that_changes_between_two_sweeps_is_read_again() -> None:
    def answer(path, params):
        sweep = sweep_of(params)
        budgets[0] += sweep == "first"
        if sweep == "top view":
            return page_of([], params)
        return page_of(campaigns(1, budget=5 if sweep == "first" else budgets[budgets[0]]), params)

    budgets = [0, 6, 7, 5]  # the number of attempts, and what the second sweep has in each
    client = ListClient(answer)
    assert [row["budget"] for row in listed(client, "campaign")] == ["5"]
    assert len(client.calls) == 9


@pytest.mark.parametrize("change", ["grows", "shrinks", "repeats", "short"])
def test_a_list_that_moves_is_read_again(change, caplog) -> None:
    ids = list(range(1_500, 0, -1))

    def answer(path, params):
        if sweep_of(params) != "first":
            return page_of([], params)
        moves = moved[0] > 0 and params["page"] == 2
        moved[0] -= moves
        items = campaigns(*ids)
        if moves and change == "grows":
            items = campaigns(1_501, *ids)
        if moves and change == "shrinks":
            items = campaigns(*ids[1:])
        page = page_of(items, params)
        if moves and change == "repeats":
            page["list"][0] = campaigns(ids[0])[0]
        if moves and change == "short":
            page["list"].pop()
        return page

    for times in (1, 2):
        moved = [times]
        client = ListClient(answer)
        rows = listed(client, "campaign")
        assert len({row["campaign_id"] for row in rows}) == len(rows) == 1_500
        assert client.result.refetched > 0
    moved = [3]
    with pytest.raises(
        TikTokIncompleteReportError,
        match=r"^The list could not be read completely in \d attempts: .* \(advertiser 7\d+, campaigns\)\. ",
    ):
        listed(ListClient(answer), "campaign")


def test_only_the_newest_ten_thousand_are_reachable(caplog) -> None:
    videos = [{"video_id": f"v{number:05}"} for number in range(10_250)]

    def answer(path, params):
        page = page_of(videos, params)
        if params["page"] > 100:
            page["list"] = []
        return page

    client = ListClient(answer)
    with caplog.at_level(logging.WARNING):
        assert len(listed(client, "video")) == 10_000
    assert len(client.calls) == 100
    assert client.result.cut == [ONE]
    assert (
        f"not complete: TikTok lists the 10,000 newest videos of an account only, and {ONE} may have more"
        in caplog.text
    )
    fewer = ListClient(lambda path, params: page_of(videos[:9_999], params))
    assert len(listed(fewer, "video")) == 9_999
    assert fewer.result.cut == []


@pytest.mark.parametrize(
    ("entity", "key", "size"), [("identity", "identity_list", 100), ("pixel", "pixels", 20)]
)
def test_each_list_is_where_tiktok_has_it(entity, key, size) -> None:
    items = [{f"{entity}_id": str(number)} for number in range(30)]
    client = ListClient(lambda path, params: page_of(items, params, key))
    assert len(listed(client, entity)) == 30
    assert {params["page_size"] for _, params in client.calls} == {size}


def test_an_empty_list_has_the_same_columns() -> None:
    client = ListClient(of_sweeps())
    assert listed(client, "campaign") == []


@pytest.mark.parametrize("policy", ["fail", "fail_at_end", "skip"])
def test_a_refused_account_follows_the_policy(policy) -> None:
    def answer(path, params):
        if params["advertiser_id"] == ONE:
            raise refusal("advertiser does not grant you permission")
        return of_sweeps(first=campaigns(1))(path, params)

    client = ListClient(answer)
    if policy == "skip":
        rows = listed(client, "campaign", accounts=[ONE, TWO], policy=policy)
        assert [row["advertiser_id"] for row in rows] == [TWO]
        assert list(client.result.skipped) == [ONE]
        return
    with pytest.raises(TikTokPermissionError, match="does not grant"):
        listed(client, "campaign", accounts=[ONE, TWO], policy=policy)


def accounts_info(silent=(), refused=(), message="advertiser does not grant you permission"):
    def answer(path, params):
        assert path == "advertiser/info/"
        if bad := set(params["advertiser_ids"]).intersection(refused):
            raise refusal(f"{message} {min(bad)}")
        # in any order
        names = sorted(set(params["advertiser_ids"]).difference(silent), reverse=True)
        return {"list": [{"advertiser_id": name, "balance": 1, "create_time": 0} for name in names]}

    return answer


MANY = [str(7_000_000_000_000_000_000 + number) for number in range(230)]


def test_accounts_come_by_the_hundred_in_their_order() -> None:
    client = ListClient(accounts_info())
    rows = listed(client, "advertiser", accounts=MANY[::-1])
    assert [row["advertiser_id"] for row in rows] == MANY[::-1]
    assert len(client.calls) == 3
    assert "is_deleted" not in rows[0]
    assert rows[0]["create_time"] == "1970-01-01T00:00:00Z"


def test_an_account_that_does_not_grant_the_app_is_found_and_skipped() -> None:
    client = ListClient(accounts_info(refused=[MANY[120]]))
    rows = listed(client, "advertiser", accounts=MANY, policy="skip")
    assert [row["advertiser_id"] for row in rows] == MANY[:120] + MANY[121:]
    assert list(client.result.skipped) == [MANY[120]]
    assert len(client.calls) < 3 + 2 * 8
    for policy in ("fail", "fail_at_end"):
        with pytest.raises(TikTokPermissionError, match=MANY[120]):
            listed(client, "advertiser", accounts=MANY, policy=policy)


def test_a_missing_scope_is_no_account_s_fault() -> None:
    client = ListClient(accounts_info(refused=MANY, message="lacks the required scope"))
    with pytest.raises(TikTokPermissionError, match="scope"):
        listed(client, "advertiser", accounts=MANY, policy="skip")
    assert len(client.calls) == 1


def test_an_account_of_which_tiktok_says_nothing_fails() -> None:
    client = ListClient(accounts_info(silent=[MANY[3]]))
    with pytest.raises(TikTokIncompleteReportError, match=f"nothing about advertiser {MANY[3]}"):
        listed(client, "advertiser", accounts=MANY[:9], policy="skip")


def test_an_account_that_is_named_twice_comes_once_or_fails() -> None:
    def answer(path, params):
        answered = accounts_info()(path, params)
        again = next(item for item in answered["list"] if item["advertiser_id"] == MANY[3])
        return {"list": [*answered["list"], {**again, "balance": balance}]}

    balance = 1
    rows = listed(ListClient(answer), "advertiser", accounts=MANY[:9])
    assert [row["advertiser_id"] for row in rows] == MANY[:9]
    balance = 2
    for policy in ("fail", "fail_at_end", "skip"):
        with pytest.raises(
            TikTokIncompleteReportError, match=f"twice, with different values: advertiser {MANY[3]}. Run"
        ):
            listed(ListClient(answer), "advertiser", accounts=MANY[:9], policy=policy)


def test_no_call_is_made_without_an_account() -> None:
    client = ListClient(of_sweeps())
    with pytest.raises(TikTokInvalidRequestError, match="advertiser_ids"):
        listed(client, "campaign", accounts=None)
    assert client.calls == []
