"""The text of a mail (.eml) or a page saved as one file (.mht): one part of it, decoded.

Belongs here: choosing the part, its transfer encoding. Does not belong here: attachments, which are documents of their
own, the visible text of a page (`markup`), repair.
"""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Final

from pipelines.documents.model import DocumentError

MAX_PARTS: Final = 500


def main_part(data: bytes) -> tuple[bytes, str | None, bool]:
    """Bytes of the part that holds the text, the encoding it declares, and whether it is HTML; raises DocumentError."""
    try:
        message = email.message_from_bytes(data, policy=email.policy.default)
        found: dict[str, EmailMessage] = {}
        for number, part in enumerate(message.walk()):
            if number >= MAX_PARTS:
                raise DocumentError("too_large", f"The mail has more than {MAX_PARTS} parts; save its text as .txt.")
            kind = part.get_content_type()
            if kind in ("text/html", "text/plain") and part.get_content_disposition() != "attachment":
                found.setdefault(kind, part)
        page = "text/html" in found
        chosen = found.get("text/html") or found.get("text/plain")
        content = chosen.get_payload(decode=True) if chosen is not None else None
        charset = chosen.get_content_charset() if chosen is not None else None
    except DocumentError:
        raise
    except Exception as error:  # the library raises many kinds for a damaged head
        raise DocumentError(
            "unreadable", f"The mail cannot be read ({type(error).__name__}); save its text as .txt."
        ) from error
    if not isinstance(content, bytes) or not content.strip():
        raise DocumentError("empty", "The mail holds no text; add its attachments as files of their own.")
    return content, charset, page
