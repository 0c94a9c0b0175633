"""What devices say of a request and of a login, field by field (isapi.md 1.4 to 1.6)."""

from __future__ import annotations

import pytest

from hik_thermal_plugin.wire.status import ResponseStatus, UserCheck, parse_response_status, parse_user_check


def status(inner: str, root: str = "ResponseStatus") -> ResponseStatus | None:
    return parse_response_status(f"<{root}>{inner}</{root}>".encode())


def login(inner: str, root: str = "userCheck") -> UserCheck | None:
    return parse_user_check(f"<{root}>{inner}</{root}>".encode())


def test_every_field_of_a_status() -> None:
    inner = (
        "<requestURL>/ISAPI/x</requestURL><statusCode>4</statusCode><statusString>Invalid Operation</statusString>"
        "<subStatusCode>lowPrivilege</subStatusCode><errorCode>1073741826</errorCode><errorMsg>no right</errorMsg>"
    )
    found = status(inner)

    assert found == ResponseStatus(
        status_code=4,
        status_string="Invalid Operation",
        sub_status="lowPrivilege",
        error_code=0x40000002,
        message="no right",
        request_url="/ISAPI/x",
    )
    assert str(found) == "Invalid Operation, lowPrivilege, no right, 0x40000002"
    other = status("<statusCode>1</statusCode><requestUrl>/b</requestUrl>")
    assert other == ResponseStatus(status_code=1, request_url="/b")
    assert parse_response_status(b'{"statusCode": 1, "requestURL": "/a", "requestUrl": "/b"}') == ResponseStatus(
        status_code=1, request_url="/a"
    )


def test_a_sub_status_alone_is_a_status() -> None:
    found = status("<subStatusCode>notSupport</subStatusCode>")

    assert found == ResponseStatus(sub_status="notSupport")
    assert found.meaning == "unsupported"
    assert status("<statusString>OK</statusString>") is None
    assert status("<statusCode>1</statusCode>", "DeviceInfo") is None


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"status_code": 3}, "status 3"),
        ({}, "status None"),
        ({"sub_status": "a", "message": "a"}, "a"),
        ({"message": "b"}, "b"),
        ({"error_code": 1}, "0x00000001"),
    ],
)
def test_a_status_in_words(fields: dict[str, object], text: str) -> None:
    assert str(ResponseStatus(**fields)) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("1073741825", 0x40000001),
        ("0x40000001", 0x40000001),
        ("0", 0),
        ("007", None),
        ("many", None),
        ("1" * 20, int("1" * 20)),
        ("1" * 21, int("1" * 20)),
    ],
)
def test_error_codes_are_decimal_or_hexadecimal(word: str, code: int | None) -> None:
    found = status(f"<statusCode>4</statusCode><errorCode>{word}</errorCode>")

    assert found == ResponseStatus(status_code=4, error_code=code)


def test_every_field_of_a_login() -> None:
    inner = (
        "<statusValue>401</statusValue><isDefaultPassword>true</isDefaultPassword><isRiskPassword>false</isRiskPassword>"
        "<isActivated>true</isActivated><lockStatus>locked</lockStatus><unlockTime>1800</unlockTime><retryLoginTime>2</retryLoginTime>"
    )

    assert login(inner) == UserCheck(
        status=401,
        activated=True,
        default_password=True,
        risk_password=False,
        locked=True,
        unlock_seconds=1800,
        tries_left=2,
    )


@pytest.mark.parametrize(
    ("inner", "root", "found"),
    [
        ("<isActivated>false</isActivated>", "userCheck", UserCheck(activated=False)),
        ("<statusValue>200</statusValue>", "userCheck", UserCheck(status=200)),
        ("<statusValue>200</statusValue>", "ResponseStatus", None),
        ("<isActivated>true</isActivated>", "ActivateStatus", None),
        ("<a><lockStatus>Lock</lockStatus></a>", "ResponseStatus", UserCheck(locked=True)),
        ("<lockStatus>unlock</lockStatus>", "ResponseStatus", UserCheck(locked=False)),
        ("<lockStatus/>", "ResponseStatus", UserCheck()),
        ("<a><unlockTime>9</unlockTime></a>", "ResponseStatus", UserCheck(unlock_seconds=9)),
        ("<retryLoginTime>3</retryLoginTime>", "ResponseStatus", UserCheck(tries_left=3)),
        ("<statusString>OK</statusString>", "userCheck", None),
    ],
)
def test_what_speaks_of_a_login(inner: str, root: str, found: UserCheck | None) -> None:
    assert login(inner, root) == found


def test_a_login_in_json_may_lack_its_root() -> None:
    assert parse_user_check(b'{"statusValue": 200, "isRiskPassword": true}') == UserCheck(
        status=200, risk_password=True
    )
