"""Atomic publication of files on a local disk and on an object store."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import resource
from pathlib import Path
from typing import Any

import fsspec
import pytest

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.files import destination as module
from airflow_provider_tiktok.storage.files.destination import Destination, Published
from airflow_provider_tiktok.storage.files.target import parse_target

COLUMNS = {"day": "date", "country": "string", "spend": "decimal"}
ROWS = [("2026-11-01", "DE", "1.50"), ("2026-11-01", "FR", "2.00"), ("2026-11-02", "DE", "3.25")]


def write(destination: Destination, rows: Any) -> None:
    """Encode rows that are not validated yet, and write them."""
    columns = list(zip(*rows, strict=True))
    destination.write(destination.encode(columns, [False] * len(columns)))


class Place:
    """A folder on a filesystem, with helpers for tests."""

    def __init__(self, kind: str, root: str) -> None:
        self.kind = kind
        self.fs = fsspec.filesystem(kind)
        self.root = root

    def open(
        self, path: str, output_format: str | None = None, partition_by: tuple[str, ...] = ()
    ) -> Destination:
        target = parse_target(f"{self.root}/{path}", output_format, partition_by)
        return Destination(target, self.fs, target.path, COLUMNS)

    def write(
        self, path: str, rows: Any = ROWS, *, name: str = "data", covers: Any = None, **options: Any
    ) -> Published:
        destination = self.open(path, **options)
        destination.name_files(name)
        write(destination, rows)
        return destination.publish({"request": "r"}, covers or (lambda partition: True))

    def files(self) -> dict[str, bytes]:
        found = self.fs.find(self.root) if self.fs.exists(self.root) else []
        return {path.removeprefix(self.root + "/"): self.fs.cat_file(path) for path in found}

    def data(self) -> dict[str, bytes]:
        return {path: data for path, data in self.files().items() if not path.endswith("_manifest.json")}


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "file":
        yield Place("file", str(tmp_path / "out"))
        return
    place = Place("memory", "/bucket/out")
    yield place
    place.fs.store.clear()


@pytest.fixture
def local(tmp_path: Path) -> Place:
    return Place("file", str(tmp_path / "out"))


JSONL = b'{"day":"2026-11-01","country":"DE","spend":1.50}\n'


# one file


def test_one_file_holds_all_rows(place):
    published = place.write("rows.csv")
    data = b"day,country,spend\n2026-11-01,DE,1.50\n2026-11-01,FR,2.00\n2026-11-02,DE,3.25\n"
    assert place.files() == {"rows.csv": data}
    (file,) = published.files
    assert (file.path, file.rows, file.bytes) == (f"{place.root}/rows.csv", 3, len(data))
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert (published.removed, published.manifest) == ((), None)


def test_nothing_is_there_before_it_is_published(place):
    destination = place.open("rows.jsonl")
    write(destination, ROWS)
    assert [path for path in place.files() if not path.startswith(".")] == []
    destination.discard()
    assert place.files() == {}


@pytest.mark.parametrize(("path", "data"), [("rows.csv", b"day,country,spend\n"), ("rows.jsonl", b"")])
def test_an_empty_report_has_an_empty_file(place, path, data):
    place.write(path)
    place.write(path, [])
    assert place.files() == {path: data}


def test_a_file_is_replaced(place):
    place.write("rows.jsonl")
    place.write("rows.jsonl", ROWS[:1])
    assert place.files() == {"rows.jsonl": JSONL}


def test_gzip_files_are_the_same_bytes_each_time(place, monkeypatch):
    clock = iter(range(1_700_000_000, 1_800_000_000, 1_000))
    monkeypatch.setattr(gzip.time, "time", lambda: float(next(clock)))
    assert place.write("rows.jsonl.gz", ROWS[:1]) == place.write("rows.jsonl.gz", ROWS[:1])
    first = place.files()["rows.jsonl.gz"]
    assert gzip.decompress(first) == JSONL
    place.write("other.jsonl.gz", ROWS[:1])
    assert place.files()["other.jsonl.gz"] == first


def test_a_discarded_report_leaves_the_old_file(place):
    place.write("rows.jsonl", ROWS[:1])
    destination = place.open("rows.jsonl")
    write(destination, ROWS * 10_000)
    destination.discard()
    destination.discard()
    assert place.files() == {"rows.jsonl": JSONL}


def test_a_discarded_report_leaves_no_folder(local):
    destination = local.open("a/b/c/", partition_by=("day",))
    write(destination, ROWS)
    destination.discard()
    assert not Path(local.root).exists()


# a folder


def test_a_folder_gets_data_and_manifest(place):
    published = place.write("lake/")
    files = place.files()
    assert sorted(files) == ["lake/_manifest.json", "lake/data.jsonl"]
    assert published.manifest == f"{place.root}/lake/_manifest.json"
    assert json.loads(files["lake/_manifest.json"]) == {
        "request": "r",
        "columns": COLUMNS,
        "files": [
            {
                "path": f"{place.root}/lake/data.jsonl",
                "rows": 3,
                "bytes": len(files["lake/data.jsonl"]),
                "sha256": hashlib.sha256(files["lake/data.jsonl"]).hexdigest(),
                "partition": {},
            }
        ],
    }


def test_partitions_become_folders_without_their_columns(place):
    published = place.write("lake/", partition_by=("day", "country"), output_format="csv")
    assert place.data() == {
        "lake/day=2026-11-01/country=DE/data.csv": b"spend\n1.50\n",
        "lake/day=2026-11-01/country=FR/data.csv": b"spend\n2.00\n",
        "lake/day=2026-11-02/country=DE/data.csv": b"spend\n3.25\n",
    }
    assert [(file.rows, file.partition) for file in published.files] == [
        (1, {"day": "2026-11-01", "country": "DE"}),
        (1, {"day": "2026-11-01", "country": "FR"}),
        (1, {"day": "2026-11-02", "country": "DE"}),
    ]


@pytest.mark.parametrize("output_format", ["jsonl", "csv.gz"])
def test_the_manifest_is_true_of_every_file(place, output_format):
    place.write("lake/", ROWS * 3, partition_by=("country",), output_format=output_format)
    files = place.files()
    listed = json.loads(files["lake/_manifest.json"])["files"]
    assert [item["path"] for item in listed] == sorted(f"{place.root}/{path}" for path in place.data())
    for item in listed:
        data = files[item["path"].removeprefix(place.root + "/")]
        assert (item["bytes"], item["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert [(item["partition"], item["rows"]) for item in listed] == [
        ({"country": "DE"}, 6),
        ({"country": "FR"}, 3),
    ]


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        ("a/b", "country=a%2Fb"),
        ("..", "country=.."),
        (".", "country=."),
        ("a=b", "country=a%3Db"),
        (None, "country=__HIVE_DEFAULT_PARTITION__"),
        ("", "country="),
        ("a b", "country=a b"),
        ("100%", "country=100%25"),
        ("\u00e9\U0001f600", "country=%C3%A9%F0%9F%98%80"),
        ("a\nb:*?", "country=a%0Ab%3A%2A%3F"),
        ("_hidden", "country=_hidden"),
    ],
)
def test_special_characters_in_partition_values_are_escaped(place, value, folder):
    published = place.write("lake/", [("2026-11-01", value, "1")], partition_by=("country",))
    assert list(place.data()) == [f"lake/{folder}/data.jsonl"]
    if value is not None:
        assert published.files[0].partition == {"country": value}


def test_null_and_empty_partitions_are_two(place):
    place.write("lake/", [("d", None, "1"), ("d", "", "2")], partition_by=("country",))
    assert len(place.data()) == 2


@pytest.mark.parametrize("cells", [3, 60, 1_000])
@pytest.mark.parametrize("output_format", ["csv", "csv.gz"])
def test_partitions_are_complete_whether_their_rows_are_in_memory_or_not(
    place, monkeypatch, output_format, cells
):
    monkeypatch.setattr(module, "_MAX_CELLS", cells)
    destination = place.open("lake/", output_format=output_format, partition_by=("country",))
    destination.name_files("data")
    for day in range(5):
        write(destination, [(str(day), str(country), f"{country}.5") for country in range(10)])
    published = destination.publish(covers=lambda partition: True)
    assert [file.rows for file in published.files] == [5] * 10
    for file in published.files:
        data = place.files()[file.path.removeprefix(place.root + "/")]
        assert (file.bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        text = gzip.decompress(data) if output_format.endswith("gz") else data
        country = file.partition["country"].encode()
        assert text == b"day,spend\n" + b"".join(b"%d,%s.5\n" % (day, country) for day in range(5))


# a second run


def test_a_second_run_over_the_same_rows_writes_the_same_bytes(place):
    options = {"partition_by": ("day", "country"), "output_format": "jsonl.gz"}
    first = place.write("lake/", **options)
    before = place.files()
    second = place.write("lake/", **options)
    assert first == second
    assert place.files() == before


def test_a_partition_without_rows_any_more_is_removed(place):
    place.write("lake/", partition_by=("day",))
    published = place.write("lake/", ROWS[:2], partition_by=("day",))
    assert list(place.data()) == ["lake/day=2026-11-01/data.jsonl"]
    assert published.removed == (f"{place.root}/lake/day=2026-11-02/data.jsonl",)


def test_a_partition_that_the_run_does_not_cover_stays(place):
    place.write("lake/", partition_by=("day",))
    published = place.write(
        "lake/", ROWS[:2], partition_by=("day",), covers=lambda partition: partition["day"] == "2026-11-01"
    )
    assert sorted(place.data()) == ["lake/day=2026-11-01/data.jsonl", "lake/day=2026-11-02/data.jsonl"]
    assert published.removed == ()


def test_files_of_another_request_stay(place):
    place.write("lake/", partition_by=("day",), name="other")
    place.write("lake/", [], partition_by=("day",), name="data")
    assert sorted(place.data()) == ["lake/day=2026-11-01/other.jsonl", "lake/day=2026-11-02/other.jsonl"]


def test_an_empty_second_run_clears_what_it_covers(place):
    place.write("lake/", partition_by=("day",))
    published = place.write("lake/", [], partition_by=("day",))
    assert place.data() == {}
    assert len(published.removed) == 2
    assert json.loads(place.files()["lake/_manifest.json"])["files"] == []


def test_an_empty_first_run_of_partitions_leaves_a_manifest(place):
    place.write("lake/", [], partition_by=("day",))
    assert list(place.files()) == ["lake/_manifest.json"]


@pytest.mark.parametrize(
    "root", ["lake", "./lake", "../{here}/lake", "{parent}/./{here}/lake", "{parent}//{here}/lake/"]
)
def test_a_second_run_keeps_its_files_however_the_folder_is_written(tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    root = root.format(here=tmp_path.name, parent=tmp_path.parent)
    for _ in range(3):
        target = parse_target(root, None, ("day",))
        destination = Destination(target, fsspec.filesystem("file"), root, COLUMNS)
        destination.name_files("data")
        write(destination, ROWS)
        published = destination.publish(covers=lambda partition: partition["day"] != "2026-11-02")
        assert published.removed == ()
        assert [file.path for file in published.files] == [
            f"{root.rstrip('/')}/day=2026-11-01/data.jsonl",
            f"{root.rstrip('/')}/day=2026-11-02/data.jsonl",
        ]
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.jsonl")) == [
        "lake/day=2026-11-01/data.jsonl",
        "lake/day=2026-11-02/data.jsonl",
    ]


def test_a_relative_folder_is_cleared_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for rows in (ROWS, []):
        destination = Destination(
            parse_target("lake/", None, ("day",)), fsspec.filesystem("file"), "lake", COLUMNS
        )
        destination.name_files("data")
        write(destination, rows)
        removed = destination.publish(covers=lambda partition: partition["day"] == "2026-11-02").removed
    assert removed == ("lake/day=2026-11-02/data.jsonl",)
    assert [str(path) for path in Path("lake").rglob("*.jsonl")] == ["lake/day=2026-11-01/data.jsonl"]


def test_a_folder_behind_a_link_keeps_its_files(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    place = Place("file", str(tmp_path / "link"))
    for _ in range(2):
        assert place.write("lake/", partition_by=("day",)).removed == ()
    assert len(place.data()) == 2


def test_an_object_store_without_a_leading_slash_keeps_its_files():
    fs = fsspec.filesystem("memory")
    for _ in range(2):
        target = parse_target("memory://bucket/lake/", None, ("day",))
        destination = Destination(target, fs, "bucket/lake", COLUMNS)
        destination.name_files("data")
        write(destination, ROWS)
        published = destination.publish(covers=lambda partition: True)
        assert published.removed == ()
    assert [file.path for file in published.files] == [
        "memory://bucket/lake/day=2026-11-01/data.jsonl",
        "memory://bucket/lake/day=2026-11-02/data.jsonl",
    ]
    assert len(fs.find("/bucket/lake")) == 3
    fs.store.clear()


# what goes wrong


@pytest.mark.parametrize("path", ["rows.jsonl", "rows.jsonl.gz", "lake/"])
def test_a_full_disk_is_named_and_leaves_nothing(local, path):
    local.write("rows.jsonl", ROWS[:1])
    before = local.files()
    destination = local.open(path, partition_by=("country",) if path == "lake/" else ())
    random_text = os.urandom(300_000).hex()

    def write_all() -> None:
        for start in range(0, len(random_text), 1_000):
            write(destination, [("2026-11-01", "DE", random_text[start : start + 1_000])])
        destination.publish()

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(TikTokOutputError) as caught:
            write_all()
        destination.discard()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == (
        "The files could not be written (OSError: File too large), and the previous files are unchanged: "
        f"'{local.root}/{path.rstrip('/')}'. Check space and permissions, then run the task again."
    )
    assert local.files() == before


def test_a_manifest_that_can_not_be_written_leaves_no_stale_file(local, monkeypatch):
    destination = local.open("lake/")
    write(destination, ROWS)

    def failing(self, *args, **kwargs):
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", failing)
    with pytest.raises(TikTokOutputError, match=r"No space left on device"):
        destination.publish()
    assert local.files() == {}


def test_a_file_that_is_a_folder_is_refused_at_once(local):
    Path(local.root, "rows.csv").mkdir(parents=True)
    with pytest.raises(TikTokOutputError) as caught:
        local.open("rows.csv")
    assert str(caught.value) == f"`output_path` '{local.root}/rows.csv' is a folder; end it with a slash."


@pytest.mark.parametrize("path", ["taken/", "taken/below/", "taken/rows.csv"])
def test_a_folder_that_is_a_file_is_refused_at_once(local, path):
    Path(local.root).mkdir()
    Path(local.root, "taken").write_text("x")
    with pytest.raises(TikTokOutputError) as caught:
        local.open(path)
    assert str(caught.value) == (
        f"`output_path` '{local.root}/{path.rstrip('/')}' can't be written: '{local.root}/taken' is not a folder."
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused_at_once(local):
    Path(local.root).mkdir(mode=0o500)
    with pytest.raises(
        TikTokOutputError, match=r"the Airflow worker may not write to .* \(Permission denied\)"
    ):
        local.open("rows.csv")


def test_a_read_only_filesystem_is_refused_at_once(local, monkeypatch):
    def refuse(**_: Any) -> Any:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(module.tempfile, "TemporaryFile", refuse)
    with pytest.raises(TikTokOutputError) as caught:
        local.open("a/rows.csv")
    assert str(caught.value) == (
        f"`output_path` '{local.root}/a/rows.csv' can't be written: the Airflow worker may not write to "
        f"'{Path(local.root).parent}' (Read-only file system). Choose another path, or let the worker's user "
        "write there."
    )


@pytest.fixture
def lock(local, monkeypatch):
    """Return a function that locks the folder ``locked``: checks of paths below it fail."""
    locked = Path(local.root, "locked")
    locked.mkdir(parents=True)

    def refusing(check: Any) -> Any:
        def checked(path: Path) -> bool:
            if locked in path.parents:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return check(path)

        return checked

    def close() -> None:
        for name in ("exists", "is_dir"):
            monkeypatch.setattr(Path, name, refusing(getattr(Path, name)))

    return close


@pytest.mark.parametrize(
    ("path", "refused"),
    [("locked/out/", "out"), ("locked/rows.csv", "rows.csv"), ("locked/a/rows.csv", "a/rows.csv")],
)
def test_a_folder_that_may_not_be_entered_is_refused_at_once(local, lock, path, refused):
    lock()
    with pytest.raises(TikTokOutputError) as caught:
        local.open(path)
    written = str(caught.value)
    assert written.startswith(
        f"`output_path` '{local.root}/locked/{refused}' can't be written: the Airflow worker may not write to "
    )
    assert written.endswith("(Permission denied). Choose another path, or let the worker's user write there.")


def test_a_folder_that_is_locked_during_the_run_is_named(local, lock):
    destination = local.open("locked/lake/", partition_by=("country",))
    lock()
    with pytest.raises(TikTokOutputError) as caught:
        write(destination, ROWS)
    assert str(caught.value) == (
        "The files could not be written (PermissionError: Permission denied), and the previous files are "
        f"unchanged: '{local.root}/locked/lake'. Check space and permissions, then run the task again."
    )


def test_a_partition_name_that_is_too_long_is_named(local):
    destination = local.open("lake/", partition_by=("country",))
    with pytest.raises(TikTokOutputError, match=r"File name too long"):
        write(destination, [("2026-11-01", "x" * 300, "1")])
    destination.discard()
    assert local.files() == {}


def test_partitions_that_leave_no_column_are_refused(place):
    with pytest.raises(TikTokOutputError) as caught:
        place.open("lake/", partition_by=("day", "country", "spend"))
    assert str(caught.value) == (
        "`partition_by` contains every column, so the files would be empty. Remove one."
    )
    assert place.files() == {}


def test_opening_a_destination_leaves_nothing(place):
    place.open("rows.csv")
    place.open("lake/", partition_by=("day",))
    assert place.files() == {}
