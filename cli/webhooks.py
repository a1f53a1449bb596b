"""`webhook`: signing secrets, attempts, and sending again."""

import json
from typing import Annotated, Any, Final

import typer

from cli.deployments import services_of
from cli.failures import reported_failures
from cli.printing import AsJson, print_note, show_json, show_line, show_table
from cli.views import time_of
from imagineart.webhooks.model import State, Webhook
from imagineart.webhooks.rotate_secrets import DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS

app = typer.Typer(help="Webhooks: signing secrets, attempts, sending again.", no_args_is_help=True)

ConsumerId = Annotated[str, typer.Argument(help="A registered consumer.")]
WebhookId = Annotated[str, typer.Argument(help="The webhook-id that the receiver gets.")]
_HEADER: Final = ("webhook", "type", "state", "next attempt", "attempted", "outcome", "status", "ms")


@app.command("secret")
def create_secret(context: typer.Context, consumer_id: ConsumerId, as_json: AsJson = False) -> None:
    """Show the secret that signs a consumer's webhooks, once."""
    with reported_failures():
        secret = services_of(context).rotate_secrets.create(consumer_id)
    if as_json:
        show_json({"consumer_id": consumer_id, "secret": secret})
        return
    print_note(f"Secret of the webhooks of {consumer_id}. Shown only now:")
    print(secret)


@app.command("rotate")
def rotate_secret(
    context: typer.Context,
    consumer_id: ConsumerId,
    overlap_hours: Annotated[
        int, typer.Option(help=f"Sign with the secret before, too, for so long; 0 to {MAX_OVERLAP_HOURS}.")
    ] = DEFAULT_OVERLAP_HOURS,
    as_json: AsJson = False,
) -> None:
    """Replace the secret and show the new one, once; both sign during the overlap."""
    with reported_failures():
        secret, ends_at = services_of(context).rotate_secrets.rotate(consumer_id, overlap_hours=overlap_hours)
    if as_json:
        show_json({"consumer_id": consumer_id, "secret": secret, "previous_ends_at": time_of(ends_at)})
        return
    print_note(f"The secret before signs until {time_of(ends_at)}. Secret of {consumer_id}. Shown only now:")
    print(secret)


@app.command("attempts")
def show_attempts(
    context: typer.Context,
    consumer_id: ConsumerId,
    webhook: Annotated[str | None, typer.Option(help="Only this webhook.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many webhooks.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show webhooks of the last 30 days with their attempts, the newest last, without URLs."""
    with reported_failures():
        webhooks = services_of(context).manage_webhooks
        found = [webhooks.find(consumer_id, webhook)] if webhook else webhooks.list(consumer_id, limit=limit)
    if as_json:
        show_json({"webhooks": [_document(each) for each in found]})
    else:
        show_table(_HEADER, [row for each in found for row in _rows(each)])


@app.command("redeliver")
def redeliver(
    context: typer.Context,
    consumer_id: ConsumerId,
    webhook_id: WebhookId,
    url: Annotated[
        str | None, typer.Option(help="Where to; needed once the webhook was delivered or given up.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a webhook again, now, with the same id and body; where it fails, the attempts start again."""
    with reported_failures():
        services_of(context).manage_webhooks.redeliver(consumer_id, webhook_id, url=url)
    _show_queued(webhook_id, consumer_id, as_json=as_json)


@app.command("test")
def send_test(
    context: typer.Context,
    consumer_id: ConsumerId,
    url: Annotated[str, typer.Argument(help="Where to.")],
    as_json: AsJson = False,
) -> None:
    """Send a signed webhook of the type webhook.test."""
    with reported_failures():
        webhook_id = services_of(context).manage_webhooks.send_test(consumer_id, url)
    _show_queued(webhook_id, consumer_id, as_json=as_json)


@app.command("enable")
def enable(context: typer.Context, consumer_id: ConsumerId, as_json: AsJson = False) -> None:
    """Send again to the URLs that responded with 410, from the next webhook on."""
    with reported_failures():
        count = services_of(context).manage_webhooks.enable(consumer_id)
    if as_json:
        show_json({"consumer_id": consumer_id, "enabled": count})
    else:
        show_line(f"Enabled {count} {'URL' if count == 1 else 'URLs'} of {consumer_id}.")


def _show_queued(webhook_id: str, consumer_id: str, *, as_json: bool) -> None:
    if as_json:
        show_json({"consumer_id": consumer_id, "webhook_id": webhook_id})
    else:
        show_line(f"Webhook {webhook_id} is queued; 'webhook attempts {consumer_id}' shows how it ends.")


def _rows(webhook: Webhook) -> list[tuple[str, ...]]:
    """A row for each attempt, or one for a webhook without any."""
    due = time_of(webhook.due_at) if webhook.state is State.PENDING else ""
    head = (webhook.id, webhook.type, str(webhook.state), due)
    attempts = [
        (time_of(each.at), each.outcome, str(each.status or ""), str(each.milliseconds))
        for each in webhook.attempts
    ]
    return [(*head, *attempt) for attempt in attempts or [("", "", "", "")]]


def _document(webhook: Webhook) -> dict[str, Any]:
    """A webhook as JSON; `next_attempt_at` is null where none follows."""
    is_pending = webhook.state is State.PENDING
    return {
        "webhook_id": webhook.id,
        "type": webhook.type,
        "state": str(webhook.state),
        "created_at": time_of(webhook.created_at),
        "next_attempt_at": time_of(webhook.due_at) if is_pending else None,
        "payload": json.loads(webhook.body),
        "attempts": [
            {
                "at": time_of(each.at),
                "outcome": each.outcome,
                "status": each.status,
                "duration_ms": each.milliseconds,
            }
            for each in webhook.attempts
        ],
    }
