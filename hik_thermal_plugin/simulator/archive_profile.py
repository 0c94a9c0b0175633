"""How the archives of real devices differ: search, download and storage (isapi.md 5 and 10, quirks 11-16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .recordings import NameForm

DownloadForm = Literal["any", "get", "post", "get_bare", "get_version"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveProfile:
    """Settings of a device's archive; the part of `Profile` that concerns it."""

    # What a search has to look like (isapi.md 5.1)
    position: Literal["both", "misspelt", "spelt", "ignored"] = "both"
    track_list: Literal["trackIDList", "trackList"] = "trackIDList"
    bare_search: bool = False
    search_id: Literal["guid", "upper", "any"] = "guid"
    search_seconds: float = 0.0  # meanwhile every other search is refused as busy
    most_results: int = 64

    # What its answer looks like
    pages: Literal["honest", "repeated", "overlapping", "endless"] = "honest"
    result_form: NameForm = "camera"
    status_word: Literal["responseStatusStrg", "responseStatusString"] = "responseStatusStrg"
    total_matches: bool = False
    empty_match_list: bool = False
    spaced_uris: bool = False
    foreign_address: bool = False
    record_types: Literal["usual", "upper"] = "usual"
    announced_block: int = 1  # `size=` is a multiple of it

    # Download (isapi.md 5.3)
    media_header: bool = True
    private_streams: bool = False
    download_form: DownloadForm = "any"
    download_by_time: bool = False
    ranges: bool = False
    sized_downloads: Literal["right", "none", "announced"] = "right"
    download_type: str = "Opaque/data"
    download_rate: float | None = None  # bytes a second
    first_download: Literal["device_error", "error_in_200"] | None = None

    # Storage (isapi.md 5.4)
    encryption: Literal["unencrypted", "encrypted", "scrambled"] = "unencrypted"
    nas: str | None = None  # its status
    recorder_storage: bool = False


ARCHIVE_QUIRKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    # Search
    "misspelt_position": ("Hears searchResultPostion alone (quirk 13).", {"position": "misspelt", "most_results": 8}),
    "spelt_position": ("Hears searchResultPosition alone (quirk 13).", {"position": "spelt", "most_results": 8}),
    "position_ignored": ("Each page is the first one (quirk 13).", {"position": "ignored", "most_results": 8}),
    "repeated_pages": (
        "Beyond the end comes the last page again, and it says MORE (quirk 13).",
        {"pages": "repeated", "most_results": 8},
    ),
    "overlapping_pages": (
        "Each page begins with the last result of the page before (quirk 13).",
        {"pages": "overlapping", "most_results": 8},
    ),
    "endless_more": ("Says MORE for ever, also with no result (quirk 13).", {"pages": "endless", "most_results": 8}),
    "short_pages": ("At most eight results a page, whatever is asked for (5.1).", {"most_results": 8}),
    "needs_track_list": ("Tracks are asked for in trackList (5.1).", {"track_list": "trackList"}),
    "bare_search": ("Rejects an XML declaration and a namespace (5.1).", {"bare_search": True}),
    "upper_search_id": ("The searchID must be in capitals (quirk 14).", {"search_id": "upper"}),
    "any_search_id": ("The searchID may be any text (5.1).", {"search_id": "any"}),
    "one_search": (
        "A search takes half a second, and others are refused meanwhile (quirk 14).",
        {"search_seconds": 0.5},
    ),
    "spaced_uris": ("Blanks and line ends around each playbackURI (quirk 11).", {"spaced_uris": True}),
    "total_matches": ("Results tell totalMatches (5.1).", {"total_matches": True}),
    "status_string": (
        "responseStatusString instead of responseStatusStrg (5.1).",
        {"status_word": "responseStatusString"},
    ),
    "empty_match_list": ("No match is told with an empty matchList (5.1).", {"empty_match_list": True}),
    "psia_results": (
        "Results as in the captures: PSIA namespace, blank lines first, extended times, OEM names (5.1).",
        {"result_form": "psia"},
    ),
    "foreign_address": ("Each playbackURI names another host and the HTTP port (quirk 11).", {"foreign_address": True}),
    "upper_record_types": ("Record types are MOTION and ALARM, of timing AllEvent (5.1).", {"record_types": "upper"}),
    "recorder_archive": (
        "An NVR: times are local, names have no channel, a foreign address, one search at a time (5.1, 5.2).",
        {
            "recording_time": "local",
            "result_form": "recorder",
            "foreign_address": True,
            "search_seconds": 0.05,
            "recorder_storage": True,
        },
    ),
    # Download
    "plain_stream": ("Files begin with a pack header instead of IMKH (quirk 16).", {"media_header": False}),
    "private_streams": ("Files with packets of the maker's own, 0xBD and 0xBF (5.3).", {"private_streams": True}),
    "download_get": ("Downloads are asked for with GET alone (quirk 15).", {"download_form": "get"}),
    "download_post": ("Downloads are asked for with POST alone (quirk 15).", {"download_form": "post"}),
    "download_bare": ("Downloads with GET and a bare root alone (quirk 15).", {"download_form": "get_bare"}),
    "download_version": (
        "Downloads with GET, and a version and namespace on the root (quirk 15).",
        {"download_form": "get_version"},
    ),
    "download_by_time": ("A playbackURI without a name gives its span (5.3).", {"download_by_time": True}),
    "download_ranges": ("Downloads of a range of bytes, which nobody has seen a device do (5.3).", {"ranges": True}),
    "download_unsized": ("Downloads without Content-Length (5.3).", {"sized_downloads": "none"}),
    "rounded_sizes": ("The announced size is the next multiple of 64 KB (5.3).", {"announced_block": 65536}),
    "download_announced": (
        "Content-Length is the announced size, a multiple of 64 KB, and less comes (5.3).",
        {"announced_block": 65536, "sized_downloads": "announced"},
    ),
    "download_octets": (
        "Downloads are called application/octet-stream (5.3).",
        {"download_type": "application/octet-stream"},
    ),
    "slow_download": ("Downloads at 500 KB a second (5.3).", {"download_rate": 500_000.0}),
    "download_device_error": (
        "The first download of each file fails with 500 deviceError (quirk 16).",
        {"first_download": "device_error"},
    ),
    "download_error_in_200": (
        "The first download of each file is an error with status 200 (5.3).",
        {"first_download": "error_in_200"},
    ),
    # Storage
    "encrypted_card": ("The SD card is encrypted, downloads are not (5.4).", {"encryption": "encrypted"}),
    "scrambled_downloads": ("The SD card is encrypted, and so are downloads (5.4).", {"encryption": "scrambled"}),
    "nas": ("A network drive beside the SD card (5.4).", {"nas": "ok"}),
    "nas_offline": ("A network drive that is offline (5.4).", {"nas": "offline"}),
    "recorder_storage": ("Storage as a recorder tells it (5.4).", {"recorder_storage": True}),
}
"""Further profiles by name: what each is about, and its settings."""
