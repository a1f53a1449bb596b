"""`usage`: the requests that consumers made."""

from datetime import datetime
from typing import Annotated, Any, Final

import typer

from cli.deployments import services_of
from cli.failures import reported_failures
from cli.printing import AsJson, show_csv, show_json, show_table
from imagineart.errors import InvalidRequestError
from imagineart.usage.model import DURATION_BOUNDS_SECONDS, NO_RESOLUTION, UsageRow

app = typer.Typer(help="The requests that consumers made.", no_args_is_help=True)

_HEADER: Final = (
    "consumer", "day", "model", "resolution", "outcome", "requests", "images", "mean s", "p50 s", "p95 s",
)  # fmt: skip
_KEYS: Final = (
    "consumer_id", "day", "model", "resolution", "outcome", "requests", "images",
    "mean_seconds", "p50_seconds_at_most", "p95_seconds_at_most",
)  # fmt: skip
_DAY: Final = ["%Y-%m-%d"]


@app.command("show")
def show_usage(
    context: typer.Context,
    consumer: Annotated[str | None, typer.Option(help="Only this consumer.")] = None,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=_DAY, help="First day (UTC); by default a week before the last."),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=_DAY, help="Last day (UTC); by default today.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header row.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show requests by consumer, day, model, resolution and outcome, and how long they took.

    Half of the requests took at most p50 seconds, and 95 of 100 took at most p95.
    """
    with reported_failures():
        if as_csv and as_json:
            raise InvalidRequestError("--csv", "got --json beside it; give one of them.")
        rows = services_of(context).report_usage.rows(
            consumer_id=consumer,
            first_day=first.date() if first else None,
            last_day=last.date() if last else None,
        )
    if as_json:
        show_json({"usage": [dict(zip(_KEYS, _values(row), strict=True)) for row in rows]})
    elif as_csv:
        # A value that is null in JSON is an empty cell.
        show_csv(_KEYS, map(_values, rows))
    else:
        show_table(_HEADER, map(_cells, rows))


def _values(row: UsageRow) -> tuple[Any, ...]:
    """By `_KEYS`; a bound above the highest and a missing resolution are None."""
    return (
        row.consumer_id,
        row.day,
        row.operation,
        None if row.resolution == NO_RESOLUTION else row.resolution,
        row.outcome,
        row.requests,
        row.images,
        round(row.mean_seconds, 3),
        row.seconds_at_most(0.5),
        row.seconds_at_most(0.95),
    )


def _cells(row: UsageRow) -> tuple[str, ...]:
    return (
        row.consumer_id,
        row.day,
        row.operation,
        row.resolution,
        row.outcome,
        str(row.requests),
        str(row.images),
        f"{row.mean_seconds:.2f}",
        _bound(row.seconds_at_most(0.5)),
        _bound(row.seconds_at_most(0.95)),
    )


def _bound(seconds: float | None) -> str:
    return f">{DURATION_BOUNDS_SECONDS[-1]:g}" if seconds is None else f"{seconds:g}"
