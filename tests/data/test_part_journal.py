import pytest

from doorlab.data.part_journal import JOURNAL_FILE, PartJournal, read_journal


def test_part_journal_round_trips_entries(tmp_path):
    journal = PartJournal(tmp_path)
    assert read_journal(tmp_path) == {}
    for number in range(3):
        journal.add(f"shards/{number}", f"sum {number}")
    assert read_journal(tmp_path) == {f"shards/{number}": f"sum {number}" for number in range(3)}
    journal.close()
    assert len(read_journal(tmp_path)) == 3
    PartJournal(tmp_path).remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line", ['["shards/1", "sum', "[1, 2]", "[]", "1", "\0", '["a"]', "[" * 9999]
)
def test_part_journal_ignores_damaged_lines(tmp_path, line):
    whole = '["shards/0", "sum"]'
    (tmp_path / JOURNAL_FILE).write_text(f"{whole}\n{line}")
    assert read_journal(tmp_path) == {"shards/0": "sum"}


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_part_journal_accepts_only_regular_file(tmp_path, kind):
    (tmp_path / "foreign").write_text('["shards/0", "sum"]\n')
    if kind == "link":
        (tmp_path / JOURNAL_FILE).symlink_to(tmp_path / "foreign")
        journal = PartJournal(tmp_path)
        journal.add("shards/1", "sum")
        journal.close()
        assert read_journal(tmp_path) == {"shards/1": "sum"}
    else:
        (tmp_path / JOURNAL_FILE).mkdir()
        assert read_journal(tmp_path) == {}
    assert (tmp_path / "foreign").read_text() == '["shards/0", "sum"]\n'
