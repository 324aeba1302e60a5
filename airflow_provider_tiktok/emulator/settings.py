"""The emulator's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

APP_ID = "7350000000000000001"
"""The default developer app, to which every token belongs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of an emulator; the defaults are a small agency.

    :param seed: the seed of accounts, ads and figures; the same seed produces the same IDs, names and numbers.
    :param accounts: the number of ordinary accounts; ``None`` is the six default accounts.
    :param empty_account: whether there is one more account, without campaigns.
    :param forbidden_account: whether there is one more account that is listed but that the token may not read.
    :param ads: ads per account.
    :param videos: videos per account; TikTok lists the 10,000 that were changed last. Ads use the first ten.
    :param images: images per account, likewise.
    :param edits: what is different about entities and accounts, by ID, in their lists only, not in reports: the
        values of some of TikTok's fields, or ``primary_status`` (``STATUS_DELETE``); ``None`` is an entity that is gone.
    :param app_id: the ID of the developer app, to which every token belongs; other IDs are refused.
    :param tokens: the accepted access tokens; empty accepts every token without a refused prefix.
    :param latency_ms: the minimum duration of each call.
    :param qps: the rate limit of the app (calls per second, all tokens together); 0 is no limit.
    :param decimals: the decimals of money: 2 as TikTok sends today, or 3 as in 2021.
    :param zero_rows: whether a report includes the rows in which all requested figures are zero.
        TikTok's documentation says no; its servers have been seen to do both.
    :param late_conversions: whether deleted ads have only conversions that are counted by their own time
        (``real_time_...``), as after the end of a campaign.
    :param empty_total_page: ``total_page`` of a report without rows.
    :param order_seed: the seed of the order of rows in a report without a requested order; 0 is newest first.
    :param max_entities: the number of ads, ad groups or campaigns at which TikTok truncates one report.
    :param cut_header: whether a response header reports the truncation, or ``data.extra_info``.
    :param max_cells: the number of figures (rows times metrics) above which a report is too large for TikTok; 0 is
        no limit.
    :param slow_cells: the number of figures above which TikTok answers with an internal timeout; 0 is no limit.
    :param redirect_uris: the URLs to which the consent page may redirect a browser; empty is any.
    :param code_seconds: how long the code from the consent page is valid.
    :param scopes: the app's permissions as TikTok numbers them, see
        :data:`~airflow_provider_tiktok.emulator.access.SCOPES`; the numbers can exceed 2^53.
    :param report_tasks: whether the app is on TikTok's allow list for report tasks.
    :param task_seconds: the duration of a report task: a quarter of it queued, the rest processing.
    :param task_qps: the number of report tasks that the app may create per second, all tokens together; 0 is no
        limit, here and below.
    :param task_qpm: the same per minute; after one more, creations are refused for five minutes.
    :param task_qpd: the same per UTC day.
    :param task_account_hour: the same per hour for one account.
    :param task_deleted: whether report tasks cover deleted entities, which none of their filters can select; TikTok's
        documentation does not specify it.
    :param download_seconds: how long the download URL of a report task's file is valid.
    :param today: the current time; ``None`` is the real clock. Reports end here.
    """

    seed: int = 1
    accounts: int | None = None
    empty_account: bool = True
    forbidden_account: bool = False
    ads: int = 40
    videos: int = 15
    images: int = 15
    edits: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
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
    scopes: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 7533163835474346001)
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
        """Raise ValueError if a setting is invalid."""
        numbers = (
            *("ads", "latency_ms", "qps", "max_entities", "max_cells", "slow_cells", "code_seconds"),
            *("task_seconds", "task_qps", "task_qpm", "task_qpd", "task_account_hour", "download_seconds"),
        )
        minimums = {"max_entities": 1, "videos": 10, "images": 10}
        for name in (*numbers, "videos", "images"):
            minimum = minimums.get(name, 0)
            if getattr(self, name) < minimum:
                raise ValueError(f"{name} must be {minimum} or more, not {getattr(self, name)}")
        if self.accounts is not None and self.accounts < 0:
            raise ValueError(f"accounts must be 0 or more, not {self.accounts}")
        if not (self.app_id.isascii() and self.app_id.isdigit()):
            raise ValueError(f"app_id must be a number as text, not {self.app_id!r}")
        if self.decimals not in (2, 3):
            raise ValueError(f"decimals must be 2 or 3, not {self.decimals}")
        if self.today is not None and self.today.tzinfo is None:
            raise ValueError("today must have a time zone")

    def now(self) -> datetime:
        """Return the emulator's current time."""
        return self.today or datetime.now(timezone.utc)
