"""ST[01] reports as the ground decodes them; flight writes them by `fsw.pus.st01`, which knows no database."""

from typing import Final

from fsw.mdb.model import EVERY_PROCESS, octets, report, rest, u8, u16
from fsw.pus.ids import Service
from fsw.pus.st01 import REQUEST_ID_OCTETS, Stage

_DETAIL_OCTETS: Final = 64


@report(Service.VERIFICATION, Stage.ACCEPTED, apid=EVERY_PROCESS, name="verification.accepted")
class Accepted:
    """The request passed every check."""

    request_id: bytes = octets(REQUEST_ID_OCTETS)


@report(Service.VERIFICATION, Stage.ACCEPTANCE_FAILED, apid=EVERY_PROCESS, name="verification.acceptance_failed")
class AcceptanceFailed:
    """The request failed a check."""

    request_id: bytes = octets(REQUEST_ID_OCTETS)
    code: int = u16()
    detail: bytes = rest(_DETAIL_OCTETS, default=b"")


@report(Service.VERIFICATION, Stage.STARTED, apid=EVERY_PROCESS, name="verification.started")
class Started:
    """Execution began."""

    request_id: bytes = octets(REQUEST_ID_OCTETS)


@report(Service.VERIFICATION, Stage.START_FAILED, apid=EVERY_PROCESS, name="verification.start_failed")
class StartFailed:
    """Execution could not begin in the state that things are in."""

    request_id: bytes = octets(REQUEST_ID_OCTETS)
    code: int = u16()
    detail: bytes = rest(_DETAIL_OCTETS, default=b"")


@report(Service.VERIFICATION, Stage.PROGRESS, apid=EVERY_PROCESS, name="verification.progress")
class Progress:
    """A step of the execution is done."""

    request_id: bytes = octets(REQUEST_ID_OCTETS)
    step: int = u8()


@report(Service.VERIFICATION, Stage.PROGRESS_FAILED, apid=EVERY_PROCESS, name="verification.progress_failed")
class ProgressFailed:
    """A step of the execution failed."""

    request_id: bytes = octets(REQUEST_ID_OCTETS)
    step: int = u8()
    code: int = u16()
    detail: bytes = rest(_DETAIL_OCTETS, default=b"")


@report(Service.VERIFICATION, Stage.COMPLETED, apid=EVERY_PROCESS, name="verification.completed")
class Completed:
    """Execution is done."""

    request_id: bytes = octets(REQUEST_ID_OCTETS)


@report(Service.VERIFICATION, Stage.COMPLETION_FAILED, apid=EVERY_PROCESS, name="verification.completion_failed")
class CompletionFailed:
    """Execution failed."""

    request_id: bytes = octets(REQUEST_ID_OCTETS)
    code: int = u16()
    detail: bytes = rest(_DETAIL_OCTETS, default=b"")


@report(Service.VERIFICATION, Stage.ROUTING_FAILED, apid=EVERY_PROCESS, name="verification.routing_failed")
class RoutingFailed:
    """No process has the request's APID."""

    request_id: bytes = octets(REQUEST_ID_OCTETS)
    code: int = u16()
    detail: bytes = rest(_DETAIL_OCTETS, default=b"")
