"""Background work of reports."""

from alliance.core.tasks import portal_task


@portal_task
def forget_requests() -> None:
    """Delete answers that are kept for repeated requests, once nobody may ask for them any more."""
    from reporting import idempotency

    idempotency.forget_old()


@portal_task
def assign_reports() -> None:
    """Give submitted reports to editors."""
    from reporting import assigning

    assigning.assign_waiting()
