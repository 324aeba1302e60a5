"""Which blocks are examples for the documentation's tests."""

from pathlib import Path

from tests.docs.examples import in_docstrings, in_page

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
    run, not_run, listed = in_page(Path("page.md"), PAGE)
    assert (run.line, run.language, run.text, run.output, run.reason) == (
        1,
        "python",
        "print(1)\n",
        "1\n",
        "",
    )
    assert (not_run.language, not_run.reason) == ("bash", "it takes an account")
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
