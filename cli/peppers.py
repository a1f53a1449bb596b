"""`pepper`: the keys under which tokens are stored."""

from typing import Annotated

import typer

from cli.deployments import services_of
from cli.failures import Yes, confirm, failures_told
from cli.printing import AsJson, show_json, show_line, show_table

app = typer.Typer(help="The keys under which tokens are stored.", no_args_is_help=True)


@app.command("list")
def list_peppers(context: typer.Context, as_json: AsJson = False) -> None:
    """List the versions, but for the keys themselves, and how many live tokens need each."""
    with failures_told():
        peppers = services_of(context).rotate_peppers.list()
    if as_json:
        show_json(
            {
                "peppers": [
                    {"version": each.version, "is_current": each.is_current, "live_tokens": each.live_tokens}
                    for each in peppers
                ]
            }
        )
        return
    show_table(
        ("version", "current", "live tokens"),
        [(each.version, "yes" if each.is_current else "no", str(each.live_tokens)) for each in peppers],
    )


@app.command("rotate")
def rotate_pepper(context: typer.Context, as_json: AsJson = False) -> None:
    """Make later tokens under a new key; tokens made before stay valid."""
    with failures_told():
        version = services_of(context).rotate_peppers.rotate()
    if as_json:
        show_json({"version": version, "is_current": True})
    else:
        show_line(f"Pepper {version} is current; tokens made under earlier ones stay valid.")


@app.command("retire")
def retire_pepper(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="A version that no live token needs.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take a key away; not the current one, and none that a live token needs."""
    with failures_told():
        peppers = services_of(context).rotate_peppers
        peppers.require_unused(version)
        confirm(f"Retire pepper {version}? Uploads that were begun under it are lost.", yes=yes)
        peppers.retire(version)
    if as_json:
        show_json({"version": version, "is_retired": True})
    else:
        show_line(f"Pepper {version} is retired.")
