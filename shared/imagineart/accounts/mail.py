"""Mail through Amazon SES.

Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

from dataclasses import dataclass

from imagineart.aws import AwsClients, translated_errors


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of plain text."""

    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class SesMailer:
    """Sends mail from one verified address."""

    clients: AwsClients
    sender: str

    def send(self, mail: Mail) -> None:
        """Send a mail. Raises AwsCallError."""
        content = {"Subject": _utf8(mail.subject), "Body": {"Text": _utf8(mail.text)}}
        with translated_errors("sesv2 SendEmail"):
            self.clients.client("sesv2").send_email(
                FromEmailAddress=self.sender,
                Destination={"ToAddresses": [mail.to]},
                Content={"Simple": content},
            )


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
