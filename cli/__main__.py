"""`python -m cli`: consumers, tokens, peppers and usage, on the local stack or on AWS."""

from typing import Annotated

import typer

from cli import consumers, peppers, tokens, usage
from cli.deployments import Deployment, services_of
from cli.failures import EXIT_CODES_HELP, ExitCode, failures_told
from cli.printing import out
from cli.smoke import paint_reference, show_trials

app = typer.Typer(
    help="Operate an ImagineArt API: consumers, their tokens, and what they use.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    # A traceback that shows local variables would show secrets.
    pretty_exceptions_enable=False,
)
app.add_typer(consumers.app, name="consumer")
app.add_typer(tokens.app, name="token")
app.add_typer(peppers.app, name="pepper")
app.add_typer(usage.app, name="usage")


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
    with failures_told():
        if not show_trials(services_of(context).try_backends(paint_reference()), out):
            raise typer.Exit(ExitCode.FAILED)


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
    context.obj = Deployment(stack, region, profile)


if __name__ == "__main__":
    app(prog_name="imagineart")
