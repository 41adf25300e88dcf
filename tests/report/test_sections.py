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
from doorlab.report.tables.policies import policy_table


def words_of(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).replace("\u00a0", " ").split())


def notes_of(markup: str) -> list[str]:
    return [words_of(n) for n in re.findall(r'<p class="note">(.*?)</p>', markup)]


def report(run: Path) -> str:
    files = RunFiles.read((run,))
    return join(*headline(files), *sections(files).values())


OF_A_RUN = [name for name in SECTIONS if name != "study"]
IN_A_RUN = {name: caption for name, caption in CAPTIONS.items() if caption.section != "study"}


def test_report_of_whole_run_has_every_section_and_no_note(run_folder):
    markup = report(run_folder)
    assert re.findall(r'<section id="(\w+)">', markup) == OF_A_RUN
    assert notes_of(markup) == []
    figures = re.findall(r"data:image/png;base64,([^\"]+)", markup)
    expected = [(run_folder / "plot" / f"{name}.png").read_bytes() for name in IN_A_RUN]
    assert sorted(base64.b64decode(p) for p in figures) == sorted(expected)
    assert len(re.findall("data:video/mp4", markup)) == 3
    assert "{" not in words_of(re.sub(r"<pre>.*?</pre>", "", markup, flags=re.S))


def test_report_figures_are_in_their_sections_with_alt_text(run_folder):
    markup = report(run_folder)
    for name, caption in IN_A_RUN.items():
        content = base64.b64encode((run_folder / "plot" / f"{name}.png").read_bytes()).decode()
        before, after = markup.split(content, 1)
        assert re.findall(r'<section id="(\w+)">', before)[-1] == caption.section
        assert re.match(r'" alt="[^"]{20,}"', after)


def test_headline_matches_result_files(run_folder):
    regret = json.loads((run_folder / "bandit" / "regret.json").read_text())
    ssnp, text = regret["policies"]["ssnp"], words_of(join(*headline(RunFiles.read((run_folder,)))))
    doors = f"On {regret['doors']} held-out doors"
    assert f"{doors}, SSNP (trained with 50 labeled doors) reaches" in text
    assert f"{100 * ssnp['first_reward']['mean']:.0f} % of the full opening" in text
    low, high = ssnp["mean_regret"]["ci95"]
    assert f"{ssnp['mean_regret']['mean']:.3f} (95 % interval {low:.3f} to {high:.3f})" in text
    assert f"{regret['policies']['random']['mean_regret']['mean']:.2f} for random" in text
    assert f"{100 * ssnp['opened_by'][2]:.0f} % opened within 3 interactions" in text
    probes = json.loads((run_folder / "probe" / "probes.json").read_text())["probes"]
    assert f"{100 * probes['statistician']['handedness']['mean']:.0f} % of held-out" in text


def test_report_tables_match_result_files(run_folder):
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


def test_headline_says_training_seeds_and_leaves_shipped_weights_out(run_folder):
    path = run_folder / "bandit" / "regret.json"
    regret = json.loads(path.read_text())
    policies = regret["policies"]
    policies["ssnp"]["seeds"] = 3
    policies["ssnp-narrow"] = json.loads(json.dumps(policies["np"]))
    policies["ssnp-narrow"]["mean_regret"] = {"mean": 0.0, "ci95": [0.0, 0.0]}
    path.write_text(json.dumps(regret))
    text = words_of(join(*headline(RunFiles.read((run_folder,)))))
    assert "SSNP (trained with 50 labeled doors, 3 training seeds) reaches" in text
    assert "The best other policy is NP" in text
    table = words_of(policy_table(regret))
    assert "training seeds" in table
    assert "SSNP, shipped weights (narrow)" in table


def test_headline_without_ssnp_uses_policy_with_least_regret(run_folder):
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
def test_report_notes_missing_parts(run_folder, part, said):
    path = run_folder / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    (found,) = notes_of(report(run_folder))
    assert found.startswith(said)


def test_report_shares_note_of_figures_with_same_reason(run_folder):
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
def test_report_of_single_part_has_its_sections_only(run_folder, part, expected):
    markup = report(run_folder / part)
    assert re.findall(r'<section id="(\w+)">', markup) == expected
    assert "no evaluation" not in markup
    assert "No figures" in notes_of(markup)[-1]
    assert len(notes_of(markup)) == 1


def test_sections_of_separate_runs_equal_those_of_run(run_folder):
    parts = ("dataset", "pretrain/vae", "train/ssnp", "probe", "diagnose", "bandit", "plot")
    found = sections(RunFiles.read([run_folder / part for part in parts]))
    assert found == sections(RunFiles.read([run_folder]))


def test_report_describes_imported_footage(run_folder):
    path = run_folder / "dataset" / "dataset.json"
    about = json.loads(path.read_text()) | {"kind": "imported"}
    del about["config"]["interactions"]
    path.write_text(json.dumps(about))
    said = words_of(report(run_folder))
    assert "100 imported doors (60 train, 10 validation, 30 test)" in said
    assert "each with 8 frames of 64 pixels." in said
    assert "--videos" not in said


def test_report_notes_damaged_part_with_reason(run_folder):
    (run_folder / "bandit" / "regret.json").write_text('{"policies": ')
    (found,) = notes_of(report(run_folder))
    assert "Expecting value" in found
    assert "`doorlab bandit`" in found


def test_report_notes_result_of_other_form(run_folder):
    (run_folder / "probe" / "probes.json").write_text('{"scores": {}}')
    (found,) = notes_of(report(run_folder))
    assert "none of its probes" in found


def test_report_notes_reason_of_skipped_figure(run_folder):
    (run_folder / "plot" / "samples.png").unlink()
    plots = json.loads((run_folder / "plot" / "plot.json").read_text())
    plots["skipped"] = {"samples": "the run has no statistician"}
    (run_folder / "plot" / "plot.json").write_text(json.dumps(plots))
    assert notes_of(report(run_folder)) == ["No figure “samples”: the run has no statistician."]


@pytest.mark.parametrize("length", [0, 7, 30, -1])
def test_report_notes_damaged_image(run_folder, length):
    path = run_folder / "plot" / "regret.png"
    path.write_bytes(path.read_bytes()[:length])
    assert notes_of(report(run_folder)) == [f"No figure “regret”: {path} can't be read."]


def test_report_does_not_follow_links_to_files(run_folder, tmp_path):
    """The page is made to be shared, and a link can lead to any file."""
    secret = tmp_path / "secret"
    secret.write_bytes((run_folder / "plot" / "regret.png").read_bytes())
    for part in ("plot/regret.png", "dataset/videos/door-00000.mp4"):
        (run_folder / part).unlink()
        (run_folder / part).symlink_to(secret)
    markup = report(run_folder)
    assert base64.b64encode(secret.read_bytes()).decode() not in markup


def test_report_does_not_follow_link_to_video_folder(run_folder, tmp_path):
    films = run_folder / "dataset" / "videos"
    assert "<video" in report(run_folder)
    films.rename(tmp_path / "private")
    films.symlink_to(tmp_path / "private")
    assert "<video" not in report(run_folder)
