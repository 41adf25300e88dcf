import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from doorlab.cli import main
from doorlab.terminal.console import PlainConsole
from doorlab.terminal.progress import progress_bar
from doorlab.terminal.text import printable

ODD = "a\x1b]0;title\x07\n[/red] [bold]x :door:"
SHOWN = r"a\x1b]0;title\x07\n[/red] [bold]x :door:"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Küche, 台所 (1).jpg", "Küche, 台所 (1).jpg"),
        ("screenshot at 3.04\u202fPM\xa0.png", "screenshot at 3.04\u202fPM\xa0.png"),
        ("👩\u200d👧", "👩\u200d👧"),
        (ODD, SHOWN),
        ("\r\t\b\x7f\x9b31m", r"\r\t\x08\x7f\x9b31m"),
        ("gpj.\u202egnp", r"gpj.\u202egnp"),  # would show what follows backwards
        ("l\udcfct\u2028", r"l\udcfct\u2028"),
        (3.5, "3.5"),
    ],
)
def test_printable_escapes_control_characters(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters(codec=None)))
def test_printable_text_is_one_encodable_line(text):
    shown = printable(text).encode().decode()
    assert len(shown.splitlines()) <= 1
    assert not set(map(chr, [*range(32), *range(127, 160)])) & set(shown)
    assert printable(shown) == shown


def test_error_about_odd_name_is_one_line(tmp_path, capsys):
    assert main(["info", str(tmp_path / ODD)]) == 2
    err = capsys.readouterr().err
    assert SHOWN in err
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_progress_bar_escapes_name(capsys):
    with progress_bar(ODD, "doors", 3) as advance:
        advance(3)
    assert capsys.readouterr().err.startswith(f"{SHOWN}: 3 doors in")


def test_progress_bar_on_terminal_escapes_name(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with progress_bar("[bold]x\x1b]0;t\x07", "doors", 3) as advance:
        advance(1)
    err = capsys.readouterr().err
    assert r"[bold]x\x1b]0;t\x07" in err
    assert "\x07" not in err


def test_plain_console_prints_text_without_markup(capsys):
    table = Table("name", title=f"title {ODD[:20]}")
    table.add_row(ODD)
    console = PlainConsole(width=200)
    console.print(table)
    console.print(f"\nat {ODD}", highlight=False)
    out = capsys.readouterr().out
    assert r"a\x1b]0;title\x07" in out
    assert "[/red] [bold]x :door:" in out
    assert "\x1b" not in out
    assert "\nat a" in out
