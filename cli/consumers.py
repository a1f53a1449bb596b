"""`consumer`: the parties that call the API."""

from typing import Annotated

import typer

from cli.deployments import services_of
from cli.failures import Yes, confirm, reported_failures
from cli.printing import AsJson, show_json, show_line, show_record, show_table
from cli.views import (
    CONSUMER_HEADER,
    TOKEN_HEADER,
    comma_list,
    consumer_document,
    consumer_row,
    consumer_sentence,
    token_document,
    token_row,
)
from imagineart.access.consumers import TIERS, Consumer
from imagineart.access.manage_consumers import DEFAULT_TIER, ConsumerChange

app = typer.Typer(help="The parties that call the API.", no_args_is_help=True)

NewId = Annotated[str, typer.Argument(help="Lower-case letters, digits and inner hyphens.")]
KnownId = Annotated[str, typer.Argument(help="A registered consumer.")]
RequestsPerMinute = Annotated[int | None, typer.Option(help="A limit in place of the tier's.")]
ConcurrentRequests = Annotated[
    int | None, typer.Option(help="Requests for images at a time, in place of the tier's.")
]
ImagesPerDay = Annotated[int | None, typer.Option(help="Images a day (UTC).")]
Models = Annotated[
    str | None, typer.Option(help="The models it may use, separated by commas, of those of 'models show'.")
]
_TIERS_HELP = f"One of {', '.join(TIERS)}"


@app.command("create")
def create_consumer(
    context: typer.Context,
    consumer_id: NewId,
    tier: Annotated[str, typer.Option(help=f"{_TIERS_HELP}.")] = DEFAULT_TIER,
    requests_per_minute: RequestsPerMinute = None,
    concurrent_requests: ConcurrentRequests = None,
    images_per_day: ImagesPerDay = None,
    models: Models = None,
    as_json: AsJson = False,
) -> None:
    """Register a consumer with its limits and models."""
    with reported_failures():
        change = ConsumerChange(
            tier=tier,
            requests_per_minute=requests_per_minute,
            concurrent_requests=concurrent_requests,
            images_per_day=images_per_day,
            models=comma_list(models),
        )
        _show(services_of(context).manage_consumers.create(consumer_id, change), as_json=as_json)


@app.command("list")
def list_consumers(context: typer.Context, as_json: AsJson = False) -> None:
    """List the consumers."""
    with reported_failures():
        consumers = services_of(context).manage_consumers.list()
    if as_json:
        show_json({"consumers": [consumer_document(each) for each in consumers]})
    else:
        show_table(CONSUMER_HEADER, map(consumer_row, consumers))


@app.command("describe")
def describe_consumer(context: typer.Context, consumer_id: KnownId, as_json: AsJson = False) -> None:
    """Show a consumer's limits, models and tokens."""
    with reported_failures():
        services = services_of(context)
        consumer = services.manage_consumers.find(consumer_id)
        tokens = [
            (token, services.manage_tokens.state_of(token))
            for token in services.manage_tokens.list(consumer_id=consumer.id)
        ]
    if as_json:
        held = [token_document(token, state) for token, state in tokens]
        show_json(consumer_document(consumer) | {"tokens": held})
        return
    show_record(dict(zip(CONSUMER_HEADER, consumer_row(consumer), strict=True)))
    show_line("")
    show_table(TOKEN_HEADER, [token_row(token, state) for token, state in tokens])


@app.command("update")
def update_consumer(
    context: typer.Context,
    consumer_id: KnownId,
    tier: Annotated[
        str | None, typer.Option(help=f"{_TIERS_HELP}; sets its limits, and leaves a bound on the day.")
    ] = None,
    requests_per_minute: RequestsPerMinute = None,
    concurrent_requests: ConcurrentRequests = None,
    images_per_day: ImagesPerDay = None,
    no_images_per_day: Annotated[
        bool, typer.Option("--no-images-per-day", help="Remove the bound on the day.")
    ] = False,
    models: Models = None,
    all_models: Annotated[bool, typer.Option("--all-models", help="Every model, later ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change limits and models, from the next request on; other values stay."""
    with reported_failures():
        change = ConsumerChange(
            tier=tier,
            requests_per_minute=requests_per_minute,
            concurrent_requests=concurrent_requests,
            images_per_day=images_per_day,
            lifts_images_per_day=no_images_per_day,
            models=comma_list(models),
            allows_all_models=all_models,
        )
        _show(services_of(context).manage_consumers.update(consumer_id, change), as_json=as_json)


@app.command("revoke-tokens")
def revoke_tokens(
    context: typer.Context, consumer_id: KnownId, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Revoke every token of a consumer, from the next request on."""
    with reported_failures():
        tokens = services_of(context).manage_tokens
        tokens.list(consumer_id=consumer_id)
        confirm(f"Revoke every token of {consumer_id}?", yes=yes)
        revoked = tokens.revoke_all(consumer_id)
    if as_json:
        show_json({"revoked": [token_document(token, tokens.state_of(token)) for token in revoked]})
        return
    for token in revoked:
        show_line(f"Token {token.id} of {token.consumer_id} is revoked.")
    show_line(f"Revoked {len(revoked)} {'token' if len(revoked) == 1 else 'tokens'} of {consumer_id}.")


def _show(consumer: Consumer, *, as_json: bool) -> None:
    if as_json:
        show_json(consumer_document(consumer))
    else:
        show_line(consumer_sentence(consumer))
