"""How real devices differ: each profile is the plain camera with the settings of one quirk (isapi.md 10)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from .archive_profile import ARCHIVE_QUIRKS, ArchiveProfile
from .schema import Missing
from .units import Unit

ISAPI_ORG = "http://www.isapi.org/ver20/XMLSchema"
HIKVISION = "http://www.hikvision.com/ver20/XMLSchema"
HIKVISION_10 = "http://www.hikvision.com/ver10/XMLSchema"
STD_CGI = "http://www.std-cgi.com/ver20/XMLSchema"
PSIA = "urn:psialliance-org"
ISAPI_COM = "http://www.isapi.com/ver20/XMLSchema"

Scheme = Literal["md5", "sha256", "sha256_and_md5", "digest_and_basic", "basic", "nvr", "no_qop"]
HeartbeatForm = Literal["videoloss", "channel_zero", "channel_empty", "heartBeat", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(ArchiveProfile):
    """Settings of a device's firmware; the defaults are a DS-2TD1228 as captured. `about` says which quirk it is."""

    about: str = "A thermal camera as captured (DS-2TD1228, DS-2TB21)."

    # Login (isapi.md 1.3, 1.5)
    scheme: Scheme = "md5"
    nonce_seconds: float | None = None
    nonce_uses: int | None = None
    nonce_bound_to_path: bool = False
    silent_lock: bool = False
    connection_close: bool = False
    default_password: bool = False

    # Errors and documents (isapi.md 1.2, 1.6, 2)
    error_status: int | None = None
    error_form: Literal["xml", "json", "html"] = "xml"
    unsupported_status: int = 403
    mislabelled: bool = False
    namespace: str = ISAPI_ORG
    mixed_namespaces: bool = False
    prolog: str = '<?xml version="1.0" encoding="UTF-8"?>\n'
    empty_elements: bool = False
    thermal_capabilities: bool = True
    capabilities: bool = True
    bare_triggers: bool = False
    unlinked: tuple[str, ...] = ()
    unscheduled: tuple[str, ...] = ()
    thermal_events: bool = True
    picture_content_type: str = "image/jpeg"
    picture_by_proxy_only: bool = False

    # The alert stream's frame (isapi.md 6.2)
    media_type: str = "multipart/mixed"
    boundary: str = "boundary"
    boundary_header: str | None = "boundary"
    xml_content_type: str = 'application/xml; charset="UTF-8"'
    part_length: bool = True
    part_length_error: int = 0
    newline: str = "\r\n"
    gap: str = ""
    blank_before_headers: bool = False
    duplicate_delimiter: bool = False
    json_alarms: bool = False
    several_in_part: bool = False
    replay: int = 0
    close_after: float | None = None
    heartbeat: float | None = None
    heartbeat_form: HeartbeatForm = "videoloss"
    pictures: bool = True
    named_pictures: bool = False
    delimiter_in_pictures: bool = False

    # Listening mode (isapi.md 6.9)
    http_hosts: Literal["three", "one", "none"] = "three"
    foreign_hosts: int = 0  # slots that lead to somebody else
    hosts_capabilities: bool = True
    hosts_by_list_only: bool = False

    # What alerts say (isapi.md 6.4-6.7)
    alert_namespace: str | None = HIKVISION  # alert streams were captured with it, thermal pushes without
    raw_ampersand: bool = False
    channel_fields: Literal["both", "dyn", "plain"] = "both"
    channel_name: str | None = None
    time_form: Literal["offset", "none", "short", "zulu"] = "offset"
    synonyms: bool = False
    pre_alarm_type: str = "TMPA"
    difference_type: str | None = None
    difference_pair: bool = False
    unit: Unit = "celsius"
    numbers: Literal["decimal", "integer", "comma"] = "decimal"
    sends_inactive: bool = False

    # Thermometry (isapi.md 8)
    thermometry: bool = True
    measuring: bool = True  # switched on
    fire_detection: bool = True
    rules: bool = True
    real_time: bool = True
    polling: bool = True
    frames: bool = True
    clicks: Literal["accepted", "result", "thousandths"] | None = "accepted"
    overstated: bool = False  # the capabilities claim what the device refuses
    config_channel: int | None = None  # None: the thermal one
    data_channel: int | None = None
    numeric_flags: bool = False
    upload_form: Literal["list", "single", "bare", "each"] = "list"
    split_uploads: bool = False
    joined_uploads: bool = False
    repeated_rules: bool = False
    both_readings: bool = False
    polled_ids: bool = False
    matrix: tuple[int, int] | None = None  # None: the model's
    matrix_offset: int = 0
    data_length: Literal[2, 4] = 4
    frame_flag_words: bool = False
    frames_need_parameters: bool = False
    visible_picture_word: Literal["visiblePicEnabled", "visiblePicEnable"] = "visiblePicEnabled"
    visible_pictures: bool = False
    partial_put: Missing = "keeps"

    # Metadata (isapi.md 9, rtsp.md 2)
    metadata: Literal["off", "on", "unsupported"] = "off"
    metadata_on_first: bool = False
    metadata_format: Literal["ISAPI", "ONVIF"] = "ISAPI"
    odd_metadata_document: bool = False
    metadata_path: Literal["both", "isapi", "plain"] = "both"
    metadata_encoding: str = "isapi.metadata"  # "": no rtpmap
    metadata_payload_type: int = 107
    metadata_marker: Literal["last", "never", "always"] = "last"
    metadata_loss: Literal["lost", "reordered"] | None = None
    foreign_packets: bool = False
    endless_metadata: bool = False

    # RTSP (rtsp.md 1, 7)
    sdp: Literal["camera", "relative", "recorder"] = "camera"
    metadata_first: bool = False
    isapi_paths: bool = True
    no_fmtp: bool = False
    session_timeout: int = 60
    forgets_silently: bool = False
    spaced_ssrc: bool = False
    early_frames: bool = False
    garbage: bool = False
    timestamps_back: bool = False
    b_frames: bool = False
    audio: bool = False
    recording_time: Literal["utc", "local"] = "utc"
    endtime_ignored: bool = False
    playback_end: Literal["announce", "close", "bye", "silence"] = "announce"


PLAIN = Profile()


def _profile(about: str, /, **settings: object) -> Profile:
    return replace(PLAIN, about=about, **settings)  # type: ignore[arg-type]


PROFILES: dict[str, Profile] = {
    "plain": PLAIN,
    # Login
    "sha256": _profile("Digest with SHA-256 alone (quirk 3).", scheme="sha256"),
    "sha256_and_md5": _profile("Two challenge headers, SHA-256 and MD5 (1.3).", scheme="sha256_and_md5"),
    "two_schemes": _profile("Digest and Basic in one header line (quirk 2).", scheme="digest_and_basic"),
    "basic": _profile("A camera of 2014 that knows Basic only (1.3).", scheme="basic"),
    "nvr_login": _profile(
        'Quoted algorithm, empty opaque, domain="::", userCheck in each 401 (quirk 2).', scheme="nvr"
    ),
    "no_qop": _profile("A challenge without qop, as over RTSP (1.3).", scheme="no_qop"),
    "nonce_per_path": _profile("A nonce is good for the path it was issued for (quirk 4).", nonce_bound_to_path=True),
    "short_nonce": _profile('A nonce is good for two requests, then stale="TRUE" (1.3).', nonce_uses=2),
    "expiring_nonce": _profile('A nonce is good for 30 s, then stale="TRUE" (1.3).', nonce_seconds=30.0),
    "silent_lock": _profile("A locked account gets a 401 that does not say so (quirk 5).", silent_lock=True),
    "connection_close": _profile("Connection: close on every reply (quirk 39).", connection_close=True),
    # Errors and documents
    "errors_in_200": _profile("Errors arrive with HTTP status 200 (quirk 7).", error_status=200),
    "json_errors": _profile("Errors are JSON under any URL (quirk 7).", error_form="json"),
    "html_errors": _profile("Errors are web pages (quirk 7).", error_form="html"),
    "not_found": _profile("What is not supported answers 404 (1.6).", unsupported_status=404),
    "mislabelled": _profile("Documents are called text/plain (quirk 7).", mislabelled=True),
    "blank_lines_first": _profile("Blank lines before the declaration (1.2).", prolog="\r\n\r\n" + PLAIN.prolog),
    "no_declaration": _profile("No XML declaration (quirk 35).", prolog=""),
    "bad_declaration": _profile(
        "A malformed XML declaration (quirk 35).", prolog='<? xml version="1.0" encoding="UTF-8"?>\n'
    ),
    "mixed_namespaces": _profile("Children carry another namespace (1.2).", mixed_namespaces=True),
    "empty_elements": _profile("Optional elements are there and empty (quirk 10).", empty_elements=True),
    "no_thermal_capabilities": _profile("Capabilities say nothing of heat (quirk 9).", thermal_capabilities=False),
    "no_capabilities": _profile("Capability documents are not supported (quirk 9).", capabilities=False),
    "bare_triggers": _profile("EventTriggerList is the root (6.1).", bare_triggers=True),
    "unlinked": _profile(
        "The thermal triggers do not notify the surveillance center, so nothing is told (quirk 38).",
        unlinked=("thermometry", "fireDetection"),
    ),
    "nvr_picture": _profile("Pictures come from StreamingProxy alone (3).", picture_by_proxy_only=True),
    "unscheduled": _profile(
        "The thermal events are armed at no time of the week, so nothing is told (6.1).",
        unscheduled=("thermometry", "temperature", "fireDetections"),
    ),
    "not_thermal": _profile(
        "A camera that has nothing thermal (2).",
        thermal_capabilities=False,
        thermal_events=False,
        thermometry=False,
        real_time=False,
        polling=False,
        frames=False,
        clicks=None,
    ),
    "default_password": _profile("The password is the factory's (1.4).", default_password=True),
    "picture_charset": _profile("A charset on a picture (3).", picture_content_type='image/jpeg; charset="UTF-8"'),
    # The alert stream's frame
    "no_content_length": _profile("Parts without Content-Length (quirk 18).", part_length=False),
    "wrong_part_length": _profile("Parts announce 64 bytes more than they have (quirk 18).", part_length_error=64),
    "lf": _profile("XML with LF line ends (quirk 20).", newline="\n"),
    "dashed_boundary_header": _profile("The header says boundary=--boundary (quirk 17).", boundary_header="--boundary"),
    "quoted_boundary": _profile("The boundary is quoted (quirk 17).", boundary_header='"boundary"'),
    "no_boundary_header": _profile("The header names no boundary (quirk 17).", boundary_header=None),
    "other_boundary_header": _profile("The header names a boundary not in use (quirk 17).", boundary_header="AaB03x"),
    "hex_boundary": _profile(
        "A boundary of 32 hex digits (6.2).",
        boundary="7e13971310878a1b5c2d9e0f4a6b8c3d",
        boundary_header="7e13971310878a1b5c2d9e0f4a6b8c3d",
    ),
    "form_data": _profile("multipart/form-data (6.2).", media_type="multipart/form-data"),
    "x_mixed_replace": _profile("multipart/x-mixed-replace (6.2).", media_type="multipart/x-mixed-replace"),
    "text_xml": _profile(
        "Parts are called text/xml, another charset text (6.2).", xml_content_type="text/xml;charset=utf-8"
    ),
    "one_blank_line": _profile("One CRLF between parts (quirk 18).", gap="\r\n"),
    "two_blank_lines": _profile("Two CRLFs between parts (quirk 18).", gap="\r\n\r\n"),
    "blank_before_headers": _profile(
        "A blank line between delimiter and headers (quirk 18).", blank_before_headers=True
    ),
    "duplicate_delimiter": _profile("Each delimiter line twice (quirk 18).", duplicate_delimiter=True),
    "json_alarms": _profile("Alarms and heartbeats as JSON (6.5).", json_alarms=True),
    "several_in_part": _profile("Alarms of one moment share a part (quirk 25).", several_in_part=True),
    "replay": _profile("Up to five old alarms are sent again on connecting (quirk 25).", replay=5),
    "replay_in_one_part": _profile("Old alarms again, in one part (quirk 25).", replay=5, several_in_part=True),
    "short_stream": _profile("The stream is closed after 40 s (quirk 32).", close_after=40.0),
    "fast_heartbeat": _profile("A heartbeat every 300 ms, firmware before 5.5.0 (6.3).", heartbeat=0.3),
    "heartbeat_channel_zero": _profile("Heartbeats of channel 0 (quirk 22).", heartbeat_form="channel_zero"),
    "heartbeat_channel_empty": _profile("Heartbeats with empty channels (quirk 22).", heartbeat_form="channel_empty"),
    "heartbeat_event": _profile("Heartbeats are heartBeat events (6.3).", heartbeat_form="heartBeat"),
    "heartbeat_other": _profile("Heartbeats are events called other (quirk 22).", heartbeat_form="other"),
    "no_pictures": _profile("Pictures are announced and do not come (6.2).", pictures=False),
    "named_pictures": _profile("Picture parts carry a name and a file name (6.2).", named_pictures=True),
    "delimiter_in_pictures": _profile("Pictures contain the delimiter (quirk 19).", delimiter_in_pictures=True),
    # Listening mode
    "no_listening": _profile("No list of hosts, as the guide says of thermal cameras (6.9).", http_hosts="none"),
    "one_host": _profile("One slot for a host, as recorders have it (6.9).", http_hosts="one"),
    "foreign_host": _profile("The first slot leads to somebody else, as captured (6.9).", foreign_hosts=1),
    "foreign_hosts": _profile("All slots lead to somebody else (6.9).", foreign_hosts=3),
    "hosts_uncapable": _profile("The list of hosts without its capabilities (6.9).", hosts_capabilities=False),
    "hosts_by_list_only": _profile("Hosts are written as a list, not one by one (6.9).", hosts_by_list_only=True),
    # What alerts say
    "no_namespace": _profile("Alerts without a namespace, as in thermal pushes (quirk 1).", alert_namespace=None),
    "namespace_isapi_org": _profile("Alerts in the isapi.org namespace (quirk 1).", alert_namespace=ISAPI_ORG),
    "namespace_hikvision": _profile(
        "All documents in the hikvision.com ver20 namespace (quirk 1).", namespace=HIKVISION
    ),
    "namespace_hikvision_ver10": _profile("Alerts in the ver10 namespace (quirk 1).", alert_namespace=HIKVISION_10),
    "namespace_std_cgi": _profile(
        "All documents in the neutral namespace (quirk 1).", namespace=STD_CGI, alert_namespace=STD_CGI
    ),
    "namespace_psia": _profile("Alerts in the PSIA namespace (quirk 1).", alert_namespace=PSIA),
    "namespace_isapi_com": _profile("Alerts in the isapi.com namespace (quirk 1).", alert_namespace=ISAPI_COM),
    "raw_ampersand": _profile("An unescaped & in picture addresses (quirk 35).", raw_ampersand=True),
    "dyn_channel_only": _profile("Alerts name dynChannelID alone (quirk 23).", channel_fields="dyn"),
    "channel_id_only": _profile("Alerts name channelID alone (6.4).", channel_fields="plain"),
    "invalid_utf8": _profile("A channel name in another character set (quirk 21).", channel_name="Gl\udcfchofen 2"),
    "foreign_name": _profile("A channel name beyond ASCII (quirk 21).", channel_name="热像 Glühofen"),
    "no_offset": _profile("dateTime without an offset (quirk 26).", time_form="none"),
    "bad_offset": _profile("dateTime with a one-digit hour in its offset (quirk 26).", time_form="short"),
    "zulu": _profile("dateTime in UTC with Z (1.1).", time_form="zulu"),
    "synonyms": _profile("Other names and letter case of event types (quirk 27).", synonyms=True),
    "tpma": _profile("The pre-alarm is called TPMA, as in the guide (quirk 27).", pre_alarm_type="TPMA"),
    "tda": _profile("Differences are TDA (6.5).", difference_type="TDA"),
    "difference_temperature": _profile("Differences are called temperature (6.5).", difference_type="temperature"),
    "difference_pair": _profile("Differences list both rules (6.5).", difference_pair=True),
    "fahrenheit": _profile("Temperatures in °F (quirk 30).", unit="fahrenheit"),
    "kelvin": _profile("Temperatures in kelvin (quirk 30).", unit="kelvin"),
    "integers": _profile("Whole numbers (quirk 29).", numbers="integer"),
    "decimal_comma": _profile("A comma in numbers (7).", numbers="comma"),
    "sends_inactive": _profile("The end of an alarm is told with eventState inactive (quirk 24).", sends_inactive=True),
    # Thermometry
    "not_measuring": _profile("Temperature measurement is switched off (8.1).", measuring=False),
    "no_fire_detection": _profile("Fire detection is switched off (8.6).", fire_detection=False),
    "no_rules": _profile("No measuring rule is enabled (8.2).", rules=False),
    "split_channels": _profile(
        "Rules on channel 1, temperatures on 2, neither polling nor frames: HM-TD2628T-7 (quirk 9).",
        config_channel=1,
        data_channel=2,
        polling=False,
        frames=False,
        clicks=None,
    ),
    "polling_only": _profile("Polling without the stream (quirk 34).", real_time=False, frames=False),
    "real_time_only": _profile("The stream without polling (quirk 34).", polling=False, frames=False),
    "frames_only": _profile("Frames without stream and polling (quirk 34).", real_time=False, polling=False),
    "no_thermometry": _profile(
        "No temperatures at all (8).", thermometry=False, real_time=False, polling=False, frames=False, clicks=None
    ),
    "overstated": _profile(
        "The capabilities name stream, frames and clicks, and the device refuses them (quirk 34).",
        overstated=True,
        real_time=False,
        frames=False,
        clicks=None,
    ),
    "single_rule": _profile("One rule is an object, several are a list (quirk 10).", upload_form="single"),
    "rule_by_rule": _profile("Each rule in a document of its own (quirk 10).", upload_form="each"),
    "bare_uploads": _profile("ThermometryUpload without the list around it (8.3).", upload_form="bare"),
    "joined_uploads": _profile(
        "Each rule is a document, and a part holds them all (8.3).", upload_form="each", joined_uploads=True
    ),
    "split_uploads": _profile("Half of each document comes later (8.3).", split_uploads=True),
    "repeated_rules": _profile("Each rule is told twice in a document (8.3).", repeated_rules=True),
    "both_readings": _profile("Point and area are there, one of them means nothing (8.3).", both_readings=True),
    "polled_ids": _profile("Polled rules carry their numbers (8.3).", polled_ids=True),
    "numeric_flags": _profile("0 and 1 for false and true (quirk 29).", numeric_flags=True),
    "frame_flag_words": _profile("isFreezedata of a frame is a truth value (8.4).", frame_flag_words=True),
    "int16": _profile("Frames of two bytes a pixel (8.4).", data_length=2),
    "int16_offset": _profile("Two bytes a pixel, with an offset (8.4).", data_length=2, matrix_offset=273),
    "visible_pictures": _profile("Frames with the visible picture (8.4).", visible_pictures=True),
    "visible_pic_enable": _profile(
        "The other spelling of visiblePicEnabled, and that alone (quirk 36).", visible_picture_word="visiblePicEnable"
    ),
    "frames_need_parameters": _profile(
        "Frames are refused until pixelToPixelParam has been put (8.4).", frames_need_parameters=True
    ),
    "small_matrix": _profile("A detector much smaller than the stream (8.4).", matrix=(160, 120)),
    "large_matrix": _profile("A detector larger than the stream (8.4).", matrix=(1024, 768)),
    "partial_put_resets": _profile("What a PUT does not name is reset (quirk 37).", partial_put="resets"),
    "whole_put_only": _profile("What a PUT does not name is asked for (quirk 37).", partial_put="refuses"),
    "click_result": _profile("A click is answered with its temperature (8.5).", clicks="result"),
    "click_thousandths": _profile("A click is given in whole thousandths (8.5).", clicks="thousandths"),
    # Metadata
    "metadata_on": _profile("Metadata is on from the factory (9).", metadata="on"),
    "no_metadata": _profile("No metadata at all (9).", metadata="unsupported"),
    "metadata_on_first": _profile("Metadata is on channel 1 (9).", metadata="on", metadata_on_first=True),
    "onvif_metadata": _profile("Metadata in ONVIF's form (9).", metadata="on", metadata_format="ONVIF"),
    "odd_metadata_document": _profile("A metadata configuration of unknown names (9).", odd_metadata_document=True),
    "metadata_isapi_path": _profile("The track is below /ISAPI alone (9).", metadata="on", metadata_path="isapi"),
    "metadata_plain_path": _profile(
        "The track is not below /ISAPI (9).", metadata="on", metadata_path="plain", isapi_paths=False
    ),
    "metadata_no_rtpmap": _profile("A metadata track without rtpmap (9).", metadata="on", metadata_encoding=""),
    "metadata_upper_case": _profile("The rtpmap in capitals (9).", metadata="on", metadata_encoding="ISAPI.METADATA"),
    "metadata_other_name": _profile("An rtpmap of another name (9).", metadata="on", metadata_encoding="hik.metadata"),
    "metadata_other_type": _profile("Another payload type than 107 (9).", metadata="on", metadata_payload_type=112),
    "marker_never": _profile("No packet of a document is marked (9).", metadata="on", metadata_marker="never"),
    "marker_always": _profile("Every packet of a document is marked (9).", metadata="on", metadata_marker="always"),
    "lost_packets": _profile("Every other document lacks a packet (9).", metadata="on", metadata_loss="lost"),
    "reordered_packets": _profile(
        "Two packets of every other document change places (9).", metadata="on", metadata_loss="reordered"
    ),
    "foreign_packets": _profile("Packets of another payload type between (9).", metadata="on", foreign_packets=True),
    "endless_metadata": _profile("A document that never ends (9).", metadata="on", endless_metadata=True),
    # RTSP
    "relative_control": _profile("Relative addresses in the SDP (4).", metadata="on", sdp="relative"),
    "recorder_sdp": _profile("The SDP of a recorder, with broken lines (4).", metadata="on", sdp="recorder"),
    "metadata_first": _profile("The metadata track comes first in the SDP (4).", metadata="on", metadata_first=True),
    "no_fmtp": _profile("No parameter sets in the SDP (4).", no_fmtp=True),
    "short_session": _profile("Sessions end after 2 s without a request (4).", metadata="on", session_timeout=2),
    "forgotten_session": _profile(
        "Sessions are forgotten after 2 s without a request, and nothing is closed (4).",
        metadata="on",
        session_timeout=2,
        forgets_silently=True,
    ),
    "spaced_ssrc": _profile("A blank within Transport (4).", spaced_ssrc=True),
    "early_frames": _profile("Packets come before the answer to PLAY (4).", metadata="on", early_frames=True),
    "rtsp_garbage": _profile("Bytes of no meaning between packets (4).", metadata="on", garbage=True),
    "timestamps_back": _profile("Timestamps of video go back (4).", timestamps_back=True),
    "b_frames": _profile("Video with B-frames (4).", b_frames=True),
    "audio": _profile("A track of sound (4).", audio=True),
    "local_recording_time": _profile("Z in playback times means local time (quirk 12).", recording_time="local"),
    "endtime_ignored": _profile("Playback goes on beyond its end (4).", endtime_ignored=True),
    "playback_close": _profile("The connection ends with the playback (4).", playback_end="close"),
    "playback_bye": _profile("Playback ends with RTCP BYE (4).", playback_end="bye"),
    "playback_silence": _profile("Playback ends, and nothing is said (4).", playback_end="silence"),
    **{name: _profile(about, **settings) for name, (about, settings) in ARCHIVE_QUIRKS.items()},
}
"""The profiles by name. A variation is `dataclasses.replace(PROFILES["short_stream"], close_after=2.0)`."""
