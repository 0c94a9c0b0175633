"""Take out of a device's answers what identifies it, its place and its people, the same by the same everywhere, and leave every other byte alone.

Two passes: `learn` every answer in order, then `redact` each. What is known by its field (serial numbers, names, users, secrets, telephone
numbers, coordinates) is replaced there; serial numbers, MAC addresses, host names and secrets also wherever else they stand; IP, MAC and mail
addresses by their form, in whatever field. A replacement is what another redaction would choose again, so a redacted folder that is captured
anew is the same folder.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

_SERIAL = frozenset({"serialnumber", "subserialnumber", "deviceserial", "serialno", "serialnum"})
_IDENTITY = frozenset({"deviceid", "deviceuuid", "uuid", "registrationid", "eztoken", "ezvizid", "devid"})
_NAME = frozenset(
    {
        *("devicename", "devicelocation", "location", "systemcontact", "contact", "name", "channelname", "rulename"),
        *("scenename", "ssid", "hostname", "domainname", "ddnsdomainname", "nickname", "personname", "displaytext"),
    }
)
_USER = frozenset({"username", "loginname", "adminusername", "owner"})
_SECRET = frozenset(
    {
        *("password", "passwd", "pwd", "adminpassword", "loginpassword", "authkey", "secretkey", "encryptionkey"),
        *("sharedkey", "presharedkey", "verificationcode", "verifycode", "token", "privatekey", "psk", "wpakey"),
        *(
            "apikey",
            "secret",
            "securitykey",
            "streamencryptionkey",
            "operationcode",
            "validatecode",
            "deviceverifycode",
        ),
    }
)
_PHONE = frozenset(
    {"phonenumber", "phone", "cellphone", "cellphonenumber", "mobile", "mobilenumber", "telephone", "tel"}
)
_PATH = frozenset({"url", "path", "naspath"})
_MAC_FIELD = frozenset({"macaddress", "macaddr", "mac"})
_FIELDS = _SERIAL | _IDENTITY | _NAME | _USER | _SECRET | _PHONE | _PATH | _MAC_FIELD
_AS_ATTRIBUTE = _SERIAL | _IDENTITY | _USER | _SECRET | _PHONE
"""Not names: a part of a multipart answer has one in its head."""
_AS_NUMBER = _SERIAL | _IDENTITY | _SECRET | _PHONE

_PLACES = r"longitude|latitude|altitude|gps\w*|geo\w*|longitudeLatitude|coordinateInfo"
_XML_FIELD = re.compile(r"(<(?:\w+:)?(\w+)(?:\s[^<>]*)?>(?:<!\[CDATA\[)?)([^<]+?)((?:\]\]>)?</)")
_XML_ATTRIBUTE = re.compile(r"""(\s(\w+)\s*=\s*["'])([^"'<>]+)(["'])""")
_JSON_FIELD = re.compile(r'("(\w+)"\s*:\s*")((?:[^"\\]|\\.)*)(")')
_JSON_NUMBER = re.compile(r'("(\w+)"\s*:\s*)(\d+)(?=\s*[,}\]])')
_XML_PLACE = re.compile(rf"(<(?:\w+:)?({_PLACES})(?:\s[^<>]*)?>)(.*?)(</(?:\w+:)?\2>)", re.IGNORECASE | re.DOTALL)
_JSON_PLACE = re.compile(rf'("(?:{_PLACES})"\s*:\s*)(-?[\d.]+|"[^"]*"|\{{[^{{}}]*\}})', re.IGNORECASE)
_TEXT = re.compile(r">([^<]+)<")
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:-])")
_MAC_DIGITS = re.compile(r"[0-9A-Fa-f]{12}\Z")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_DEFAULT_NAME = re.compile(
    r"(?:(?:ip)?[ _-]?(?:camera|dome|channel|region|rule|scene|preset|line|point|area)?[ _-]?\d*|video_?\d*)\Z",
    re.IGNORECASE,
)
_REPLACED_NAME = re.compile(r"N(?:a(?:m(?:e(?: (?:\d+x*)?)?)?)?)?\Z")
_USER_REPLACED = re.compile(r"user\d+\Z")
_PATH_REPLACED = re.compile(r"path\d+\Z")
_MAC_REPLACED = "0200000000"
_DOCUMENTED = ("192.0.2.", "198.51.100.", "203.0.113.")
_DOCUMENTED_6 = ipaddress.IPv6Network("2001:db8::/32")
_EVERYBODY = frozenset({"admin", "administrator", "operator", "viewer", "user", "guest", "default"})
_SERIAL_END = re.compile(r"\d{6,}\Z")
_SHORTEST = 6
"""Letters from which a value is looked for outside its own field too: shorter ones are found in words that are not it."""
_KEPT = frozenset({"0.0.0.0", "255.255.255.255"})  # noqa: S104 - an address that means none
_GONE = "***"
Fit = Callable[[str, str], str]


class Redactor:
    """What was learnt of one device. `host` is its configured address, `username` and `secrets` are what we log in with."""

    def __init__(self, *, host: str, username: str, secrets: Iterable[str]) -> None:
        self._numbers: dict[str, dict[str, str]] = {}
        self._everywhere: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        if _IPV4.fullmatch(host):
            self._address(host)
        elif host and ":" not in host:
            self._spread(host, "camera.example")
        for secret in secrets:
            for form in {secret, quote(secret, safe=""), _escaped(secret)}:
                if len(form) >= _SHORTEST:
                    self._everywhere[_key(_bytes_of(form))] = _GONE
        if len(username) >= _SHORTEST and username.lower() not in _EVERYBODY:
            self._spread(_bytes_of(username), self._number("user", _bytes_of(username), "user{}"))

    def learn(self, data: bytes) -> None:
        """Note what identifies somebody in a document."""
        text = data.decode("latin-1")
        for pattern in (_XML_FIELD, _JSON_FIELD):
            for match in pattern.finditer(text):
                self._value(match[2].lower(), match[3])
        for match in _XML_ATTRIBUTE.finditer(text):
            self._attribute(match[2].lower(), match[3])
        for match in _MAC.finditer(text):
            self._mac(match[0])
        for match in _IPV4.finditer(text):
            self._address(match[0])
        self._pattern = None

    def redact(self, data: bytes) -> bytes:
        """Return a document with all of it replaced."""
        return self._redacted(data, _as_it_is)

    def redact_in_place(self, data: bytes) -> bytes:
        """Return bytes of the same length with all of it replaced: replacements are cut, or filled up."""
        return self._redacted(data, _to_length)

    def _redacted(self, data: bytes, fit: Fit) -> bytes:
        text = data.decode("latin-1")
        for place in (_XML_PLACE, _JSON_PLACE):
            text = place.sub(lambda match: _without_digits(match), text)
        for pattern in (_XML_FIELD, _JSON_FIELD):
            text = pattern.sub(
                lambda match: match[1] + fit(self._value(match[2].lower(), match[3]), match[3]) + match[4], text
            )
        text = _XML_ATTRIBUTE.sub(
            lambda match: match[1] + fit(self._attribute(match[2].lower(), match[3]), match[3]) + match[4], text
        )
        text = _JSON_NUMBER.sub(_without_number, text)
        text = _MAC.sub(lambda match: self._mac(match[0]), text)
        text = _IPV4.sub(lambda match: fit(self._address(match[0]), match[0]), text)
        text = _IPV6.sub(lambda match: fit(self._address6(match[0]), match[0]), text)
        text = _MAIL.sub(lambda match: fit(self._mail(match[0]), match[0]), text)
        if self._everywhere:
            text = self._spread_pattern().sub(lambda match: fit(self._everywhere[_key(match[0])], match[0]), text)
        return text.encode("latin-1")

    def _value(self, field: str, value: str) -> str:
        """Return what stands for a field's value."""
        word = value.strip()
        if field not in _FIELDS or not word or word == _GONE:
            return value
        if field in _SECRET:
            return value.replace(word, _GONE)
        if field in _SERIAL and (end := _SERIAL_END.search(word)):
            return value.replace(word, word[: end.start()] + self._digits("serial", end[0]))
        if field in _SERIAL or field in _IDENTITY:
            return value.replace(word, self._digits("identity", word))
        if field in _PHONE:
            return value.replace(word, self._digits("phone", word))
        if field in _USER:
            return (
                value
                if word.lower() in _EVERYBODY or _USER_REPLACED.match(word)
                else value.replace(word, self._number("user", word, "user{}"))
            )
        if field in _PATH:
            return value.replace(word, self._path(word))
        if field in _MAC_FIELD:
            return value.replace(word, self._mac(word)) if _MAC_DIGITS.match(word) else value
        if _DEFAULT_NAME.match(word) or _REPLACED_NAME.match(word) or _IPV4.fullmatch(word):
            return value
        return value.replace(word, self._name(word))

    def _attribute(self, field: str, value: str) -> str:
        return self._value(field, value) if field in _AS_ATTRIBUTE else value

    def _name(self, word: str) -> str:
        name = self._number("name", word, "Name {}")
        if len(word) >= _SHORTEST:
            self._spread(word, name)
        return name

    def _digits(self, kind: str, word: str) -> str:
        """Return zeros and a number of the same shape: as long, dashes where they were."""
        known = self._numbers.setdefault(kind, {})
        if word not in known:
            places = [place for place, sign in enumerate(word) if sign.isalnum()]
            number = str(len(known) + 1).zfill(len(places))[-len(places) :]
            signs = list(word)
            for place, digit in zip(places, number, strict=True):
                signs[place] = digit
            known[word] = "".join(signs)
            if len(word) >= _SHORTEST:
                self._spread(word, known[word])
        return known[word]

    def _path(self, word: str) -> str:
        """Return the address of a push or a picture: its host is found by its form, its path may hold a token."""
        head, slashes, rest = word.partition("://")
        place, slash, path = (rest if slashes else word).partition("/")
        if not path or path.startswith("ISAPI/") or _PATH_REPLACED.match(path):
            return word
        return f"{head if slashes else ''}{slashes}{place}{slash}{self._number('path', path, 'path{}')}"

    def _mac(self, word: str) -> str:
        digits = re.sub(r"\W", "", word).lower()
        if len(set(digits)) == 1 or digits.startswith(_MAC_REPLACED):
            return word  # nobody's: zeros, broadcast, ours
        plain = self._number("mac", digits, "02{:010x}")
        self._spread(digits, plain)
        sign = word[2] if len(word) > len(digits) else ""
        written = sign.join(plain[at : at + 2] for at in range(0, 12, 2))
        return written.upper() if word.upper() == word and word.lower() != word else written

    def _address(self, word: str) -> str:
        octets = [int(part) for part in word.split(".")]
        if max(octets) > 255 or octets[0] >= 224 or word in _KEPT or word.startswith(_DOCUMENTED):
            return word  # a mask, a group, no address, or one of documents
        number = int(self._number("address", word, "{}"))
        return f"192.0.2.{number}" if number < 255 else f"198.51.100.{number % 254 + 1}"

    def _address6(self, word: str) -> str:
        try:
            address = ipaddress.IPv6Address(word)
        except ValueError:
            return word
        if address.is_unspecified or address.is_loopback or address.is_multicast or address in _DOCUMENTED_6:
            return word
        return f"2001:db8::{int(self._number('address6', str(address), '{}')):x}"

    def _mail(self, word: str) -> str:
        return word if word.endswith("@example.org") else self._number("mail", word, "user{}@example.org")

    def _number(self, kind: str, word: str, form: str) -> str:
        """Return the replacement of the n-th value of a kind."""
        known = self._numbers.setdefault(kind, {})
        if word not in known:
            known[word] = form.format(len(known) + 1)
        return known[word]

    def _spread(self, word: str, replacement: str) -> None:
        """Replace a value wherever it stands."""
        if _key(word) not in self._everywhere and _key(word) != _key(replacement):
            self._everywhere[_key(word)] = replacement
            self._pattern = None

    def _spread_pattern(self) -> re.Pattern[str]:
        if self._pattern is None:
            words = sorted(self._everywhere, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
        return self._pattern


def _key(word: str) -> str:
    return word.lower()


def _bytes_of(word: str) -> str:
    """Return a text as it looks where bytes are taken for letters."""
    return word.encode().decode("latin-1")


def _escaped(word: str) -> str:
    return word.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _as_it_is(replacement: str, word: str) -> str:
    return replacement


def _to_length(replacement: str, word: str) -> str:
    return replacement[: len(word)].ljust(len(word), "x")


def _without_number(match: re.Match[str]) -> str:
    """Return a number that is a secret, or identifies somebody, as one of the same length."""
    return match[1] + ("9" * len(match[3]) if match[2].lower() in _AS_NUMBER else match[3])


def _without_digits(match: re.Match[str]) -> str:
    """Return a place with zeros for its digits, as precise as it was."""
    if len(match.groups()) == 2:
        return match[1] + re.sub(r"\d", "0", match[2])
    inner = re.sub(r"(>|^)([^<>]*)(<|$)", lambda text: text[1] + re.sub(r"\d", "0", text[2]) + text[3], match[3])
    return match[1] + inner + match[4]
