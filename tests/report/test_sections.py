"""The report of a made-up run against the result files that it was made from."""

from __future__ import annotations

import base64
import json
import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from doorlab.plots.captions import CAPTIONS, SECTIONS
from doorlab.report.headline import headline
from doorlab.report.page import join
from doorlab.report.run_files import RunFiles
from doorlab.report.sections import sections


def words_of(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).replace("\u00a0", " ").split())


def notes_of(markup: str) -> list[str]:
    return [words_of(n) for n in re.findall(r'<p class="note">(.*?)</p>', markup)]


def report(run: Path) -> str:
    files = RunFiles.read((run,))
    return join(*headline(files), *sections(files).values())


OF_A_RUN = [name for name in SECTIONS if name != "study"]
IN_A_RUN = {name: caption for name, caption in CAPTIONS.items() if caption.section != "study"}


def test_a_whole_run_has_every_section_figure_and_film_and_no_note(run_folder):
    markup = report(run_folder)
    assert re.findall(r'<section id="(\w+)">', markup) == OF_A_RUN
    assert notes_of(markup) == []
    figures = re.findall(r"data:image/png;base64,([^\"]+)", markup)
    expected = [(run_folder / "plot" / f"{name}.png").read_bytes() for name in IN_A_RUN]
    assert sorted(base64.b64decode(p) for p in figures) == sorted(expected)
    assert len(re.findall("data:video/mp4", markup)) == 3
    assert "{" not in words_of(re.sub(r"<pre>.*?</pre>", "", markup, flags=re.S))


def test_every_picture_stands_in_its_section_and_says_what_it_shows(run_folder):
    markup = report(run_folder)
    for name, caption in IN_A_RUN.items():
        content = base64.b64encode((run_folder / "plot" / f"{name}.png").read_bytes()).decode()
        before, after = markup.split(content, 1)
        assert re.findall(r'<section id="(\w+)">', before)[-1] == caption.section
        assert re.match(r'" alt="[^"]{20,}"', after)


def test_the_headline_says_what_the_result_file_says(run_folder):
    regret = json.loads((run_folder / "bandit" / "regret.json").read_text())
    ssnp, text = regret["policies"]["ssnp"], words_of(join(*headline(RunFiles.read((run_folder,)))))
    assert f"On {regret['doors']} held-out doors, SSNP reaches" in text
    assert f"{100 * ssnp['first_reward']['mean']:.0f} % of the full opening" in text
    low, high = ssnp["mean_regret"]["ci95"]
    assert f"{ssnp['mean_regret']['mean']:.3f} (95 % interval {low:.3f} to {high:.3f})" in text
    assert f"{regret['policies']['random']['mean_regret']['mean']:.2f} for random" in text
    assert f"{100 * ssnp['opened_by'][2]:.0f} % opened within 3 interactions" in text
    probes = json.loads((run_folder / "probe" / "probes.json").read_text())["probes"]
    assert f"{100 * probes['statistician']['handedness']['mean']:.0f} % of held-out" in text


def test_tables_hold_the_figures_of_the_result_files(run_folder):
    text = words_of(report(run_folder))
    regret = json.loads((run_folder / "bandit" / "regret.json").read_text())
    probes = json.loads((run_folder / "probe" / "probes.json").read_text())
    estimates = [policy["mean_regret"] for policy in regret["policies"].values()]
    estimates += [score for model in probes["probes"].values() for score in model.values()]
    estimates.append(regret["paired_differences"]["np"]["ssnp"])
    estimates.append(probes["differences"]["statistician - vae"]["width"])
    for e in estimates:
        assert f"{e['mean']:.3f} [{e['ci95'][0]:.3f}, {e['ci95'][1]:.3f}]" in text
    assert "always predicting the mean reward: 0.0300" in text
    assert "0123456789abcdef" in text
    assert "In this run, 50 of the 60 training doors are labeled" in text
    assert "statistician minus VAE" in text
    assert "60 train, 10 validation, 30 test" in text


def test_without_ssnp_the_least_regretted_policy_makes_the_headline(run_folder):
    path = run_folder / "bandit" / "regret.json"
    regret = json.loads(path.read_text())
    del regret["policies"]["ssnp"]
    path.write_text(json.dumps(regret))
    text = words_of(report(run_folder))
    assert "On 40 held-out doors, NP reaches" in text


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("dataset/videos", "No videos: `doorlab generate --videos` creates them."),
        ("plot", "No figures: `doorlab plot` with the same --runs draws them."),
    ],
)
def test_what_is_missing_of_a_part_is_a_note(run_folder, part, said):
    path = run_folder / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    (found,) = notes_of(report(run_folder))
    assert found.startswith(said)


def test_figures_that_are_missing_for_one_reason_share_a_note(run_folder):
    file = run_folder / "plot" / "plot.json"
    for name in ("opened", "regret", "samples"):
        (run_folder / "plot" / f"{name}.png").unlink()
    skipped = {"opened": "it rains", "regret": "it rains"}
    not_run = {"samples": "`doorlab pretrain` was not run"}  # which needs no note
    plots = {**json.loads(file.read_text()), "skipped": skipped, "not_run": not_run}
    file.write_text(json.dumps(plots))
    assert notes_of(report(run_folder)) == ["No figure “opened” and “regret”: it rains."]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("dataset", ["doors", "making"]),
        ("pretrain/vae", ["making"]),
        ("train/ssnp", ["reward", "making"]),
        ("bandit", ["bandit", "making"]),
        ("probe", ["representation", "making"]),
        ("diagnose", ["representation", "making"]),
    ],
)
def test_a_single_run_has_its_sections_and_no_others(run_folder, part, expected):
    markup = report(run_folder / part)
    assert re.findall(r'<section id="(\w+)">', markup) == expected
    assert "no evaluation" not in markup
    assert "No figures" in notes_of(markup)[-1]
    assert len(notes_of(markup)) == 1


def test_runs_that_are_named_one_by_one_make_the_page_of_the_run_that_holds_them(run_folder):
    parts = ("dataset", "pretrain/vae", "train/ssnp", "probe", "diagnose", "bandit", "plot")
    found = sections(RunFiles.read([run_folder / part for part in parts]))
    assert found == sections(RunFiles.read([run_folder]))


def test_footage_is_called_so(run_folder):
    path = run_folder / "dataset" / "dataset.json"
    about = json.loads(path.read_text()) | {"kind": "imported"}
    del about["config"]["interactions"]
    path.write_text(json.dumps(about))
    said = words_of(report(run_folder))
    assert "100 imported doors (60 train, 10 validation, 30 test)" in said
    assert "each with 8 frames of 64 pixels." in said
    assert "--videos" not in said


def test_a_damaged_part_is_a_note_with_the_reason(run_folder):
    (run_folder / "bandit" / "regret.json").write_text('{"policies": ')
    (found,) = notes_of(report(run_folder))
    assert "Expecting value" in found
    assert "`doorlab bandit`" in found


def test_a_result_of_another_form_is_a_note(run_folder):
    (run_folder / "probe" / "probes.json").write_text('{"scores": {}}')
    (found,) = notes_of(report(run_folder))
    assert "none of its probes" in found


def test_the_reason_for_a_figure_that_plot_left_out_is_told(run_folder):
    (run_folder / "plot" / "samples.png").unlink()
    plots = json.loads((run_folder / "plot" / "plot.json").read_text())
    plots["skipped"] = {"samples": "the run has no statistician"}
    (run_folder / "plot" / "plot.json").write_text(json.dumps(plots))
    assert notes_of(report(run_folder)) == ["No figure “samples”: the run has no statistician."]


@pytest.mark.parametrize("length", [0, 7, 30, -1])
def test_a_damaged_picture_is_a_note(run_folder, length):
    path = run_folder / "plot" / "regret.png"
    path.write_bytes(path.read_bytes()[:length])
    assert notes_of(report(run_folder)) == [f"No figure “regret”: {path} can't be read."]


def test_links_are_not_followed_into_the_page(run_folder, tmp_path):
    """A page is made to be shared, and a link leads to any file."""
    secret = tmp_path / "secret"
    secret.write_bytes((run_folder / "plot" / "regret.png").read_bytes())
    for part in ("plot/regret.png", "dataset/videos/door-00000.mp4"):
        (run_folder / part).unlink()
        (run_folder / part).symlink_to(secret)
    markup = report(run_folder)
    assert base64.b64encode(secret.read_bytes()).decode() not in markup


def test_a_link_to_a_folder_of_films_is_not_followed(run_folder, tmp_path):
    films = run_folder / "dataset" / "videos"
    assert "<video" in report(run_folder)
    films.rename(tmp_path / "private")
    films.symlink_to(tmp_path / "private")
    assert "<video" not in report(run_folder)
