"""`models`: the models that are offered, what they can do and cost, and the backends that make them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.deployments import services_of
from cli.failures import reported_failures
from cli.printing import AsJson, print_note, show_json, show_line, show_table
from imagineart.models.model import AnyModel, Model
from imagineart.models.read_document import InvalidModelsError
from imagineart.models.store import PACKAGED_VERSION

app = typer.Typer(help="The models, and the backends that make their images.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A models document, in JSON.")]

_HEADER: Final = ("model", "operations", "also called", "up to", "USD", "backends")
_HISTORY_HEADER: Final = ("version", "applied", "holds")


@app.command("show")
def show_models(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the models that hold; with --json their document, to be changed and applied."""
    with reported_failures():
        held = services_of(context).manage_models.current()
    print_note(f"{_named(held.version)}:")
    if as_json:
        show_json(json.loads(held.text))
    else:
        show_table(_HEADER, map(_row, held.document.models))


@app.command("check")
def check_models(context: typer.Context, file: File) -> None:
    """Check a document as 'apply' does, and change nothing."""
    with reported_failures():
        document = services_of(context).manage_models.check(_read(file))
    show_line(f"The document can be applied: {', '.join(document.ids)}.")


@app.command("apply")
def apply_models(context: typer.Context, file: File) -> None:
    """Make a document the one that holds, for every request within a minute."""
    with reported_failures():
        version = services_of(context).manage_models.apply(_read(file))
    show_line(f"{_named(version)} holds for every request within a minute.")


@app.command("history")
def show_history(context: typer.Context, as_json: AsJson = False) -> None:
    """List the versions that were applied, the newest first."""
    with reported_failures():
        current, applied = services_of(context).manage_models.history()
    rows: list[dict[str, Any]] = [
        {"version": each.version, "applied_at": _iso(each.applied_at), "holds": each.version == current}
        for each in applied
    ]
    rows.append({"version": PACKAGED_VERSION, "applied_at": None, "holds": current == PACKAGED_VERSION})
    if as_json:
        show_json({"versions": rows})
        return
    show_table(
        _HISTORY_HEADER,
        [
            (str(row["version"]), row["applied_at"] or "packaged", "yes" if row["holds"] else "no")
            for row in rows
        ],
    )


@app.command("rollback")
def roll_back(
    context: typer.Context,
    version: Annotated[
        int | None, typer.Argument(help="The version; without it, the one before the one that holds.")
    ] = None,
) -> None:
    """Make an earlier version the one that holds, for every request within a minute."""
    with reported_failures():
        now_held = services_of(context).manage_models.rollback(version)
    show_line(f"{_named(now_held)} holds for every request within a minute.")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidModelsError([f"document: got bytes that are no UTF-8, at {error.start}."]) from error


def _row(model: AnyModel) -> tuple[str, ...]:
    backends = ", ".join(each.kind for each in model.backends)
    if not isinstance(model, Model):
        return (model.id, model.kind, ",".join(model.aliases) or "-", "-", "-", backends)
    prices = (f"{resolution} {price}" for resolution, price in model.prices.items())
    return (
        model.id,
        ",".join(model.operations),
        ",".join(model.aliases) or "-",
        f"{model.sizes.max_width}x{model.sizes.max_height}",
        ", ".join(prices) or "-",
        backends,
    )


def _named(version: int) -> str:
    return f"Version {version} of the models{' (the package)' if version == PACKAGED_VERSION else ''}"


def _iso(unix_seconds: int) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
