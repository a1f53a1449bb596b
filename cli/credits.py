"""`credits`: what accounts may spend."""

import uuid
from typing import Annotated, Final

import typer

from cli.deployments import services_of
from cli.failures import reported_failures
from cli.printing import AsJson, print_note, show_json, show_line, show_table
from cli.services import OperatorServices
from cli.views import time_of
from imagineart.accounts.model import Account, normalize_email
from imagineart.credits.model import MAX_AMOUNT
from imagineart.errors import InternalError, NotFoundError

app = typer.Typer(help="Credits of ImagineLab's accounts: grant, show.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The address of an account.")]
_HEADER: Final = ("at", "reference", "kind", "amount")


@app.command("grant")
def grant_credits(
    context: typer.Context,
    email: Email,
    amount: Annotated[int, typer.Argument(help=f"Credits, 1 to {MAX_AMOUNT}.")],
    reference: Annotated[
        str | None,
        typer.Option(help="What the grant is for, such as an order; a second grant for it does nothing."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give credits to an account."""
    with reported_failures():
        services = services_of(context)
        account = _find_account(services, email)
        name = reference or str(uuid.uuid4())
        try:
            entry = services.credits.grant(account.id, amount, reference=f"operator#{name}")
        except InternalError:
            print_note(
                f"The grant may have been made. Repeat it with --reference {name}, and it is made once."
            )
            raise
        balance = services.credits.find(account.id).balance
    if as_json:
        show_json({"email": account.email, "granted": entry.amount, "balance": balance})
    else:
        show_line(f"{account.email} was granted {entry.amount} credits and has {balance}.")


@app.command("show")
def show_credits(context: typer.Context, email: Email, as_json: AsJson = False) -> None:
    """Show what an account has, what its generations reserve, and its ledger, the newest entry last."""
    with reported_failures():
        services = services_of(context)
        account = _find_account(services, email)
        wallet = services.credits.find(account.id)
        entries = sorted(services.wallets.entries(account.id), key=lambda each: (each.at, each.reference))
    reserved = sum(wallet.reservations.values())
    if as_json:
        ledger = [
            {"at": time_of(each.at), "reference": each.reference, "kind": each.kind, "amount": each.amount}
            for each in entries
        ]
        show_json({"email": account.email, "balance": wallet.balance, "reserved": reserved, "ledger": ledger})
        return
    show_line(f"{account.email} has {wallet.balance} credits, and {reserved} are reserved.")
    rows = [(time_of(each.at), each.reference, str(each.kind), str(each.amount)) for each in entries]
    show_table(_HEADER, rows)


def _find_account(services: OperatorServices, email: str) -> Account:
    account = services.accounts.find_by_email(normalize_email(email))
    if account is None:
        raise NotFoundError("account", email)
    return account
