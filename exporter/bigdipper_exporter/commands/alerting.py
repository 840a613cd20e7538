"""What `doctor` says of Alertmanager: whether it answers, and whether new notification settings were refused."""

import http.client

from bigdipper_exporter.web.alerts import ask, decode

REFUSED = "NotificationSettingsRejected"  # raised by alertmanager/render.py


def judged(address: str) -> tuple[bool, str]:
    """Return whether the way to the owner is fine as far as the Alertmanager at `address` knows, and a sentence."""
    try:
        alerts = decode(ask(address))
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(getattr(error, "reason", error))
        return False, (
            f"no answer from Alertmanager at {address} ({reason}): it is off, or its first notification settings were refused;"
            " `docker compose logs alertmanager-config` names the variable"
        )
    refused = next((alert for alert in alerts if alert.name == REFUSED), None)
    if refused is not None:
        return False, f"{refused.summary}; the earlier settings stay in force until it is corrected and started again"
    return True, f"Alertmanager at {address} answers; notify-test sends a message by every way that is set"
