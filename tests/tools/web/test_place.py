from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from banyan.tools.web.place import BadUrl, Place, place_of

SAME = [
    ("http://example.com", "http", "example.com", 80, b"/"),
    ("HTTPS://EXAMPLE.com:443/a?b=c#d", "https", "example.com", 443, b"/a?b=c"),
    ("http://example.com./x", "http", "example.com", 80, b"/x"),
    ("http://bücher.example/ü?q=ü", "http", "xn--bcher-kva.example", 80, b"/%C3%BC?q=%C3%BC"),
    ("http://127.0.0.1:8000/a", "http", "127.0.0.1", 8000, b"/a"),
    ("http://127.0.0.1./a", "http", "127.0.0.1", 80, b"/a"),
    ("http://[::1]:8000/", "http", "::1", 8000, b"/"),
    ("http://[0:0:0:0:0:0:0:1]/", "http", "::1", 80, b"/"),
    ("http://[::FFFF:127.0.0.1]/", "http", "::ffff:7f00:1", 80, b"/"),
    ("http://under_score.example/", "http", "under_score.example", 80, b"/"),
    ("http://example.com/a%2Fb?x=%26&y=a+b", "http", "example.com", 80, b"/a%2Fb?x=%26&y=a+b"),
]


@pytest.mark.parametrize(("url", "scheme", "host", "port", "target"), SAME)
def test_a_url_points_where_its_one_spelling_says(url: str, scheme: str, host: str, port: int, target: bytes) -> None:
    found = place_of(url)
    assert (found.scheme, found.host, found.port, found.target) == (scheme, host, port, target)


REFUSED = [
    "", "example.com", "//example.com/", "/path", "http://", "http:///path", "http:/example.com", "http:example.com",
    "file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "ws://example.com/", "javascript:alert(1)",
    "unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun/", "data:text/plain,x",
    # 127.0.0.1 in the spellings that some programs take for it
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/",
    "http://127.1/", "http://127.0.1/", "http://0/", "http://0x7f.1/", "http://127.0.0.0x1/", "http://127.0.0.01/",
    "http://256.256.256.256/", "http://127.0.0.1.2/", "http://example.0x1/", "http://00000127.0.0.1/", "http://0x/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://127。0。0。1/", "http://127\uff0e0\uff0e0\uff0e1/", "http://①②⑦.⓪.⓪.①/", "http://٣.٣.٣.٣/",
    "http://ⓛocalhost./\x00", "http://127.0.0.1../", "http://..example.com/", "http://.example.com/",
    # zones, and addresses that are none
    "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[::1%25lo]/", "http://[::1/", "http://::1/",
    "http://[127.0.0.1]/", "http://[v1.fe80::a]/", "http://[::1]x/", "http://[]/",
    # what comes before an @, and what programs disagree about
    "http://user:secret@example.com/", "http://example.com@127.0.0.1/", "http://example.com:80@127.0.0.1/",
    "http://@example.com/", "http://example.com\\@127.0.0.1/", "http:\\\\127.0.0.1\\", "http://127.0.0.1\\.example.com/",
    "http://example.com%2f@127.0.0.1/", "http://127%2e0%2e0%2e1/", "http://%31%32%37.0.0.1/", "http://exa mple.com/",
    "http://example.com\t/", "http://example.com\r\nX-Y: 1/", " http://example.com/", "http://example.com/a b",
    "http://example.com:0/", "http://example.com:99999/", "http://example.com:x/", "http://example.com:8 0/",
    "http://exa$mple.com/", "http://exam!ple.com/", "http://a" + "b" * 300 + ".com/", "http://-example.com/",
    "http://example.com/" + "a" * 40_000,
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_programs_read_differently_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        place_of(url)


def test_why_a_url_is_refused_does_not_quote_what_may_be_secret_in_it() -> None:
    for url in ("http://user:canary@example.com/", "http://example.com:canary/", "http://ex ample.com/?key=canary"):
        with pytest.raises(BadUrl) as raised:
            place_of(url)
        assert "canary" not in str(raised.value)


_URLISH = st.text(st.sampled_from("ahtp:/\\@[]?#%.0123456789xf_-~ \t\r\n\uff10\uff0e。ß"), max_size=40)


@given(st.one_of(_URLISH.map(lambda rest: f"http://{rest}"), st.text(max_size=60), _URLISH))
@example("http://a:080/")
@example("http://\uff11")
def test_every_text_is_refused_or_read_in_one_way(text: str) -> None:
    try:
        found = place_of(text)
    except BadUrl:
        return
    assert found.scheme in ("http", "https")
    assert 0 < found.port < 65_536
    assert found.host.isascii()
    assert found.host == found.host.lower()
    assert not set(found.host) & set("@/\\?#%[] \t\r\n")
    assert found.target.startswith((b"/", b"?"))
    assert not set(found.target) & set(b" \t\r\n\\")
    again = Place(scheme=found.scheme, host=found.host, port=found.port, target=b"/")
    assert place_of(f"{again.scheme}://{again.authority}/") == again
    if text.isascii():
        assert (urlsplit(text).hostname or "").removesuffix(".") in (found.host, str(found.address), _expanded(text))


def _expanded(text: str) -> str:
    """Return the host as it stands, for IPv6 addresses that are written otherwise."""
    return (urlsplit(text).hostname or "") if "[" in text else ""
