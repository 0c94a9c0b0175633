"""Login challenges as real devices send them are understood and answered (isapi.md 1.3)."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import WrongUse

from hik_thermal_plugin.wire.digest import Challenge, authorization, best_challenge, parse_challenges

CAMERA = 'Digest qop="auth", realm="IP Camera(E1518)", nonce="4e6a", stale="FALSE"'
BOTH = 'Digest qop="auth", realm="IP Camera(76475)", nonce="4e6a", stale="FALSE", Basic realm="IP Camera(76475)"'
RECORDER = 'Digest realm="ab12", domain="::", qop="auth", nonce="4e6a:177", opaque="", algorithm="MD5", stale="FALSE"'
RTSP = 'Digest realm="IP Camera(C2875)", nonce="4e6a", stale="FALSE"'
SHA = 'Digest realm="IP Camera", nonce="4e6a", algorithm="SHA-256", stale="FALSE"'


def only(*values: str) -> Challenge:
    (found,) = parse_challenges(values)
    return found


def test_a_thermal_cameras_challenge() -> None:
    found = only(CAMERA)

    assert (found.scheme, found.realm, found.nonce) == ("digest", "IP Camera(E1518)", "4e6a")
    assert (found.qop, found.opaque, found.algorithm, found.stale) == (("auth",), None, None, False)
    assert found.hash == "MD5"


def test_two_schemes_in_one_header() -> None:
    assert [found.scheme for found in parse_challenges([BOTH])] == ["digest", "basic"]
    assert [found.realm for found in parse_challenges([BOTH])] == ["IP Camera(76475)"] * 2


def test_a_recorders_challenge_has_an_empty_opaque_and_a_quoted_algorithm() -> None:
    found = only(RECORDER)

    assert (found.opaque, found.algorithm, found.hash, found.nonce) == ("", "MD5", "MD5", "4e6a:177")


def test_several_headers_and_several_algorithms() -> None:
    found = parse_challenges(
        [CAMERA, SHA, 'Digest realm="x", nonce="n", algorithm=SHA-512-256', "Negotiate abc==", "NTLM"]
    )

    assert [challenge.scheme for challenge in found] == ["digest", "digest", "digest", "negotiate", "ntlm"]
    best = best_challenge(found)
    assert best is not None
    assert best.hash == "SHA-256"


@pytest.mark.parametrize(
    ("values", "scheme"),
    [
        ([BOTH], "digest"),
        (['Basic realm="old"'], "basic"),
        (['Basic realm="old", Digest realm="x", nonce="n"'], "digest"),
        (['Basic realm="old"', 'Digest realm="x", nonce="n", algorithm=MD5-sess'], "basic"),
        (['Digest realm="x", nonce="n", qop="auth-int"'], None),
        (['Digest realm="x"'], None),
        (["Negotiate"], None),
        ([], None),
    ],
)
def test_the_best_that_can_be_answered_is_chosen(values: list[str], scheme: str | None) -> None:
    best = best_challenge(parse_challenges(values))

    assert (None if best is None else best.scheme) == scheme


@pytest.mark.parametrize(
    ("value", "stale"),
    [("stale=true", True), ('stale="TRUE"', True), ('stale="FALSE"', False), ("stale=no", False), ("x=1", False)],
)
def test_stale_is_read_in_any_spelling(value: str, stale: bool) -> None:
    assert only(f'Digest realm="x", nonce="n", {value}').stale is stale


@pytest.mark.parametrize("word", ["SHA-256", "SHA256", "sha-256"])
def test_a_device_spells_sha_256_in_several_ways(word: str) -> None:
    found = only(f'Digest realm="x", nonce="n", algorithm="{word}"')

    assert found.hash == "SHA-256"
    assert "algorithm=SHA-256" in authorization(found, "u", "p", "GET", "/")


def test_quoted_strings_may_hold_anything() -> None:
    found = only(r'digest realm="a, Basic realm=\"b\" \\ c", nonce="n=,\"", qop="auth, auth-int" , opaque=o')

    assert (found.realm, found.nonce, found.opaque) == (r'a, Basic realm="b" \ c', 'n=,"', "o")
    assert found.qop == ("auth", "auth-int")
    assert r'realm="a, Basic realm=\"b\" \\ c"' in authorization(found, "u", "p", "GET", "/")


RFC = {
    "username": "Mufasa",
    "password": "Circle of Life",
    "method": "GET",
    "uri": "/dir/index.html",
    "nc": 1,
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
}


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    found = only(
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    text = authorization(found, **RFC)  # type: ignore[arg-type]

    assert f'response="{response}"' in text
    assert 'username="Mufasa"' in text
    assert "qop=auth, nc=00000001" in text
    assert f"algorithm={algorithm}" in text
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in text


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def test_without_qop_as_rtsp_has_it() -> None:
    text = authorization(only(RTSP), "admin", "geheim", "DESCRIBE", "rtsp://192.0.2.1:554/Streaming/Channels/201")
    wanted = md5(
        f"{md5('admin:IP Camera(C2875):geheim')}:4e6a:{md5('DESCRIBE:rtsp://192.0.2.1:554/Streaming/Channels/201')}"
    )

    assert f'response="{wanted}"' in text
    assert not re.search("qop|nc=|cnonce|algorithm|opaque", text)


def test_an_empty_opaque_is_echoed_and_the_query_counts() -> None:
    text = authorization(only(RECORDER), "admin", "pw", "GET", "/ISAPI/x?format=json", nc=18, cnonce="c")
    wanted = md5(f"{md5('admin:ab12:pw')}:4e6a:177:00000012:c:auth:{md5('GET:/ISAPI/x?format=json')}")

    assert f'response="{wanted}"' in text
    assert 'opaque=""' in text
    assert "nc=00000012" in text


def test_a_cnonce_is_new_each_time() -> None:
    assert authorization(only(CAMERA), "u", "p", "GET", "/") != authorization(only(CAMERA), "u", "p", "GET", "/")


def test_names_and_passwords_beyond_ascii() -> None:
    text = authorization(only(RTSP), 'bö"b', "pä:ß", "GET", "/")

    assert r'username="bö\"b"' in text
    assert "pä:ß" not in text


def test_basic_is_answered_where_nothing_else_is_offered() -> None:
    best = best_challenge(parse_challenges(['Basic realm="x"']))

    assert best is not None
    assert authorization(best, "Aladdin", "open sesame", "GET", "/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_what_cannot_be_answered_is_refused_not_guessed() -> None:
    with pytest.raises(WrongUse, match="MD5-sess"):
        authorization(only('Digest realm="x", nonce="n", algorithm=MD5-sess'), "u", "p", "GET", "/")


def test_a_challenge_shown_to_people_keeps_its_nonce_to_itself() -> None:
    assert "4e6a" not in repr(only(CAMERA))


PIECES = ["Digest", "Basic", " ", ",", "=", '"', "\\", "realm", "nonce", "x", "qop", "\t", "\0", "ä", "==", "/"]


@given(st.lists(st.one_of(st.lists(st.sampled_from(PIECES)).map("".join), st.text()), max_size=4))
def test_no_header_breaks_the_reader(values: list[str]) -> None:
    best = best_challenge(parse_challenges(values))

    if best is not None:
        assert authorization(best, "u", "p", "GET", "/").startswith(("Digest ", "Basic "))


def test_a_header_of_a_megabyte_is_read_in_no_time() -> None:
    for piece in ('realm="', "a=", "Digest ", '"\\', ",", "x y "):
        parse_challenges(["Digest " + piece * 200_000])


def test_the_whole_answer_to_a_camera_character_by_character() -> None:
    secret, request = md5("u:IP Camera(E1518):p"), md5("GET:/a")
    response = md5(f"{secret}:4e6a:00000001:c:auth:{request}")

    assert authorization(only(CAMERA), "u", "p", "GET", "/a", cnonce="c") == (
        'Digest username="u", realm="IP Camera(E1518)", nonce="4e6a", uri="/a", '
        f'qop=auth, nc=00000001, cnonce="c", response="{response}"'
    )


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Negotiate, " + RTSP, ["negotiate", "digest"]),
        ("Negotiate YWJjZA==, " + RTSP, ["negotiate", "digest"]),
        ("Negotiate YWJj , " + RTSP, ["negotiate", "digest"]),
        ("NTLM realm=x YWJj, Basic realm=y", ["ntlm", "ywjj", "basic"]),
        ("; Digest nonce=n", ["digest"]),
        ("=;Digest nonce=n", ["digest"]),
        ("\t\r\n Basic\r\n realm=y", ["basic"]),
        ("X Basic realm=y", ["x", "basic"]),
        ("Digest nonce=n,,XBasic realm=y", ["digest", "xbasic"]),
    ],
)
def test_schemes_among_what_says_nothing(value: str, found: list[str]) -> None:
    assert [one.scheme for one in parse_challenges([value])] == found


def test_what_a_challenge_leaves_out() -> None:
    assert only("Digest qop=auth") == Challenge(scheme="digest", qop=("auth",))
    assert only("Basic") == Challenge(scheme="basic")
    assert best_challenge([only("Digest realm=x, qop=auth"), only("Digest realm=x")]) is None


def test_of_two_that_are_as_good_the_first_is_answered() -> None:
    first, second, other = (only(f'Digest realm="{realm}", nonce="n"') for realm in "zab")
    basic, unknown = only('Basic realm="x"'), only('Digest realm="x", nonce="n", algorithm="SHA-512"')

    assert best_challenge([unknown, basic, first, second, other]) == first
    assert best_challenge([basic, only(SHA), first]) == only(SHA)
    assert best_challenge([unknown]) is None
