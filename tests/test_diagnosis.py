"""What the diagnosis of a camera finds: each fault of a simulated one is the first thing told, and a healthy one is told nothing of."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import Finding

from hik_thermal_plugin.bridge.diagnosis import _MEANINGS as BROKER
from hik_thermal_plugin.isapi.findings import MEANINGS
from hik_thermal_plugin.plugin import HikThermal
from hik_thermal_plugin.simulator import MODELS

ISAPI = "/ISAPI/*"
IDENTITY = "/ISAPI/System/deviceInfo"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something wrong with a camera, or with what is configured of it, and the finding that names it."""

    code: str
    says: str
    camera: dict[str, Any] = field(default_factory=dict)
    steps: tuple[dict[str, Any], ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


def fault(kind: str, path: str | None = None, **more: Any) -> tuple[dict[str, Any], ...]:
    return ({"fault": {"kind": kind, **({"path": path} if path else {}), **more}},)


FAULTS = {
    "nobody_there": Fault(code="unreachable", says="refused", settings={"url": "http://127.0.0.1:9"}),
    "name_unknown": Fault(code="unreachable", says="name", settings={"url": "http://no-such-camera.invalid"}),
    "answers_nothing": Fault(
        code="no_answer", says="no answer in time", steps=fault("half_open", count=99), settings={"timeout": 0.3}
    ),
    "html": Fault(code="not_isapi", says="web page", steps=fault("web_page")),
    "half_a_document": Fault(code="cut_off", says="in the middle of its answer", steps=fault("truncate", count=99)),
    "half_of_the_answers": Fault(
        code="half_answer",
        says="/ISAPI/Event/triggers",
        steps=fault("half_open", "/ISAPI/Event/*", count=99),
        settings={"timeout": 0.3},
    ),
    "a_document_that_breaks_off": Fault(
        code="half_answer",
        says="GET /ISAPI/Event/triggers",
        steps=fault("truncate", "/ISAPI/Event/triggers", count=9),
    ),
    "wrong_password": Fault(code="refused", says="wrong user or password", settings={"password": "another one"}),
    "locked": Fault(code="account_locked", says="has locked the account", steps=fault("lock", seconds=600)),
    "no_room": Fault(code="no_room", says="maxSessionUserLink", steps=fault("no_room")),
    "no_room_for_alarms": Fault(
        code="no_room", says="alertStream", steps=fault("no_room", "/ISAPI/Event/notification/alertStream")
    ),
    "alarms_not_for_this_user": Fault(
        code="alarms_denied", says="alertStream", steps=fault("unauthorized", "/ISAPI/Event/notification/alertStream")
    ),
    "no_rights": Fault(
        code="alarms_denied", says="lowPrivilege", steps=(*fault("low_privilege", "/ISAPI/Event/*"),)
    ),
    "no_rights_to_read": Fault(
        code="rights_missing", says="/ISAPI/ContentMgmt/Storage", steps=fault("low_privilege", "/ISAPI/ContentMgmt/*")
    ),
    "no_alarm_stream": Fault(
        code="no_alarms", says="notSupport", steps=fault("not_supported", "/ISAPI/Event/notification/alertStream")
    ),
    "measuring_off": Fault(code="measuring_off", says="switched off", camera={"profile": "not_measuring"}),
    "fire_detection_off": Fault(code="fire_detection_off", says="fire", camera={"profile": "no_fire_detection"}),
    "not_linked": Fault(code="trigger_not_linked", says="Notify Surveillance Center", camera={"profile": "unlinked"}),
    "not_scheduled": Fault(code="not_scheduled", says="armed at no time", camera={"profile": "unscheduled"}),
    "no_rules": Fault(code="no_rule_enabled", says="channel 2", camera={"profile": "no_rules"}),
    "no_temperatures": Fault(code="no_temperatures", says="no frames", camera={"profile": "no_thermometry"}),
    "not_thermal": Fault(
        code="no_thermal_channel",
        says="DS-2CD2185FWD-I",
        camera={"model": replace(MODELS["bullet"], device_model="DS-2CD2185FWD-I"), "profile": "not_thermal"},
    ),
    "wrong_channel": Fault(code="wrong_channel", says="the camera has 1, 2", settings={"data_channel": 7}),
    "metadata_off": Fault(code="metadata_off", says="switched off", settings={"metadata": {"enable": True}}),
    "metadata_of_onvif": Fault(
        code="metadata_off",
        says="ONVIF",
        camera={"profile": "onvif_metadata"},
        settings={"temperature": {"source": "metadata"}},
    ),
    "rtsp_closed": Fault(code="rtsp_unreachable", says="RTSP port 9", settings={"rtsp_port": 9}),
    "rtsp_full": Fault(code="rtsp_no_room", says="50 users", steps=fault("busy", "/Streaming/*", count=9)),
    "rtsp_denied": Fault(code="rtsp_denied", says="401", steps=fault("low_privilege", "/Streaming/*")),
    "disk_error": Fault(code="disk_error", says="disk 1 (hdde) is error", steps=({"disk": {"state": "error"}},)),
    "disk_full": Fault(code="disk_full", says="is full", steps=({"disk": {"state": "full"}},)),
    "no_disk": Fault(code="no_disk", says="no disk", steps=({"disk": {"state": "none"}},)),
    "clock_behind": Fault(code="clock_off", says="60 min behind ours; its zone is UTC+01:00", steps=fault("clock_skew", seconds=-3600)),
    "default_password": Fault(code="default_password", says="factory", camera={"profile": "default_password"}),
}  # fmt: skip


@pytest.fixture
def driver() -> Iterator[HikThermal]:
    driver = HikThermal()
    yield driver
    driver.nvr_close()


def diagnose(driver: HikThermal, tmp_path: Path, settings: dict[str, Any]) -> list[Finding]:
    section = {"cameras": {"kiln": settings}}
    driver.nvr_configure({"state_dir": str(tmp_path / "state"), "hik_thermal": section})
    return list(driver.nvr_diagnose("kiln") or ())


def settings_of(camera: Any, secret: str) -> dict[str, Any]:
    port = int(camera.rtsp.rpartition(":")[2])
    return {"url": camera.http, "username": "admin", "password": secret, "rtsp_port": port, "timeout": 5}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_nvr_diagnose_names_the_fault_first(
    driver: HikThermal, hik_simulator: Any, secret: str, tmp_path: Path, name: str
) -> None:
    broken = FAULTS[name]
    camera = hik_simulator(password=secret, rtsp_port=0, **broken.camera)
    camera.apply(list(broken.steps))
    findings = diagnose(driver, tmp_path, settings_of(camera, secret) | broken.settings)

    assert findings[0].code == broken.code
    assert broken.says in findings[0].what
    assert all(finding.camera == "kiln" and finding.why and finding.mend for finding in findings)
    state = camera.state()
    assert state["writes"] == []
    assert state["logins"]["refused"] <= 1


@pytest.mark.parametrize("model", ["bispectrum", "bullet", "positioning"])
def test_nvr_diagnose_tells_nothing_of_a_healthy_camera(
    driver: HikThermal, hik_simulator: Any, secret: str, tmp_path: Path, model: str
) -> None:
    camera = hik_simulator(password=secret, rtsp_port=0, model=model)

    assert diagnose(driver, tmp_path, settings_of(camera, secret)) == []
    assert camera.state()["writes"] == []
    assert set(camera.state()["open"].values()) == {0}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A self-signed certificate as devices have one, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = {"cert": folder / "cert.pem", "key": folder / "key.pem"}
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", files["key"], "-out", files["cert"], "-days", "2", "-subj", "/CN=127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return files


@pytest.mark.parametrize(
    ("tls", "says"),
    [({}, "certificate is not trusted"), ({"fingerprint": "AB" * 32}, "not the one with the fingerprint")],
)
def test_a_certificate_that_is_not_trusted_is_no_trouble_of_the_network(
    driver: HikThermal,
    hik_simulator: Any,
    certificate: dict[str, Path],
    secret: str,
    tmp_path: Path,
    tls: dict[str, str],
    says: str,
) -> None:
    camera = hik_simulator(password=secret, https_port=0, http_port=None, **certificate)
    settings = {"url": camera.https, "username": "admin", "password": secret, "timeout": 5, "tls": tls}
    [finding] = diagnose(driver, tmp_path, settings)

    assert (finding.code, says in finding.what) == ("untrusted", True)
    assert "tls: {fingerprint: …}" in finding.mend
    assert "cable" not in finding.mend
    assert camera.state()["requests"] == {}


def test_a_refused_login_costs_one_attempt_each_time_and_then_none(
    driver: HikThermal, hik_simulator: Any, secret: str, tmp_path: Path
) -> None:
    camera = hik_simulator(password=secret, rtsp_port=0)
    settings = settings_of(camera, secret) | {"password": "another one"}
    for code, refused in (("refused", 1), ("auth_blocked", 2), ("auth_blocked", 2)):
        [finding] = diagnose(driver, tmp_path, settings)
        assert (finding.code, camera.state()["logins"]["refused"]) == (code, refused)
    assert "correct username and password: that helps at once; or wait, the next try is at 20" in finding.mend


def test_a_lock_is_told_with_its_end_and_nothing_is_sent_into_it(
    driver: HikThermal, hik_simulator: Any, secret: str, tmp_path: Path
) -> None:
    camera = hik_simulator(password=secret)
    camera.apply(list(fault("lock", seconds=600)))
    [finding] = diagnose(driver, tmp_path, settings_of(hik_simulator(rtsp_port=0), secret) | {"url": camera.http})

    assert finding.code == "account_locked"
    assert "nothing more is sent until 20" in finding.what
    assert camera.state()["logins"]["refused"] == 0


def test_what_was_seen_is_told_with_the_camera(
    driver: HikThermal, hik_simulator: Any, secret: str, tmp_path: Path
) -> None:
    camera = hik_simulator(password=secret, rtsp_port=0, profile="frames_only")
    diagnose(driver, tmp_path, settings_of(camera, secret))
    [info] = driver.nvr_cameras()

    assert info.facts["radiometric frames"] == "256 x 192 temperatures"
    assert info.facts["real-time temperatures"] == info.facts["polled temperatures"] == "not offered"
    assert info.facts["live video"] == "H.264"
    assert info.facts["recordings"] == "answer"
    assert re.fullmatch(r"answers, [12] in the last hour", info.facts["search of recordings"])
    assert info.facts["metadata"] == "switched off"
    assert info.facts["connections"] == "at most 50 users at a time"
    assert info.facts["disk 1 (hdde)"] == "ok, 64% free"
    assert info.facts["clock"].endswith("zone UTC+01:00")
    assert "realtime_thermometry" not in (info.capabilities or {})


def test_every_finding_stands_in_the_page_of_troubles_by_its_symptom() -> None:
    page = (Path(__file__).parents[1] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    listed = [code for row in rows for code in re.findall(r"`(\w+)`", row)]

    assert sorted(listed) == sorted({*MEANINGS, *BROKER})
