"""`python -m cli`: consumers and tokens, on the local stack or on AWS."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.deployments import DeploymentError, aws_services, local_services
from cli.smoke import paint_reference, show_trials
from imagineart.bootstrap import OperatorServices
from imagineart.domain.consumers import TIER_REQUESTS_PER_MINUTE, Consumer
from imagineart.domain.errors import ImagineArtError
from imagineart.domain.tokens import StoredToken, TokenKind
from imagineart.settings import SettingsError

app = typer.Typer(help="Operate an ImagineArt API: consumers and their tokens.", no_args_is_help=True)
consumer_app = typer.Typer(help="The parties that call the API.", no_args_is_help=True)
token_app = typer.Typer(help="The keys they call it with.", no_args_is_help=True)
app.add_typer(consumer_app, name="consumer")
app.add_typer(token_app, name="token")

out = Console()
err = Console(stderr=True)


_EXAMPLES = """\
# A picture from text
curl -X POST $IMAGINEART_BASE_URL/v1/images/generations \\
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \\
  -F "prompt=A sailing boat at dusk" -F "aspect_ratio=3:2" --output image.png

# A picture from reference images, about 4.4 MB in all
curl -X POST $IMAGINEART_BASE_URL/v1/images/edits \\
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \\
  -F "prompt=Make it winter." -F "images=@image.png" --output edited.png

# Larger ones, up to 25 MB each: ask for a place, put the image there, name its id
curl -X POST $IMAGINEART_BASE_URL/v1/uploads \\
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \\
  -F "content_type=image/jpeg" -F "size=$(wc -c < photo.jpg | tr -d ' ')"
curl -T photo.jpg -H "Content-Type: image/jpeg" "URL-OF-THE-ANSWER"
curl -X POST $IMAGINEART_BASE_URL/v1/images/edits \\
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \\
  -F "prompt=Make it dusk." -F "images=ID-OF-THE-ANSWER" --output edited.png
"""


@app.command("examples")
def show_examples() -> None:
    """Print curl lines for every endpoint, uploads of large photographs among them."""
    print(_EXAMPLES, end="")


@app.command("smoke")
def try_backends(context: typer.Context) -> None:
    """Ask every configured backend for pictures and say what is wrong where none comes."""
    services: OperatorServices = context.obj
    with _failures_told():
        if not show_trials(services.try_backends(paint_reference()), out):
            raise typer.Exit(1)


@app.callback()
def choose_deployment(
    context: typer.Context,
    stack: Annotated[
        str | None, typer.Option(help="CloudFormation stack on AWS; without it, the local stack.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="AWS region of the stack.")] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile to use.")] = None,
) -> None:
    """Choose the deployment to work on."""
    if context.invoked_subcommand == "examples":
        return
    with _failures_told():
        context.obj = aws_services(stack, region=region, profile=profile) if stack else local_services()


@consumer_app.command("create")
def create_consumer(
    context: typer.Context,
    consumer_id: Annotated[str, typer.Argument(help="Lower-case letters, digits and inner hyphens.")],
    tier: Annotated[str, typer.Option(help=f"One of {', '.join(TIER_REQUESTS_PER_MINUTE)}.")] = "basic",
    requests_per_minute: Annotated[
        int | None, typer.Option(help="A limit of its own, in place of a tier's.")
    ] = None,
) -> None:
    """Register a consumer with its limit."""
    services: OperatorServices = context.obj
    with _failures_told():
        if tier not in TIER_REQUESTS_PER_MINUTE:
            _fail(f"tier: got '{tier}'; allowed are {', '.join(TIER_REQUESTS_PER_MINUTE)}.")
        limit = TIER_REQUESTS_PER_MINUTE[tier] if requests_per_minute is None else requests_per_minute
        if not services.consumers.add_consumer(Consumer(consumer_id, limit)):
            _fail(f"consumer: '{consumer_id}' exists already.")
    out.print(f"Consumer [bold]{consumer_id}[/bold] may make {limit} requests a minute.")


@consumer_app.command("list")
def list_consumers(context: typer.Context) -> None:
    """List the consumers."""
    services: OperatorServices = context.obj
    table = Table("consumer", "requests a minute", box=None, pad_edge=False)
    with _failures_told():
        for consumer in sorted(services.consumers.list_consumers(), key=lambda each: each.id):
            table.add_row(consumer.id, str(consumer.requests_per_minute))
    out.print(table)


@token_app.command("create")
def create_token(
    context: typer.Context,
    consumer_id: Annotated[str, typer.Argument(help="A registered consumer.")],
    internal: Annotated[
        bool, typer.Option(help="Keep it in Secrets Manager, for a service of your own.")
    ] = False,
    expires_in_days: Annotated[
        int | None, typer.Option(help="Days it stays valid; without it, until revoked.")
    ] = None,
) -> None:
    """Create a token and show it, this once."""
    services: OperatorServices = context.obj
    with _failures_told():
        kind = TokenKind.INTERNAL if internal else TokenKind.PARTNER
        token, stored = services.manage_tokens.issue(consumer_id, kind, life_days=expires_in_days)
    err.print(
        f"Token {stored.id} of {consumer_id}; rotate it by {_date(stored.rotation_due_at)}. Shown only now:"
    )
    print(token.text)


@token_app.command("list")
def list_tokens(context: typer.Context) -> None:
    """List the tokens; secrets are not kept, so none is shown."""
    services: OperatorServices = context.obj
    table = Table(box=None, pad_edge=False)
    for name in ("token id", "consumer", "kept in", "created", "rotate by", "expires", "state"):
        # An id that is cut to the terminal's width could not be revoked.
        table.add_column(name, no_wrap=name not in ("consumer", "kept in"), overflow="fold")
    with _failures_told():
        for token in services.manage_tokens.list():
            table.add_row(*_row(token))
    out.print(table)


@token_app.command("revoke")
def revoke_token(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(help="The id: what stands between 'iart_' and the next '_'.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """End a token; it is refused on the very next request."""
    services: OperatorServices = context.obj
    if not yes:
        typer.confirm(f"Revoke {token_id}? This cannot be undone.", abort=True)
    with _failures_told():
        token = services.manage_tokens.revoke(token_id)
    out.print(f"Token [bold]{token.id}[/bold] of {token.consumer.id} is revoked.")


def _row(token: StoredToken) -> tuple[str, ...]:
    now = int(datetime.datetime.now(datetime.UTC).timestamp())
    state = "revoked" if token.revoked_at is not None else "live" if token.is_live(now) else "expired"
    kept_in = "Secrets Manager" if token.id.startswith(TokenKind.INTERNAL) else "DynamoDB"
    expires = _date(token.expires_at) if token.expires_at else "never"
    created, due = _date(token.created_at), _date(token.rotation_due_at)
    return token.id, token.consumer.id, kept_in, created, due, expires, state


def _date(unix_seconds: int) -> str:
    return datetime.datetime.fromtimestamp(unix_seconds, datetime.UTC).date().isoformat()


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except ImagineArtError as error:
        _fail(error.detail or error.message)
    except (DeploymentError, SettingsError) as error:
        _fail(str(error))


def _fail(message: str) -> None:
    err.print(message, style="red", markup=False, highlight=False)
    raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="imagineart")
