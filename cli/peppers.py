"""`pepper`: the keys under which tokens are stored."""

from typing import Annotated

import typer

from cli.deployments import services_of
from cli.failures import Yes, confirm, reported_failures
from cli.printing import AsJson, show_json, show_line, show_table

app = typer.Typer(help="The keys under which tokens are stored.", no_args_is_help=True)


@app.command("list")
def list_peppers(context: typer.Context, as_json: AsJson = False) -> None:
    """List the versions without their keys, and how many live tokens need each."""
    with reported_failures():
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
    with reported_failures():
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
    """Delete a key; not the current one, and none that a live token needs."""
    with reported_failures():
        peppers = services_of(context).rotate_peppers
        peppers.require_unused(version)
        confirm(f"Retire pepper {version}? Uploads that were granted under it are lost.", yes=yes)
        peppers.retire(version)
    if as_json:
        show_json({"version": version, "is_retired": True})
    else:
        show_line(f"Pepper {version} is retired.")


@app.command("prune")
def prune_peppers(context: typer.Context, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete every key but the current one that no live token needs."""
    with reported_failures():
        peppers = services_of(context).rotate_peppers
        unused = peppers.unused()
        if unused:
            question = f"Retire {', '.join(unused)}? Uploads that were granted under them are lost."
            confirm(question, yes=yes)
        pruned = peppers.prune() if unused else ()
    if as_json:
        show_json({"retired": list(pruned)})
    else:
        show_line(f"Retired {', '.join(pruned) or 'nothing'}.")
