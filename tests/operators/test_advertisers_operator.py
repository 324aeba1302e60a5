"""The operator that lists accounts."""

import pytest

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.operators.advertisers import TikTokListAdvertisersOperator


def test_it_lists_the_accounts_that_the_token_can_access(emulator, connect, capsys):
    connect()
    assert TikTokListAdvertisersOperator(task_id="accounts").execute({}) == list(emulator.world.accounts)
    output = capsys.readouterr().out
    for account in emulator.world.accounts.values():
        assert f"{account.advertiser_id}  {account.currency}  {account.zone}" in output


def test_no_account_at_all_is_a_failure_and_no_empty_list(emulator, connect):
    connect()
    emulator.configure(accounts=0, empty_account=False)
    with pytest.raises(AirflowFailException, match="No advertiser account has authorised this app"):
        TikTokListAdvertisersOperator(task_id="accounts").execute({})
    emulator.configure(accounts=None, empty_account=True)


def test_without_app_the_missing_fields_are_named(emulator, connect):
    connect(app_id="", app_secret="")
    with pytest.raises(AirflowFailException, match="App ID and App secret"):
        TikTokListAdvertisersOperator(task_id="accounts").execute({})
