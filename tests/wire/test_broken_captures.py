"""Whatever a device sends, redaction and excerpts return bytes, and schedules a value or BadAnswer."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import JPEG, part, value_or_bad_answer

from hik_thermal_plugin.wire.excerpts import cut_binaries, replaced_texts, whole_parts
from hik_thermal_plugin.wire.redaction import Redactor
from hik_thermal_plugin.wire.schedules import parse_schedules

DATA = Path(__file__).parents[1] / "data"
DOCUMENTS = [path.read_bytes() for path in sorted(DATA.glob("*/*.xml"))]
STREAM = b"".join(
    part(document, "application/xml", True) + part(JPEG, "image/jpeg", True) for document in DOCUMENTS[:6]
)
CALM = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
TEXTS = st.text(alphabet='<>/"{}: \n.@-0123456789abcdefxN', max_size=80).map(lambda text: text.encode())


def redactor() -> Redactor:
    return Redactor(host="192.168.1.64", username="somebody", secrets=("s3cr3t-word",))


@CALM
@given(st.one_of(st.binary(max_size=200), TEXTS, st.sampled_from(DOCUMENTS)), st.integers(0, 4000))
def test_redaction_takes_any_bytes_and_a_second_one_changes_nothing(data: bytes, cut: int) -> None:
    data = data[:cut] + data[cut + 1 :]
    first = redactor()
    first.learn(data)
    changed = first.redact(data)
    second = redactor()
    second.learn(changed)

    assert second.redact(changed) == changed
    assert len(first.redact_in_place(data)) == len(data)


@CALM
@given(st.integers(0, len(STREAM)), st.integers(0, len(STREAM)), st.binary(max_size=30))
def test_excerpts_take_any_stream(at: int, to: int, middle: bytes) -> None:
    data = STREAM[:at] + middle + STREAM[to:]

    assert len(replaced_texts(data, lambda text: text)) == len(data)
    assert data.startswith(whole_parts(data, "multipart/mixed; boundary=boundary"))
    cut = cut_binaries(data)
    assert len(cut.data) + sum(count for _, count in cut.left_out) == len(data)


@CALM
@given(st.one_of(st.binary(max_size=100), TEXTS, st.sampled_from(DOCUMENTS)))
def test_schedules_are_read_or_refused(data: bytes) -> None:
    value_or_bad_answer(parse_schedules, data)
    value_or_bad_answer(parse_schedules, b"<Schedule><TimeBlockList>" + data + b"</TimeBlockList></Schedule>")
