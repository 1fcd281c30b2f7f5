"""The timetable: which task runs how often."""

RECOVERY = "scheduler.recovery"
QUEUE = "gw.q.scheduler"


def timetable(*, recovery_seconds: float) -> dict[str, dict[str, object]]:
    """Celery's beat schedule. A tick that nobody took by the next one is dropped: the next one does its work."""
    return {
        "recovery": {
            "task": RECOVERY,
            "schedule": recovery_seconds,
            "options": {"expires": max(recovery_seconds, 5.0)},
        }
    }
