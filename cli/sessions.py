"""`session-key`: the keys that sign the sessions of accounts."""

from typing import Annotated

import typer

from cli.deployments import services_of
from cli.failures import Yes, confirm, reported_failures
from cli.printing import AsJson, show_json, show_line, show_table

app = typer.Typer(help="The keys that sign the sessions of accounts.", no_args_is_help=True)


@app.command("list")
def list_keys(context: typer.Context, as_json: AsJson = False) -> None:
    """List the versions without their keys."""
    with reported_failures():
        versions = services_of(context).rotate_session_keys.list()
    if as_json:
        keys = [{"version": version, "is_current": current} for version, current in versions.items()]
        show_json({"session_keys": keys})
        return
    rows = [(version, "yes" if current else "no") for version, current in versions.items()]
    show_table(("version", "current"), rows)


@app.command("rotate")
def rotate_key(context: typer.Context, as_json: AsJson = False) -> None:
    """Sign later sessions under a new key; sessions before it stay valid."""
    with reported_failures():
        version = services_of(context).rotate_session_keys.rotate()
    if as_json:
        show_json({"version": version, "is_current": True})
    else:
        show_line(f"Session key {version} is current; sessions under earlier ones stay valid.")


@app.command("retire")
def retire_key(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="A version that is not current.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a key; sessions that were signed under it end within five minutes."""
    with reported_failures():
        confirm(f"Retire session key {version}? Sessions under it end.", yes=yes)
        services_of(context).rotate_session_keys.retire(version)
    if as_json:
        show_json({"version": version, "is_retired": True})
    else:
        show_line(f"Session key {version} is retired.")
