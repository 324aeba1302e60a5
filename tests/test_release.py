"""What `make dist` finds wrong with an archive, and what the documentation's tests take for an example."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.docs.examples import in_docstrings, in_page
from tools import dist

METADATA = "Name: airflow-provider-tiktok\n" + "".join(
    f"Requires-Dist: {line}\n" for line in (*sorted(dist.REQUIRED), 'pyarrow; extra == "parquet"')
)


def wheel(folder, *, without=(), more=(), metadata=METADATA, entry_point=dist.ENTRY_POINT):
    """Write a wheel that is right but for what is asked."""
    path = folder / "airflow_provider_tiktok-1-py3-none-any.whl"
    info = "airflow_provider_tiktok-1.dist-info"
    files = dict.fromkeys((dist.package_files() - set(without)) | set(more), "")
    files |= {f"{info}/METADATA": metadata, f"{info}/licenses/LICENSE": "Apache"}
    files[f"{info}/entry_points.txt"] = f"[apache_airflow_provider]\n{entry_point}\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_a_wheel_with_the_package_and_nothing_else_is_right(tmp_path):
    assert dist.faults_of_wheel(wheel(tmp_path)) == []


def test_the_package_has_its_type_marker_and_catalogue():
    files = dist.package_files()
    assert "airflow_provider_tiktok/py.typed" in files
    assert "airflow_provider_tiktok/reports/catalog/basic_metrics.csv" in files


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (
            {"without": ["airflow_provider_tiktok/py.typed"]},
            "wheel: airflow_provider_tiktok/py.typed is missing",
        ),
        ({"more": ["tests/test_house.py"]}, "wheel: tests/test_house.py is too much"),
        (
            {"metadata": METADATA.replace("requests>=2.31", "requests>=2.31\nRequires-Dist: pyarrow")},
            "wheel's requirements: pyarrow is too much",
        ),
        ({"entry_point": "another = a:b"}, "wheel lacks the entry point that Airflow looks for"),
    ],
)
def test_a_wrong_wheel_is_told(tmp_path, wrong, fault):
    assert dist.faults_of_wheel(wheel(tmp_path, **wrong)) == [fault]


def test_an_sdist_without_its_changelog_is_told(tmp_path):
    path = tmp_path / "airflow_provider_tiktok-1.tar.gz"
    names = dist.package_files() | dist.BESIDE_THE_PACKAGE | {"PKG-INFO", "tools/dist.py"}
    with tarfile.open(path, "w:gz") as archive:
        for name in names - {"CHANGELOG.md"}:
            archive.addfile(tarfile.TarInfo(f"airflow_provider_tiktok-1/{name}"), io.BytesIO())
    assert dist.faults_of_sdist(path) == [
        "sdist: tools/dist.py is too much",
        "sdist: CHANGELOG.md is missing",
    ]


PAGE = """\
```python
print(1)
```

<!-- output -->
```text
1
```

<!-- not run: it takes an account -->
```bash
curl
```

```{presets}
```

- in a list
  ```json
  [1,
   2]
  ```
"""


def test_blocks_of_a_page_are_found_with_output_and_reason():
    run, marked, listed = in_page(Path("page.md"), PAGE)
    assert (run.line, run.language, run.text, run.output, run.reason) == (
        1,
        "python",
        "print(1)\n",
        "1\n",
        "",
    )
    assert (marked.language, marked.reason) == ("bash", "it takes an account")
    assert (listed.language, listed.text) == ("json", "[1,\n 2]\n")


def test_a_block_after_one_that_is_not_run_is_run():
    found = in_page(Path("page.md"), "<!-- not run: a reason -->\n```bash\na\n```\n\n```bash\nb\n```\n")
    assert [block.reason for block in found] == ["a reason", ""]


def test_blocks_of_docstrings_are_found():
    source = (
        '"""Module.\n\n.. code-block:: json\n\n    [1,\n     2]\n\nText.\n"""\n'
        "def function():\n    '''No example.'''\n"
    )
    (block,) = in_docstrings(Path("module.py"), source)
    assert (block.language, block.text) == ("json", "[1,\n 2]\n")
