"""Looking at what each source and domain lost, before a stage counts as done."""

from corpusmill import stats
from corpusmill.dedup import alarm
from corpusmill.dedup.alarm import Alarm
from corpusmill.errors import AlarmError


def check_losses(title: str, step: str, bounds: Alarm, report: stats.Report) -> None:
    """Stop if a source or domain lost more than the alarm allows.

    Raises:
        AlarmError: with a table of all that did.
    """
    found = alarm.losses(bounds, "source", report.sources) + alarm.losses(bounds, "domain", report.domains)
    if found:
        raise AlarmError(
            f"{title}: these lost more than alarm.max_loss = {bounds.max_loss:g} of their documents:\n"
            f"{alarm.table(found)}\n"
            f"Look at why (corpusmill explain, or the ledger in {title}); if it is right, go on with"
            f" --set steps.{step}.alarm.max_loss=1. Nothing that is done is lost, and nothing is done twice."
        )
