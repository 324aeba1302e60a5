"""What the client needs to call TikTok, read from a connection's fields and validated."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from airflow_provider_tiktok.api.extras import Extras, shown
from airflow_provider_tiktok.api.redis_settings import RedisSettings
from airflow_provider_tiktok.api.transport.secret import Secret
from airflow_provider_tiktok.exceptions import TikTokConfigError

ENVIRONMENTS = {
    "production": "https://business-api.tiktok.com",
    "sandbox": "https://sandbox-ads.tiktok.com",
}
"""TikTok's hosts; a token of one is worth nothing at the other."""

ALL_ADVERTISERS = "*"
"""Written for advertiser IDs, it is every account that the token reaches."""

DEFAULT_API_VERSION = "v1.3"
DEFAULT_QPS = 10.0
DEFAULT_TIMEOUT = 60.0


@dataclass(frozen=True)
class TikTokCredentials:
    """One Airflow connection, read and checked. Its ``repr`` shows no secret.

    :param access_token: TikTok's long-term access token.
    :param base_url: scheme and host, without a final slash.
    :param api_version: path segment after ``/open_api/``.
    :param app_id: ID of the developer app; with ``app_secret`` it allows account discovery.
    :param app_secret: secret of the developer app.
    :param advertiser_ids: the accounts of reports that name none; ``("*",)`` for every account that the
        token reaches.
    :param qps: calls per second that this app may make.
    :param timeout: seconds that one HTTP call may take.
    :param shared_budget: whether all tasks of this app on the machine keep to ``qps`` together.
    :param rate_limit_conn_id: the Airflow connection of a Redis through which tasks on all machines do; empty for none.
    :param rate_limit_redis: that connection, read.
    :param conn_id: ID of the Airflow connection, for messages.
    """

    access_token: str = field(repr=False)
    base_url: str = ENVIRONMENTS["production"]
    api_version: str = DEFAULT_API_VERSION
    app_id: str = ""
    app_secret: str = field(default="", repr=False)
    advertiser_ids: tuple[str, ...] = ()
    qps: float = DEFAULT_QPS
    timeout: float = DEFAULT_TIMEOUT
    shared_budget: bool = True
    rate_limit_conn_id: str = ""
    rate_limit_redis: RedisSettings | None = None
    conn_id: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Keep token and secret from showing in dumps of what holds this one's fields."""
        for name in ("access_token", "app_secret"):
            object.__setattr__(self, name, Secret(getattr(self, name)))

    @property
    def identity(self) -> tuple[str, ...]:
        """Which API calls go to and with which token. It holds the token: store only a digest of it."""
        return self.base_url, self.api_version, self.app_id, self.access_token

    @property
    def named_advertisers(self) -> tuple[str, ...]:
        """The accounts that the connection names; none where it means every account."""
        return () if self.advertiser_ids == (ALL_ADVERTISERS,) else self.advertiser_ids

    @property
    def is_sandbox(self) -> bool:
        """Whether calls go to TikTok's sandbox, which lacks most reports."""
        return self.base_url == ENVIRONMENTS["sandbox"]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Strings that may be in no log and no error."""
        return tuple(secret for secret in (self.access_token, self.app_secret) if secret)


def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def read_credentials(
    conn_id: str,
    *,
    password: str | None,
    host: str | None,
    port: int | None = None,
    schema: str | None = None,
    extra: str | None = None,
) -> TikTokCredentials:
    """Read the fields of an Airflow connection.

    :param conn_id: the connection's ID, for messages.
    :param password: the access token.
    :param host: optional base URL; it wins over ``environment``.
    :param port: of a connection that was written as a URI.
    :param schema: ``http`` or ``https`` where the host doesn't say.
    :param extra: the connection's extra, as JSON text.
    :raises TikTokConfigError: a field is missing or can't be read; the text names it.
    """
    extras = _Extras(conn_id, extra)
    token = _access_token(conn_id, password)
    shared = extras.flag("shared_budget", default=True)
    rate_limit_conn_id = extras.text("rate_limit_conn_id")
    if rate_limit_conn_id and not shared:
        raise extras.error(
            "rate_limit_conn_id", "shares the rate limit, and 'shared_budget' is false. Remove one of them"
        )
    environment_url = extras.base_url()  # validated, even where the host wins over it
    return TikTokCredentials(
        access_token=token,
        base_url=_base_url(conn_id, host, port, schema) or environment_url,
        api_version=extras.api_version(),
        app_id=extras.text("app_id"),
        app_secret=extras.text("app_secret"),
        advertiser_ids=extras.advertiser_ids(),
        qps=extras.number("qps", DEFAULT_QPS),
        timeout=extras.number("timeout", DEFAULT_TIMEOUT),
        shared_budget=shared,
        rate_limit_conn_id=rate_limit_conn_id,
        conn_id=conn_id,
    )


def _access_token(conn_id: str, password: str | None) -> str:
    token = (password or "").strip()
    if not token:
        raise TikTokConfigError(
            f"Connection {conn_id!r} has no access token. Put TikTok's access token into its password field "
            "(the form calls it 'Access token')."
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise TikTokConfigError(
            f"The access token of connection {conn_id!r} holds blanks or characters that no token has. "
            "Paste it again, without quotes and line ends."
        )
    return token


def parse_advertiser_ids(value: object, *, name: str, star: bool = False) -> tuple[str, ...]:
    """Read advertiser IDs from a list, JSON text, comma-separated text or one ID, without repeats.

    :param value: what the user wrote.
    :param name: what the user calls it, for messages.
    :param star: whether ``"*"`` may be there alone, for every account.
    :raises ValueError: an ID is not a number; the text names it.
    """
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(f"{name} is neither JSON nor text with commas") from None
    elif isinstance(value, str):
        value = list(filter(None, re.split(r"[\s,;]+", value)))
    elif isinstance(value, int):
        value = [value]
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError(
            f"{name} must be a list of advertiser IDs or text with commas, not {type(value).__name__}"
        )
    ids = tuple(dict.fromkeys(str(item).strip() for item in value))
    if star and ids == (ALL_ADVERTISERS,):
        return ids
    for advertiser_id in ids:
        if not (advertiser_id.isascii() and advertiser_id.isdigit()):
            raise ValueError(f"{name}: {shown(advertiser_id)} is not an advertiser ID, which is a number")
    return ids


class _Extras(Extras):
    """Reads the fields that a connection to TikTok has."""

    def advertiser_ids(self) -> tuple[str, ...]:
        value = self.get("advertiser_ids")
        if value is None:
            return ()
        try:
            return parse_advertiser_ids(value, name="advertiser_ids", star=True)
        except ValueError as error:
            raise self.error("advertiser_ids", f"can't be read: {error}") from None

    def base_url(self) -> str:
        environment = self.text("environment").lower() or "production"
        if environment not in ENVIRONMENTS:
            raise self.error("environment", f"must be production or sandbox, not {shown(environment)}")
        return ENVIRONMENTS[environment]

    def api_version(self) -> str:
        version = self.text("api_version") or DEFAULT_API_VERSION
        if not re.fullmatch(r"v\d+(\.\d+)*", version):
            raise self.error("api_version", f"must look like v1.3, not {shown(version)}")
        return version


def _base_url(conn_id: str, host: str | None, port: int | None, schema: str | None) -> str:
    text = (host or "").strip()
    if not text:
        return ""
    if "://" not in text:
        text = f"{schema if schema in {'http', 'https'} else 'https'}://{text}"
    problem = TikTokConfigError(
        f"The host of connection {conn_id!r} is not a base URL. Leave it empty for TikTok itself, or write "
        "scheme and host, such as http://127.0.0.1:8765."
    )
    try:
        parts = urlsplit(text)
        has_port = parts.port is not None
    except ValueError:
        raise problem from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise problem
    if parts.username or parts.password or any(char.isspace() for char in text):
        raise problem
    if port and not has_port:
        netloc = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        text = f"{parts.scheme}://{netloc}:{port}{parts.path}"
    return re.sub(r"/open_api(/v[0-9.]+)?$", "", text.rstrip("/"))
