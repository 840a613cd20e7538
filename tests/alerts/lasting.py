"""Alerts that are repeated once a week: they do not end while they are muted, since such an end is never noted."""

NIGHT = 'bigdipper_calendar_session{session="closed"}'


def firing(alert: str) -> str:
    """The series of an alert that fires."""
    return f'ALERTS{{alertname="{alert}", alertstate="firing"}}'


# Each with the series that is 1 while it is muted.
HELD: dict[str, tuple[str, ...]] = {
    "BrakeActive": tuple(
        map(firing, ("BotSilent", "BotStopped", "LogUnreadable", "ArchiveFailing", "ExporterDown", "ExporterStalled"))
    ),
    "HardLimitExceeded": tuple(map(firing, ("ExporterDown", "ExporterStalled"))),
    "Drawdown": (NIGHT,),
    "PositionTooLarge": (NIGHT,),
    "PositionLossDeep": (NIGHT,),
    "UnrealizedLossDeep": (NIGHT,),
}
