"""The table of who may call what, against the service definitions."""

import pytest

from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.errors import Forbidden
from ecgsvc.rpc.permissions import ANYONE, PERMISSIONS, check_permission, is_open
from tests.service_methods import ALL_METHODS, OUR_METHODS


def test_every_method_of_every_service_has_its_row_and_no_other() -> None:
    assert set(PERMISSIONS) == set(ALL_METHODS)


def test_no_method_of_ours_is_open_or_out_of_reach() -> None:
    for method in OUR_METHODS:
        assert not is_open(method)
        assert PERMISSIONS[method]


def test_one_of_the_roles_is_needed_and_enough() -> None:
    for method, allowed in PERMISSIONS.items():
        if allowed is ANYONE:
            check_permission(method, Caller("t", "nobody"))
            continue
        for role in allowed:
            check_permission(method, Caller("t", "s", roles=frozenset({role})))
        with pytest.raises(Forbidden, match="needs the role"):
            check_permission(method, Caller("t", "s", roles=frozenset(Role) - allowed))


def test_a_method_without_a_row_is_for_nobody() -> None:
    for method in ("/ecgsvc.v1.ReportService/DeleteAll", "", "/"):
        assert not is_open(method)
        with pytest.raises(Forbidden):
            check_permission(method, Caller("t", "s", roles=frozenset(Role)))
