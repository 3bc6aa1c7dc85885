"""Every program in the documentation runs, and prints what the page shows."""

from pathlib import Path

import pytest

from tests.documents import PAGES, broken_links, programs, run_programs

FIRST_SERVER = Path("examples/first_server.py")


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_programs_of_a_page_print_what_it_shows(page: Path) -> None:
    for shown, printed in run_programs(page):
        assert printed == shown


def test_the_readme_shows_the_first_example() -> None:
    shown = next(programs(Path("README.md").read_text()))
    code, _, output = FIRST_SERVER.read_text().partition("\n# Output:\n")

    assert shown.code == code
    assert shown.output == output.replace("# ", "")
    assert len(code.splitlines()) == 25


def test_the_programs_of_a_page_share_their_names(tmp_path: Path) -> None:
    page = write(
        tmp_path / "page.md", "```python\nartist = 'Nina'\n```\n\n```python\nprint(artist)\n```\n\n```text\nNina\n```\n"
    )

    assert run_programs(page) == [("Nina\n", "Nina\n")]


def test_a_program_may_await(tmp_path: Path) -> None:
    page = write(
        tmp_path / "page.md", "```python\nimport asyncio\nprint(await asyncio.sleep(0, 1))\n```\n```text\n2\n```\n"
    )

    assert run_programs(page) == [("2\n", "1\n")]


def test_a_text_block_after_other_words_is_no_output(tmp_path: Path) -> None:
    page = write(tmp_path / "page.md", "```python\nprint(1)\n```\n\nThe tree:\n\n```text\na\n```\n")

    assert run_programs(page) == []


def test_a_link_to_a_missing_file_is_found(tmp_path: Path) -> None:
    page = write(tmp_path / "page.md", "[there](page.md#top), [gone](gone.md), [far](https://example.org/x)")

    assert broken_links(page) == ["gone.md"]
