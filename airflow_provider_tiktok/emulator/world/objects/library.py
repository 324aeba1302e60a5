"""The fields of videos, images, identities, audiences and pixels."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow_provider_tiktok.emulator.world.accounts import BC_ID
from airflow_provider_tiktok.emulator.world.objects.assets import Asset, identity_type_of, material_id
from airflow_provider_tiktok.emulator.world.objects.fields import (
    ABSENT,
    Readers,
    View,
    always,
    readers,
    time_text,
)

_MINUTE = 60
_PER_DAY = 30
_VALID = timedelta(hours=6)


def _created(asset: Asset) -> str:
    return time_text(asset.created, asset.number % _PER_DAY * _MINUTE)


def modified(asset: Asset) -> str:
    """Return the time of an asset's latest change, in the order of which videos and images are listed."""
    return time_text(asset.created + asset.seed % 90, asset.number % _PER_DAY * _MINUTE + 1)


def _iso(time: str) -> str:
    return f"{time.replace(' ', 'T')}Z"


def _expires(view: View) -> datetime:
    """Return when a link is no longer good; within an hour all calls get the same link."""
    return view.now.replace(minute=0, second=0, microsecond=0) + _VALID


_FILE: Readers = {
    "material_id": lambda view, asset: material_id(view.account, asset.number),
    "create_time": lambda view, asset: _iso(_created(asset)),
    "modify_time": lambda view, asset: _iso(modified(asset)),
    "size": lambda view, asset: 10_000 + asset.seed % 9_000_000,
    "signature": lambda view, asset: f"{asset.seed:032x}",
    "width": always(720),
    "height": always(1280),
}

VIDEO = readers(
    "video",
    {
        **_FILE,
        "video_id": lambda view, asset: asset.id,
        "file_name": lambda view, asset: f"Clip {asset.number} – “{view.account.name}”.mp4",
        "video_cover_url": lambda view, asset: f"https://cdn.example/{asset.id}.jpg",
        "preview_url": lambda view, asset: (
            f"https://cdn.example/{asset.id}.mp4?expire={int(_expires(view).timestamp())}"
        ),
        "preview_url_expire_time": lambda view, asset: f"{_expires(view):%Y-%m-%d %H:%M:%S}",
        "duration": lambda view, asset: 5 + asset.seed % 55_000 / 1000,
        "bit_rate": lambda view, asset: 800_000 + asset.seed % 2_000_000,
    },
)
"""The fields of ``file/video/ad/search/``."""

IMAGE = readers(
    "image",
    {
        **_FILE,
        "image_id": lambda view, asset: asset.id,
        "file_name": lambda view, asset: f"Cover, {asset.number}.jpeg",
        "image_url": lambda view, asset: f"https://cdn.example/{asset.id}.jpeg",
        "format": always("jpeg"),
    },
)
"""The fields of ``file/image/ad/search/``."""


def _bc_id(view: View, asset: Asset) -> object:
    return BC_ID if identity_type_of(asset.number) == "BC_AUTH_TT" else ABSENT


IDENTITY = readers(
    "identity",
    {
        "identity_id": lambda view, asset: asset.id,
        "identity_type": lambda view, asset: identity_type_of(asset.number),
        "identity_authorized_bc_id": _bc_id,
        "display_name": lambda view, asset: f"{view.account.name} №{asset.number}",
        "username": lambda view, asset: f"kiwi.{asset.number}",
        "profile_image": lambda view, asset: f"https://cdn.example/{asset.number}.jpg",
    },
)
"""The fields of ``identity/get/``."""

AUDIENCE = readers(
    "audience",
    {
        "audience_id": lambda view, asset: asset.id,
        "name": lambda view, asset: f"Buyers, {asset.number} days",
        "audience_type": lambda view, asset: ("Customer File", "Engagement Audience")[asset.number % 2],
        "cover_num": lambda view, asset: asset.seed % 5_000_000,
        "create_time": lambda view, asset: _created(asset),
        "expired_time": lambda view, asset: time_text(asset.created + 3650),
    },
)
"""The fields of ``dmp/custom_audience/list/``."""

PIXEL = readers(
    "pixel",
    {
        "pixel_id": lambda view, asset: asset.id,
        "pixel_code": lambda view, asset: f"C{asset.seed:019X}"[:20],
        "pixel_name": lambda view, asset: f"Shop <pixel> {asset.number}",
        "pixel_script": lambda view, asset: f'<script>ttq.load("{asset.number}");\n</script>',
        "create_time": lambda view, asset: _created(asset),
        "asset_ownership": lambda view, asset: {
            "ownership_status": "OWNED",
            "owner_bc_id": BC_ID,
            "advertiser_id": view.account.advertiser_id,
        },
    },
)
"""The fields of ``pixel/list/``."""
