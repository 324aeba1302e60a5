"""Full and read-only disks, names that are too long, symbolic links and modes of files."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import fsspec
import pytest

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage import temporary
from airflow_provider_tiktok.storage.buffer import MemoryBudget, RowBuffer
from airflow_provider_tiktok.storage.checkpoint import Checkpoint
from airflow_provider_tiktok.storage.files import object_store, restatement
from airflow_provider_tiktok.storage.files.destination import Destination, Published
from airflow_provider_tiktok.storage.files.local_disk import LocalDisk
from airflow_provider_tiktok.storage.files.restatement import Comparison
from airflow_provider_tiktok.storage.files.target import parse_target
from airflow_provider_tiktok.storage.temporary import BlockFile

COLUMNS = {"day": "date", "country": "string", "spend": "decimal"}
ROWS = [("2026-11-01", "DE", "1.50"), ("2026-11-01", "FR", "2.00")]


def open_destination(path: Any, *partition_by: str, fs: Any = None, output_format: str | None = None) -> Any:
    target = parse_target(str(path), output_format, partition_by)
    return Destination(target, fs or fsspec.filesystem("file"), target.path, COLUMNS)


def write(destination: Destination, rows: Any = ROWS) -> None:
    columns = list(zip(*rows, strict=True))
    destination.write(destination.encode(columns, [False] * len(columns)))


def publish(path: Any, *partition_by: str, rows: Any = ROWS, **options: Any) -> Published:
    return write_all(open_destination(path, *partition_by, **options), rows)


def write_all(destination: Destination, rows: Any = ROWS) -> Published:
    try:
        write(destination, rows)
        return destination.publish()
    finally:
        destination.discard()


# no space in the temporary folder


class Refusing:
    """A temporary file that accepts a number of bytes and raises an error for more."""

    def __init__(self, file: Any, code: int, space: int) -> None:
        self._file = file
        self._code = code
        self._space = space

    def write(self, data: Any) -> int:
        if len(data) > self._space:
            self._file.write(bytes(data)[: self._space])
            self._space = 0
            raise OSError(self._code, os.strerror(self._code))
        self._space -= len(data)
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()
        raise OSError(self._code, os.strerror(self._code))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


REMEDIES = {
    errno.ENOSPC: "Free space there, or set TMPDIR to a folder with enough space",
    errno.EDQUOT: "Free space there, or set TMPDIR to a folder with enough space",
    errno.EFBIG: "Free space there, or set TMPDIR to a folder with enough space",
    errno.EIO: "Free space there, or set TMPDIR to a folder with enough space",
    errno.EROFS: "Let the worker's user write there, or set TMPDIR to a folder in which it may",
    errno.EACCES: "Let the worker's user write there, or set TMPDIR to a folder in which it may",
    errno.ENOENT: "Create it, or set TMPDIR to a folder that exists",
    errno.EMFILE: "The worker has too many files open: raise its limit (`ulimit -n`), or run fewer tasks at a time",
    errno.ENFILE: "The worker has too many files open: raise its limit (`ulimit -n`), or run fewer tasks at a time",
}


def sentence(code: int) -> str:
    return (
        f"Rows could not be buffered in {tempfile.gettempdir()!r} ({os.strerror(code)}), so nothing was published. "
        f"{REMEDIES[code]}, then run the task again."
    )


@pytest.fixture(params=REMEDIES, ids=errno.errorcode.get)
def code(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(params=[None, 0, 10, 1_000], ids=lambda space: "opened" if space is None else f"at-{space}")
def refused(request: pytest.FixtureRequest, code: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Make the temporary folder raise an error for a new file, or for writes from a byte on."""
    for name in ("TemporaryFile", "NamedTemporaryFile"):
        real = getattr(tempfile, name)

        def make(*args: Any, _real: Any = real, **options: Any) -> Any:
            if request.param is None:
                raise OSError(code, os.strerror(code))
            return Refusing(_real(*args, **options), code, request.param)

        monkeypatch.setattr(temporary.tempfile, name, make)
    return code


def row_buffer(*, keep_order: bool) -> None:
    with RowBuffer(budget=MemoryBudget(100), keep_order=keep_order) as rows:
        for number in range(1_000):
            rows.add([f"{number:04}"], [b"row"])
        list(rows.batches())


def compare() -> None:
    records = [{"key": str(number), "spend": "1"} for number in range(30)]
    Comparison({"key": "string", "spend": "decimal"}, ["key"], None, []).compare(records, [])


def temporary_file() -> None:
    with temporary.temporary_file([b"x" * 600] * 5):
        pass


@pytest.mark.sampled(24)
@pytest.mark.parametrize(
    "fill",
    [lambda: row_buffer(keep_order=False), lambda: row_buffer(keep_order=True), temporary_file],
    ids=["sorted", "in order", "to upload"],
)
def test_an_error_in_the_temporary_folder_names_it_and_the_remedy(refused, fill):
    with pytest.raises(TikTokOutputError) as caught:
        fill()
    assert str(caught.value) == sentence(refused)
    assert caught.value.retryable


def test_a_restatement_without_space_names_folder_and_remedy(monkeypatch):
    monkeypatch.setattr(restatement, "_MAX_DIGESTS", 10)

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(temporary.tempfile, "TemporaryFile", refuse)
    with pytest.raises(TikTokOutputError) as caught:
        compare()
    assert str(caught.value) == sentence(errno.ENOSPC)


@pytest.mark.sampled(12)
def test_a_checkpoint_without_space_is_no_failure(refused, tmp_path, caplog):
    checkpoint = Checkpoint(fsspec.filesystem("file"), str(tmp_path / "checkpoint"), {"job": 1})
    assert checkpoint.load() is None
    for _ in range(5):
        checkpoint.add([b"row" * 100])
        checkpoint.set_resume_point(lambda: {"rows": 1})
    checkpoint.save()
    checkpoint.discard()
    checkpoint.close()
    (warning,) = caplog.messages
    assert warning == (
        f"The checkpoint can't be saved in {tmp_path / 'checkpoint'} ({sentence(refused)}), so a retry would start "
        "from scratch."
    )


def test_a_folder_that_is_not_there_at_all_is_named(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/none"])
    with pytest.raises(
        TikTokOutputError, match=r"the worker's temporary folder \(No usable temporary dir.*TMPDIR"
    ):
        BlockFile().append(b"x")


@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_block_that_was_refused_leaves_those_before_it(monkeypatch, before):
    real = tempfile.TemporaryFile
    monkeypatch.setattr(
        temporary.tempfile,
        "TemporaryFile",
        lambda **options: Refusing(real(**options), errno.ENOSPC, 100 * before + 50),
    )
    file = BlockFile()
    blocks = [file.append(bytes([number]) * 100) for number in range(before)]
    with pytest.raises(TikTokOutputError):
        file.append(b"x" * 100)
    assert [file.read(block) for block in blocks] == [bytes([number]) * 100 for number in range(before)]
    assert file.size == 100 * before
    file.close()
    file.close()


def test_a_truncated_block_is_no_block():
    file = BlockFile()
    block = file.append(b"x" * 100)
    file._file.truncate(50)
    with pytest.raises(TikTokOutputError, match="shorter than what was written"):
        file.read(block)
    file.close()


@pytest.mark.sampled(16)
@pytest.mark.parametrize("output_format", ["jsonl", "csv.gz", "parquet"])
@pytest.mark.parametrize("partition_by", [(), ("country",)])
@pytest.mark.parametrize("step", ["folder", "open", "write"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EMFILE], ids=errno.errorcode.get)
def test_files_for_a_store_without_space_name_the_temporary_folder(
    tmp_path, monkeypatch, code, output_format, partition_by, step
):
    error = OSError(code, os.strerror(code))

    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    fs = fsspec.filesystem("memory")
    destination = open_destination("/bucket/lake/", *partition_by, fs=fs, output_format=output_format)
    with monkeypatch.context() as patch:
        if step == "folder":
            patch.setattr(object_store.tempfile, "mkdtemp", refuse)
        else:
            real = Path.open
            patch.setattr(
                Path,
                "open",
                lambda self, mode="r", **options: (
                    refuse() if step == "open" else Refusing(real(self, mode, **options), code, 0)
                ),
            )
        with pytest.raises(TikTokOutputError) as caught:
            write_all(destination)
    assert str(caught.value) == sentence(code)
    assert fs.find("/bucket/lake") == []


@pytest.mark.sampled(16)
@pytest.mark.parametrize("output_format", ["jsonl", "csv.gz", "parquet"])
@pytest.mark.parametrize("partition_by", [(), ("country",)])
def test_files_on_a_disk_that_refuses_name_the_output_path(
    tmp_path, monkeypatch, code, output_format, partition_by
):
    destination = open_destination(f"{tmp_path}/lake/", *partition_by, output_format=output_format)
    real = Path.open
    with monkeypatch.context() as patch:
        patch.setattr(
            Path, "open", lambda self, mode="r", **more: Refusing(real(self, mode, **more), code, 0)
        )
        with pytest.raises(TikTokOutputError) as caught:
            write_all(destination)
    text = str(caught.value)
    assert text.startswith("The files could not be written (")
    assert f": {os.strerror(code)}), and the previous files are unchanged: '{tmp_path}/lake'. " in text
    assert text.endswith(
        f"{REMEDIES[code] if code in {errno.EMFILE, errno.ENFILE} else 'Check space and permissions'}, "
        "then run the task again."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE])
def test_a_disk_that_is_full_at_the_start_is_no_permanent_error(tmp_path, monkeypatch, code):
    def refuse(**_: Any) -> Any:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(TikTokOutputError) as caught:
        open_destination(tmp_path / "rows.csv")
    assert caught.value.retryable
    assert f"can't be written: {os.strerror(code)} at '{tmp_path}'. " in str(caught.value)
    assert "may not write" not in str(caught.value)


# names that are too long

TEXTS = {
    "latin": "x" * 250,
    "just": "x" * 248,
    "umlauts": "\u00e4" * 43,
    "chinese": "\u6d3b" * 28,
    "emoji": "\U0001f600" * 21,
    "spaces": " " * 300,
    "slashes": "/" * 83,
    "lines": "\n" * 90,
}


@pytest.mark.sampled(16)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("output_format", ["jsonl", "parquet"])
@pytest.mark.parametrize("columns", [("country",), ("day", "country"), ("country", "spend")])
def test_a_value_that_is_no_folder_name_is_reported_with_its_page(tmp_path, text, output_format, columns):
    destination = open_destination(f"{tmp_path}/lake/", *columns, output_format=output_format)
    rows = [*ROWS, ("2026-11-02", text, "1")]
    with pytest.raises(TikTokOutputError) as caught:
        destination.encode(list(zip(*rows, strict=True)), [False] * 3)
    destination.discard()
    assert not caught.value.retryable
    shown = repr(text if len(text) <= 80 else text[:80] + "...")
    assert (
        f"`partition_by` has country, which has a value that is too long: {shown} makes a folder name of "
        in str(caught.value)
    )
    assert "`output_path` accepts at most 255 (File name too long)" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["x" * 247, "\u6d3b" * 27, "a b" * 82, ".", "..", "", "\0"])
def test_a_value_that_just_fits_is_written(tmp_path, text):
    published = publish(f"{tmp_path}/lake/", "country", rows=[("2026-11-01", text, "1")])
    assert [file.partition for file in published.files] == [{"country": text}]
    assert all(Path(file.path).is_file() for file in published.files)


def test_values_that_make_too_long_a_path_together_are_reported(tmp_path):
    longest, root = 4_096 - 100 - 300, str(tmp_path)  # which leaves 300 bytes for the partition
    while len(root) < longest:
        root += "/" + "d" * min(250, longest - len(root) - 1)
    destination = open_destination(f"{root}/", "country", "spend")
    with pytest.raises(
        TikTokOutputError,
        match=r"has country, which has a value that is too long: 'x+\.\.\.' makes a path of 371 bytes",
    ) as caught:
        destination.encode([("2026-11-01",), ("x" * 240,), ("1" * 116,)], [False] * 3)
    assert not caught.value.retryable
    destination.discard()


@pytest.mark.parametrize("protocol", ["s3", ("gs", "gcs"), ("abfs", "az")])
def test_a_key_that_no_bucket_accepts_is_reported(protocol):
    fs = type("Bucket", (type(fsspec.filesystem("memory")),), {"protocol": protocol})()
    target = parse_target("s3://bucket/lake/", None, ("country",))
    destination = Destination(target, fs, "bucket/lake", COLUMNS)
    write(destination, [("2026-11-01", "x" * 900, "1")])
    with pytest.raises(
        TikTokOutputError,
        match=r"has country, which has a value that is too long: 'x.* makes a path of 1,008 bytes",
    ) as caught:
        write(destination, [("2026-11-01", "x" * 1_000, "1")])
    assert not caught.value.retryable
    destination.discard()


# symbolic links


def content(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("there", [True, False], ids=["there", "dangling"])
@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
@pytest.mark.parametrize("hops", [1, 2])
def test_a_file_behind_links_is_written_and_the_links_stay(tmp_path, there, relative, hops):
    (tmp_path / "links").mkdir()
    (tmp_path / "data").mkdir()
    real = tmp_path / "data" / "rows.csv"
    if there:
        real.write_text("old")
    place, links = real, []
    for hop in range(hops):
        link = tmp_path / "links" / f"{hop}.csv"
        link.symlink_to(os.path.relpath(place, link.parent) if relative else place)
        links.append(link)
        place = link
    for _ in range(2):
        (file,) = publish(place).files
        assert file.path == str(place)
        assert all(link.is_symlink() for link in links)
        assert content(real) == "day,country,spend\n2026-11-01,DE,1.50\n2026-11-01,FR,2.00\n"
    assert sorted(tmp_path.rglob("*")) == sorted([tmp_path / "links", tmp_path / "data", real, *links])


@pytest.mark.parametrize("there", [True, False], ids=["there", "dangling"])
@pytest.mark.parametrize(
    ("below", "partition_by"),
    [("", ()), ("sub/", ()), ("sub/rows.jsonl", ()), ("", ("country",)), ("sub/", ("country",))],
)
def test_a_folder_behind_a_link_is_written_and_the_link_stays(tmp_path, there, below, partition_by):
    real, link = tmp_path / "a" / "real", tmp_path / "link"
    if there:
        real.mkdir(parents=True)
    link.symlink_to(real)
    for _ in range(2):
        published = publish(f"{link}/{below}", *partition_by)
        assert link.is_symlink()
        assert published.removed == ()
        assert all(file.path.startswith(f"{link}/") and Path(file.path).is_file() for file in published.files)
    assert [path.name for path in real.rglob(".*")] == []


@pytest.mark.parametrize("there", [True, False], ids=["there", "dangling"])
@pytest.mark.parametrize("name", ["report.jsonl", "_manifest.json", "country=DE", "country=DE/report.jsonl"])
def test_links_within_a_folder_are_followed(tmp_path, there, name):
    partition_by = ("country",) if "country" in name else ()
    lake, real = tmp_path / "lake", tmp_path / "elsewhere" / "real"
    link = lake / name
    link.parent.mkdir(parents=True)
    real.parent.mkdir()
    if there and name == "country=DE":
        real.mkdir()
    elif there:
        real.write_text("old")
    link.symlink_to(real)
    for _ in range(2):
        publish(f"{lake}/", *partition_by)
        assert link.is_symlink()
        assert (real / "report.jsonl" if real.is_dir() else real).read_text() != "old"
    assert not list(tmp_path.rglob(".tiktok-run-*"))


@pytest.mark.parametrize("path", ["loop/", "loop/rows.csv", "loop.csv"])
def test_links_in_a_circle_are_refused_at_once(tmp_path, path):
    link = tmp_path / path.split("/")[0]
    link.symlink_to(link.name)
    with pytest.raises(
        TikTokOutputError, match=r"can't be written: Too many levels of symbolic links\. Choose another path"
    ) as caught:
        open_destination(f"{tmp_path}/{path}")
    assert not caught.value.retryable
    assert link.is_symlink()


def test_two_partitions_behind_links_to_one_folder_are_refused(tmp_path):
    lake = tmp_path / "lake"
    (lake / "country=DE").mkdir(parents=True)
    (lake / "country=FR").symlink_to("country=DE")
    with pytest.raises(TikTokOutputError, match="two partitions have the same folder"):
        publish(f"{lake}/", "country")
    assert list((lake / "country=DE").iterdir()) == []


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "rows.csv")
    with pytest.raises(TikTokOutputError, match="is a device or a pipe"):
        open_destination(tmp_path / "rows.csv")
    assert stat.S_ISFIFO((tmp_path / "rows.csv").stat().st_mode)


@pytest.mark.parametrize("link", [False, True], ids=["file", "link"])
def test_a_kill_before_a_file_behind_a_link_is_replaced_leaves_it(tmp_path, monkeypatch, link):
    real = tmp_path / "data" / "rows.csv"
    real.parent.mkdir()
    real.write_text("old")
    path = tmp_path / "link.csv" if link else real
    if link:
        path.symlink_to(real)
    monkeypatch.setattr(LocalDisk, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        publish(path)
    assert content(real) == "old"
    assert path.is_symlink() is link


# modes


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o027, 0o002, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Any:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.sampled(16)
@pytest.mark.parametrize("path", ["rows.csv", "rows.jsonl.gz", "rows.parquet"])
@pytest.mark.parametrize("old_mode", [0o640, 0o600, 0o664, 0o444, 0o666, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path, umask, path, old_mode):
    file = tmp_path / path
    publish(file)
    assert mode(file) == 0o666 & ~umask
    file.chmod(old_mode)
    publish(file)
    assert mode(file) == old_mode


@pytest.mark.parametrize("partition_by", [(), ("country",)])
def test_files_in_a_folder_keep_their_modes(tmp_path, umask, partition_by):
    lake = tmp_path / "lake"
    publish(f"{lake}/", *partition_by)
    files = [path for path in lake.rglob("*") if path.is_file()]
    assert {mode(file) for file in files} == {0o666 & ~umask}
    for number, file in enumerate(files):
        file.chmod(0o600 + 8 * number)
    modes = {file: mode(file) for file in files}
    publish(f"{lake}/", *partition_by)
    assert {file: mode(file) for file in files} == modes


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change owners")
@pytest.mark.parametrize("path", ["rows.csv", "link.csv", "lake/"])
def test_a_file_that_is_replaced_keeps_group_and_owner(tmp_path, path):
    (tmp_path / "link.csv").symlink_to("rows.csv")
    publish(f"{tmp_path}/{path}")
    files = [one for one in tmp_path.rglob("*") if one.is_file() and not one.is_symlink()]
    for file in files:
        os.chown(file, 1234, 2345)
        file.chmod(0o640)
    publish(f"{tmp_path}/{path}")
    assert {(one.stat().st_uid, one.stat().st_gid, mode(one)) for one in files} == {(1234, 2345, 0o640)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change owners")
@pytest.mark.parametrize(
    ("set_group", "partition_by"), [("lake", ()), ("lake", ("country",)), ("lake/country=DE", ("country",))]
)
def test_a_folder_with_the_set_group_id_bit_sets_the_group(tmp_path, set_group, partition_by):
    folder = tmp_path / set_group
    folder.mkdir(parents=True)
    os.chown(folder, -1, 2345)
    folder.chmod(0o2775)
    publish(f"{tmp_path}/lake/", *partition_by)
    files = [one for one in folder.rglob("*") if one.is_file()]
    assert files
    assert {one.stat().st_gid for one in files} == {2345}


def test_another_group_does_not_get_the_old_groups_permissions(tmp_path, monkeypatch, caplog):
    def refuse(path: Any, uid: int, gid: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    file = tmp_path / "rows.csv"
    publish(file)
    file.chmod(0o664)
    real = Path.stat

    def other_group(self: Path, **options: Any) -> Any:
        found = real(self, **options)
        if self != file:
            return found
        return os.stat_result((*found[:5], found.st_gid + 1, *found[6:]))

    with monkeypatch.context() as patch:
        patch.setattr(os, "chown", refuse)
        patch.setattr(Path, "stat", other_group)
        publish(file)
    assert mode(file) == 0o644
    assert "can't keep its group" in caplog.text
