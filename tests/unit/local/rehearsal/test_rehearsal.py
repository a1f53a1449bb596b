"""What a rehearsal refuses, and how it deploys."""

import fcntl
import re
from pathlib import Path

import pytest

from local.rehearsal import __main__ as rehearsal
from local.rehearsal.deployment import TEMPLATE_PARAMETERS, build_step, deploy_step
from local.rehearsal.emulator import Emulator
from local.rehearsal.end_to_end import suite_steps
from local.rehearsal.shortcomings import SHORTCOMINGS
from local.template import PROJECT, load_template

EMULATOR = Emulator("http://127.0.0.1:1")


def test_a_second_rehearsal_at_once_is_refused_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rehearsal, "FOLDER", tmp_path)
    (tmp_path / "run").mkdir()
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert rehearsal.main([]) == 1
    assert "Another rehearsal is under way" in capsys.readouterr().err
    assert (tmp_path / "run").is_dir()


def test_no_step_can_reach_an_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "SAM_CLI_POLL_DELAY"):
        monkeypatch.setenv(name, "real")
    deploying = [build_step(tmp_path, EMULATOR), deploy_step(tmp_path, EMULATOR, {})]
    for step in [*deploying, *suite_steps(tmp_path, [])]:
        assert "real" not in step.environment.values()
    for step in deploying:
        assert step.environment["AWS_ENDPOINT_URL"] == EMULATOR.url
        assert (
            step.environment["AWS_CONFIG_FILE"]
            == step.environment["AWS_SHARED_CREDENTIALS_FILE"]
            == "/dev/null"
        )


def test_the_rehearsal_gives_parameters_that_the_template_has() -> None:
    parameters = {*TEMPLATE_PARAMETERS, *rehearsal.backends("http://127.0.0.1:1")}
    assert parameters <= load_template().document["Parameters"].keys()


def test_a_value_with_spaces_is_one_parameter(tmp_path: Path) -> None:
    step = deploy_step(tmp_path, EMULATOR, rehearsal.backends("http://127.0.0.1:1"))
    assert (
        'EditBackends="openai-compatible http://127.0.0.1:1/v1 painter-edit response_format=png"'
        in step.command
    )


def test_the_emulator_that_is_described_is_the_one_that_is_installed() -> None:
    (version,) = re.findall(
        r"^ministack==(\S+)$", (PROJECT / "requirements" / "rehearsal.in").read_text(), re.M
    )
    told = [*(PROJECT / "local" / "rehearsal").glob("*.py"), PROJECT / "docs" / "rehearsal.md"]
    named = {found for file in told for found in re.findall(r"Ministack\s+(\d[\d.]*\d)", file.read_text())}
    assert named == {version}


def test_every_shortcoming_that_a_test_relies_on_is_told() -> None:
    document = " ".join((PROJECT / "docs" / "rehearsal.md").read_text().split())
    assert [each for each in SHORTCOMINGS if each.emulator not in document] == []
