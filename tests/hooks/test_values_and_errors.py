"""Values are frozen and keep secrets to themselves; errors are sorted by what the caller can do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import nvr_hooks
import pytest
from nvr_hooks import (
    EVENT_TYPES,
    AuthBlocked,
    BadAnswer,
    Busy,
    CameraError,
    ConfigError,
    ContractError,
    DeviceError,
    FireAlarm,
    Mistake,
    NoPermission,
    NvrError,
    OtherAlarm,
    Refused,
    StreamUrl,
    Unreachable,
    Unsupported,
    WrongUse,
    new_id,
    now,
)

VALUES = [item for item in vars(nvr_hooks).values() if isinstance(item, type) and dataclasses.is_dataclass(item)]


@pytest.mark.parametrize("value", VALUES, ids=lambda item: item.__name__)
def test_every_value_is_frozen_and_slotted(value: type) -> None:
    assert value.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(value)
    if value is not Mistake:
        assert all(item.kw_only for item in dataclasses.fields(value)), "fields are given by name"


@pytest.mark.parametrize("value", VALUES, ids=lambda item: item.__name__)
def test_every_value_says_what_it_is(value: type) -> None:
    text = value.__doc__ or ""
    assert text
    assert not text.startswith(f"{value.__name__}("), "dataclass wrote its own docstring"


def test_all_names_at_once_and_nothing_else() -> None:
    public = {name for name, item in vars(nvr_hooks).items() if not name.startswith("_") and not _module(item)}
    assert set(nvr_hooks.__all__) == public


def _module(item: object) -> bool:
    return type(item).__name__ == "module"


def test_a_stream_address_never_shows_its_credentials(secret: str) -> None:
    url = StreamUrl(url="rtsp://192.0.2.10:554/Streaming/Channels/201", username="admin", password=secret)

    for shown in (
        str(url),
        repr(url),
        f"{url}",
        f"{url!r}",
        url.url,
        repr([url]),
        repr({"u": url}),
        "%s %r" % (url, url),  # noqa: UP031
    ):
        assert secret not in shown
        assert "admin" not in shown


def test_a_stream_address_gives_its_credentials_on_request_only_percent_encoded(secret: str) -> None:
    url = StreamUrl(url="rtsp://192.0.2.10:554/Streaming/Channels/201?a=b", username="us:er@x", password=secret)

    parts = urlsplit(url.with_credentials())

    assert (parts.hostname, parts.port, parts.path, parts.query) == (
        "192.0.2.10",
        554,
        "/Streaming/Channels/201",
        "a=b",
    )
    assert unquote(parts.username or "") == "us:er@x"
    assert unquote(parts.password or "") == secret
    assert parts.netloc.count("@") == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (StreamUrl(url="rtsp://[2001:db8::1]:8554/a"), "rtsp://[2001:db8::1]:8554/a"),
        (StreamUrl(url="rtsp://[2001:db8::1]:8554/a", username="u", password="p"), "rtsp://u:p@[2001:db8::1]:8554/a"),
        (StreamUrl(url="rtsp://h/a", username="u"), "rtsp://u@h/a"),
        (StreamUrl(url="rtsp://h/a", username="u", password=""), "rtsp://u:@h/a"),
    ],
)
def test_credentials_in_addresses(url: StreamUrl, expected: str) -> None:
    assert url.with_credentials() == expected


def test_events_are_compared_by_what_they_say() -> None:
    one = FireAlarm(camera="kiln", channel=2, celsius=68.0, raw=b"<a/>")
    other = FireAlarm(camera="kiln", channel=2, celsius=68.0, received_at=datetime(2020, 1, 1, tzinfo=UTC))

    assert one == other
    assert one.id != other.id
    assert one != dataclasses.replace(one, celsius=69.0)


def test_ids_are_sixteen_hexadecimal_digits_and_new_each_time() -> None:
    ids = {new_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(len(item) == 16 and int(item, 16) >= 0 for item in ids)


def test_the_present_is_aware_and_utc() -> None:
    assert now().tzinfo is UTC


def test_the_raw_document_is_reachable_but_not_printed(secret: str) -> None:
    event = FireAlarm(raw=secret.encode())

    assert event.raw == secret.encode()
    assert secret not in repr(event)


def test_consumers_choose_by_class() -> None:
    match FireAlarm(celsius=101.0, level="alarm"):
        case FireAlarm(celsius=float(hot), level="alarm"):
            assert hot == 101.0
        case _:
            pytest.fail("no match")


def test_every_event_has_a_type_of_its_own() -> None:
    types = [cls.type for cls in EVENT_TYPES]

    assert len(set(types)) == len(types)
    for cls in EVENT_TYPES:
        assert cls.type.replace("_", "") == cls.__name__.lower()


def test_an_alarm_without_a_class_keeps_the_devices_word() -> None:
    assert OtherAlarm(raw_type="fieldDetection").kind == "fielddetection"


@pytest.mark.parametrize("error", [Unreachable, Refused, Unsupported, Busy, BadAnswer, DeviceError])
def test_camera_errors_name_their_camera(error: type[CameraError]) -> None:
    raised = error("kiln: GET /x answered 500", camera="kiln")

    assert isinstance(raised, NvrError)
    assert raised.camera == "kiln"
    assert str(raised) == "kiln: GET /x answered 500"


def test_what_the_caller_can_do_decides_the_class() -> None:
    families = (Unreachable, Refused, Unsupported, Busy, BadAnswer, DeviceError, WrongUse, ConfigError, ContractError)
    for one in families:
        assert [other for other in families if issubclass(one, other)] == [one]
    assert issubclass(AuthBlocked, Refused)
    assert issubclass(NoPermission, Refused)


def test_a_block_tells_its_end_and_a_bad_answer_its_bytes() -> None:
    until = now()

    assert AuthBlocked("kiln: blocked", camera="kiln", until=until).until is until
    assert BadAnswer("kiln: what is this", camera="kiln", data=b"\x00").data == b"\x00"


def test_a_configuration_error_lists_every_mistake() -> None:
    mistakes = [Mistake("hik_thermal.cameras.kiln.prot", "unknown key; did you mean port?"), Mistake("", "no cameras")]

    error = ConfigError(mistakes)

    assert str(error) == "hik_thermal.cameras.kiln.prot: unknown key; did you mean port?\nno cameras"
    assert error.mistakes == tuple(mistakes)


def test_errors_survive_copies_with_their_message() -> None:
    error = copy.copy(Unreachable("kiln: gone", camera="kiln"))
    again = pickle.loads(pickle.dumps(error))

    assert (str(error), error.camera) == (str(again), again.camera) == ("kiln: gone", "kiln")
