"""The report of a made-up run against the result files that it was made from."""

from __future__ import annotations

import base64
import json
import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from doorlab.report.captions import CAPTIONS, SECTIONS
from doorlab.report.headline import headline
from doorlab.report.html import join
from doorlab.report.run_files import RunFiles
from doorlab.report.sections import sections


def words_of(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).replace("\u00a0", " ").split())


def notes_of(markup: str) -> list[str]:
    return [words_of(n) for n in re.findall(r'<p class="note">(.*?)</p>', markup)]


def report(run: Path) -> str:
    files = RunFiles.read(run)
    return join(*headline(files), *sections(files))


def test_a_whole_run_has_every_section_figure_and_film_and_no_note(run_folder):
    markup = report(run_folder)
    assert re.findall(r'<section id="(\w+)">', markup) == list(SECTIONS)
    assert notes_of(markup) == []
    pictures = re.findall(r"data:image/png;base64,([^\"]+)", markup)
    expected = [(run_folder / "plot" / f"{name}.png").read_bytes() for name in CAPTIONS]
    assert sorted(base64.b64decode(p) for p in pictures) == sorted(expected)
    assert len(re.findall("data:video/mp4", markup)) == 3
    assert "{" not in words_of(re.sub(r"<pre>.*?</pre>", "", markup, flags=re.S))


def test_every_picture_stands_in_its_section_and_says_what_it_shows(run_folder):
    markup = report(run_folder)
    for name, caption in CAPTIONS.items():
        content = base64.b64encode((run_folder / "plot" / f"{name}.png").read_bytes()).decode()
        before, after = markup.split(content, 1)
        assert re.findall(r'<section id="(\w+)">', before)[-1] == caption.section
        assert re.match(r'" alt="[^"]{20,}"', after)


def test_the_headline_says_what_the_result_file_says(run_folder):
    regret = json.loads((run_folder / "bandit" / "regret.json").read_text())
    ssnp, text = regret["policies"]["ssnp"], words_of(join(*headline(RunFiles.read(run_folder))))
    assert f"On {regret['doors']} doors that it has never seen, SSNP reaches" in text
    assert f"{100 * ssnp['first_reward']['mean']:.0f} % of the full opening" in text
    low, high = ssnp["mean_regret"]["ci95"]
    assert f"{ssnp['mean_regret']['mean']:.3f} (95 % interval {low:.3f} to {high:.3f})" in text
    assert f"{regret['policies']['random']['mean_regret']['mean']:.2f} for random" in text
    assert f"{100 * ssnp['opened_by'][2]:.0f} % opened within 3 tries" in text
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
    assert "Always predicting the mean reward: 0.0300" in text
    assert "0123456789abcdef" in text
    assert "Here 50 of the 60 training doors are labelled" in text
    assert "statistician minus VAE" in text
    assert "60 train, 10 validation, 30 test" in text


def test_without_ssnp_the_least_regretted_policy_makes_the_headline(run_folder):
    path = run_folder / "bandit" / "regret.json"
    regret = json.loads(path.read_text())
    del regret["policies"]["ssnp"]
    path.write_text(json.dumps(regret))
    text = words_of(report(run_folder))
    assert "On 40 doors that it has never seen, NP reaches" in text


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("dataset/dataset.json", "No dataset/dataset.json that can be read: `doorlab generate`"),
        ("dataset/videos", "No films: `doorlab generate --videos` makes them."),
        ("probe", "No probe/probes.json that can be read: `doorlab probe` makes it."),
        ("diagnose", "No diagnose/diagnosis.json that can be read: `doorlab diagnose` makes it."),
        ("bandit", "No bandit/regret.json that can be read: `doorlab bandit` makes it."),
        ("plot/regret.png", "No figure “regret”: `doorlab plot` draws it."),
    ],
)
def test_a_missing_part_is_a_note(run_folder, part, said):
    path = run_folder / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    (found,) = notes_of(report(run_folder))
    assert found.startswith(said)


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


def test_an_empty_run_is_all_notes(tmp_path):
    markup = report(tmp_path)
    assert "no evaluation yet" in words_of(markup)
    shown = [caption for caption in CAPTIONS.values() if not caption.optional]
    assert len(notes_of(markup)) == len(shown) - 2 + 5  # bandit's two figures share a note
    assert re.findall(r'<section id="(\w+)">', markup) == list(SECTIONS)
