"""Errors and warnings as a FHIR OperationOutcome."""

from collections.abc import Iterable, Mapping, Sequence

from ecgsvc.domain import errors
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.models import to_json
from ecgsvc.fhir.problems import ContentWarning

ISSUE_CODES: Mapping[type[errors.EcgsvcError], str] = {
    errors.MalformedObservation: "structure",
    errors.UnreadableRecording: "structure",
    errors.MissingElement: "required",
    errors.InvalidElement: "value",
    errors.UnsupportedContent: "not-supported",
    errors.UnanalysableSignal: "processing",
    errors.TooLarge: "too-long",
    errors.InvalidRequest: "invalid",
    errors.Unauthenticated: "login",
    errors.Forbidden: "forbidden",
    errors.ReportNotFound: "not-found",
    errors.JobNotFound: "not-found",
    errors.DuplicateWithOtherContent: "duplicate",
    errors.VersionConflict: "conflict",
    errors.IllegalTransition: "business-rule",
    errors.StoreUnavailable: "transient",
    errors.ModelUnavailable: "transient",
    errors.Overloaded: "throttled",
    errors.DeadlineExceeded: "timeout",
}
"""``issue.code`` of each leaf of the tree (http://hl7.org/fhir/R4/valueset-issue-type.html)."""

_UNKNOWN = "exception"


def operation_outcome(
    error_or_errors: errors.EcgsvcError | Sequence[errors.EcgsvcError],
    *,
    max_issues: int | None = None,
) -> bytes:
    """Return an OperationOutcome with one issue an error.

    Parameters
    ----------
    error_or_errors
        One error (with the others of the same body, if it carries any) or several.
    max_issues
        At most so many issues; None: all.
    """
    if isinstance(error_or_errors, errors.RefusedContent):
        found: Sequence[errors.EcgsvcError] = error_or_errors.all
    elif isinstance(error_or_errors, errors.EcgsvcError):
        found = (error_or_errors,)
    else:
        found = error_or_errors
    return _outcome(_error_issue(error) for error in found[:max_issues])


def all_ok_outcome(warnings: Sequence[ContentWarning] = ()) -> bytes:
    """Return the OperationOutcome of an accepted body: all OK, and what to look at."""
    ok = _issue("information", "informational", "All OK", None)
    return _outcome(
        [
            ok,
            *(
                _issue("warning", "informational", w.message, w.expression)
                for w in warnings
            ),
        ]
    )


def _error_issue(error: errors.EcgsvcError) -> JsonObject:
    code = ISSUE_CODES.get(type(error), _UNKNOWN)
    severity = "fatal" if code == _UNKNOWN else "error"
    return _issue(severity, code, error.message, error.expression)


def _issue(severity: str, code: str, text: str, expression: str | None) -> JsonObject:
    issue: JsonObject = {"severity": severity, "code": code, "details": {"text": text}}
    return issue | ({"expression": [expression]} if expression else {})


def _outcome(issues: Iterable[JsonObject]) -> bytes:
    return to_json({"resourceType": "OperationOutcome", "issue": list(issues)})
