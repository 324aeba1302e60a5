"""What a user may choose about the emulated TikTok."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

APP_ID = "7350000000000000001"
"""The developer app that every token belongs to, unless another is chosen."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that shapes the emulator; the defaults are a small agency's day.

    :param seed: chooses the world; the same seed gives the same IDs, names and numbers.
    :param accounts: how many ordinary accounts; none gives the six of the default world.
    :param empty_account: one more account, without campaigns.
    :param forbidden_account: one more account, which the token's owner is told of but may not read.
    :param ads: ads per account.
    :param app_id: ID of the developer app that every token belongs to; another's is refused.
    :param tokens: the only access tokens accepted; empty accepts any that does not say it is bad.
    :param latency_ms: how long each call takes at least.
    :param qps: calls a second allowed to the app, all tokens together; 0 is no limit.
    :param decimals: decimals of money, 2 as TikTok sends today or 3 as in 2021.
    :param zero_rows: whether a report also has the rows in which none of the figures that it asks for happened.
        TikTok's documentation says no, its servers were seen to do both.
    :param late_conversions: whether deleted ads have nothing but conversions that are counted by their own time
        (``real_time_...``), as after the end of a campaign.
    :param empty_total_page: ``total_page`` of a report without rows.
    :param order_seed: another order of the rows of a report that asks for none; 0 is newest first.
    :param max_entities: how many ads, ad groups or campaigns one report covers (TikTok's cut).
    :param cut_header: whether the cut is told in a header of the response, or in ``data.extra_info``.
    :param max_cells: figures (rows times metrics) that one report may have before TikTok finds it too large; 0 is
        no limit.
    :param slow_cells: figures from which on a report is so slow that TikTok answers with an internal time-out; 0
        is none.
    :param redirect_uris: where the app may send a browser after the consent; none is anywhere.
    :param code_seconds: how long the code that the consent hands out is good.
    :param scopes: what the app may do, as TikTok numbers it; the numbers may be beyond 2^53.
    :param report_tasks: whether the app is on TikTok's allow list for report tasks.
    :param task_seconds: how long a report task takes: a quarter of it in the queue, then in the making.
    :param task_qps: report tasks that the app may create in a second, all tokens together; 0 is no limit, here and
        below.
    :param task_qpm: in a minute; one more closes the door for five minutes.
    :param task_qpd: in a day of UTC.
    :param task_account_hour: for one account within an hour.
    :param task_deleted: whether report tasks cover deleted entities, which no filter of theirs can ask for; TikTok's
        documentation does not say.
    :param download_seconds: how long the address of a report task's file is good.
    :param today: the clock's reading; none is the real clock. Reports end here.
    """

    seed: int = 1
    accounts: int | None = None
    empty_account: bool = True
    forbidden_account: bool = False
    ads: int = 40
    app_id: str = APP_ID
    tokens: tuple[str, ...] = ()
    latency_ms: float = 0
    qps: int = 0
    decimals: int = 2
    zero_rows: bool = True
    late_conversions: bool = False
    empty_total_page: int = 0
    order_seed: int = 0
    max_entities: int = 20_000
    cut_header: bool = True
    max_cells: int = 0
    slow_cells: int = 0
    redirect_uris: tuple[str, ...] = ()
    code_seconds: float = 3_600
    scopes: tuple[int, ...] = (4, 7533163835474346001)
    report_tasks: bool = True
    task_seconds: float = 1.0
    task_qps: int = 2
    task_qpm: int = 60
    task_qpd: int = 4_500
    task_account_hour: int = 500
    task_deleted: bool = True
    download_seconds: float = 3_600
    today: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what no world can be built from."""
        for name, least in (
            ("ads", 0),
            ("latency_ms", 0),
            ("qps", 0),
            ("max_entities", 1),
            ("max_cells", 0),
            ("slow_cells", 0),
            ("code_seconds", 0),
            ("task_seconds", 0),
            ("task_qps", 0),
            ("task_qpm", 0),
            ("task_qpd", 0),
            ("task_account_hour", 0),
            ("download_seconds", 0),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, not {getattr(self, name)}")
        if self.accounts is not None and self.accounts < 0:
            raise ValueError(f"accounts must be 0 or more, not {self.accounts}")
        if not (self.app_id.isascii() and self.app_id.isdigit()):
            raise ValueError(f"app_id must be a number as text, not {self.app_id!r}")
        if self.decimals not in (2, 3):
            raise ValueError(f"decimals must be 2 or 3, not {self.decimals}")
        if self.today is not None and self.today.tzinfo is None:
            raise ValueError("today must have a time zone")

    def now(self) -> datetime:
        """Give the time that the emulator believes in."""
        return self.today or datetime.now(timezone.utc)
