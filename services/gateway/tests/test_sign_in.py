"""Signing in by pages: with a provider, before real services, and what others may try."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc.jwk import RSAKey

from trivet_gateway.sign_in.sealing import Seal
from trivet_testing.call_recorder import CallRecorder, recorded_calls
from trivet_testing.gateways import Gateway, gateway_before
from trivet_testing.servers import run_to_exit
from trivet_testing.sign_in_provider import ANN, CLIENT_ID, CLIENT_SECRET, SignInProvider, sign_in_provider
from trivet_testing.visitors import VISIT, Answered, Visitor, asked, came_back, consent, query_in
from trivet_testing.waiting import wait_until

INFO = "/trivet.common.v1.SystemService/ListWorkspaces"
KEYS = [b"k" * 32, b"l" * 32]


@dataclass
class Site:
    """A gateway where people sign in, and what it asked of the services."""

    gateway: Gateway
    provider: SignInProvider
    recorder: CallRecorder

    @property
    def host(self) -> str:
        return self.gateway.url.removeprefix("http://")

    def visitor(self) -> Visitor:
        return Visitor(self.host)

    def signed_in(self) -> Visitor:
        visitor = self.visitor()
        assert visitor.sign_in(self.provider).location == "/"
        return visitor

    def presented(self, visitor: Visitor, headers: dict[str, str] | None = None) -> str:
        """What the services are told of who calls, in a call of gRPC-web."""
        before = len(self.recorder.metadata)
        assert visitor.call(INFO, headers).status == 200
        ((_, metadata),) = self.recorder.metadata[before:]
        return str(metadata.get("authorization", ""))


def policy(provider: SignInProvider, **sign_in: Any) -> str:
    said = {
        "url": provider.issuer,
        "audiences": [CLIENT_ID],
        "subject_claim": "email",
        "sign_in": {"client_id": CLIENT_ID, "scopes": ["openid", "email"], **sign_in},
    }
    # JSON is YAML.
    return json.dumps({"issuers": {"people": said}, "workspaces": {"default": {}}})


@pytest.fixture(scope="module")
def provider() -> Iterator[SignInProvider]:
    with sign_in_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def recorder(services: str) -> Iterator[CallRecorder]:
    with recorded_calls(services.removeprefix("grpc://")) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def shared(
    provider: SignInProvider, recorder: CallRecorder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("policy")
    file = folder / "policy.yaml"
    file.write_text(policy(provider))
    keys = folder / "keys"
    keys.write_text(base64.b64encode(KEYS[0]).decode())
    with gateway_before(
        f"grpc://{recorder.address}", TRIVET_POLICY=str(file), TRIVET_SESSION_KEY_FILE=str(keys)
    ) as gateway:
        provider.allow(CLIENT_ID, f"{gateway.url}/auth/callback")
        yield Site(gateway, provider, recorder)


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    yield shared
    shared.provider.altered.clear()
    shared.provider.signing_key = None
    shared.provider.token_seconds = 3600


def problem_of(answer: Answered) -> str:
    assert answer.status == 303
    path, _, _ = answer.location.partition("?")
    assert path == "/sign-in"
    return query_in(answer.location)["problem"]


def test_who_signs_in_presents_the_id_token_to_the_services(site: Site) -> None:
    visitor = site.visitor()
    assert site.presented(visitor) == ""
    answer = visitor.sign_in(site.provider, return_path="/w/default/experiments?order=-start#end")
    assert answer.location == "/w/default/experiments?order=-start#end"
    scheme, _, token = site.presented(visitor).partition(" ")
    assert scheme == "Bearer"
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert (claims["iss"], claims["aud"], claims["email"]) == (site.provider.issuer, [CLIENT_ID], ANN)
    session = visitor.ask("GET", "/auth/session").json
    assert (session["signed_in"], session["issuer"], session["issuers"]) == (True, "people", ["people"])


def test_the_provider_is_asked_as_the_standards_have_it(site: Site) -> None:
    asked_for = query_in(site.visitor().begin())
    assert asked_for["redirect_uri"] == f"{site.gateway.url}/auth/callback"
    assert (asked_for["response_type"], asked_for["code_challenge_method"]) == ("code", "S256")
    assert (asked_for["client_id"], asked_for["scope"]) == (CLIENT_ID, "openid email")
    again = query_in(site.visitor().begin())
    for each in ("state", "nonce", "code_challenge"):
        assert len(asked_for[each]) >= 43
        assert asked_for[each] != again[each]


def test_cookies_are_for_no_script_and_for_no_other_site(site: Site) -> None:
    visitor = site.visitor()
    answers = [visitor.ask("GET", "/auth/sign-in", VISIT)]
    back = came_back(consent(site.provider, answers[0].location))
    answers.append(visitor.ask("GET", back, VISIT))
    (attempt,), (gone, *session) = (answer.all("set-cookie") for answer in answers)
    assert re.fullmatch(r"trivet-attempt-0=[-\w]+; Path=/; Max-Age=600; HttpOnly; SameSite=Lax", attempt)
    assert gone == "trivet-attempt-0=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    for number, cookie in enumerate(session):
        assert re.fullmatch(
            rf"trivet-session-{number}=[-\w]+; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict", cookie
        )
    for answer in answers:
        assert (answer.all("cache-control"), answer.all("referrer-policy")) == (["no-store"], ["no-referrer"])
        for token in ("eyJ", *site.provider.grants):
            assert token not in answer.location
            assert token.encode() not in answer.body


@pytest.fixture(scope="module")
def by_tls_elsewhere(
    provider: SignInProvider, recorder: CallRecorder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Behind a proxy that ends TLS, a confidential client, and access tokens."""
    folder = tmp_path_factory.mktemp("confidential")
    (folder / "secret").write_text(f"{CLIENT_SECRET}\n")
    (folder / "keys").write_text("\n".join(base64.b64encode(key).decode() for key in KEYS))
    said = policy(provider, client_id="confidential", client_secret_file=str(folder / "secret"), token="access_token")
    (folder / "policy.yaml").write_text(said)
    provider.allow("confidential", "https://trivet.example.org/auth/callback", secret=CLIENT_SECRET)
    with gateway_before(
        f"grpc://{recorder.address}",
        TRIVET_POLICY=str(folder / "policy.yaml"),
        TRIVET_SESSION_KEY_FILE=str(folder / "keys"),
        TRIVET_PUBLIC_URL="https://trivet.example.org/",
        TRIVET_ALLOWED_HOSTS="trivet.example.org",
    ) as gateway:
        yield Site(gateway, provider, recorder)


def test_over_tls_cookies_are_bound_to_the_host_and_the_access_token_goes_on(by_tls_elsewhere: Site) -> None:
    visitor = by_tls_elsewhere.visitor()
    answer = visitor.sign_in(by_tls_elsewhere.provider)
    assert answer.location == "/"
    for cookie in answer.all("set-cookie"):
        assert cookie.startswith("__Host-trivet-")
        assert {"Path=/", "HttpOnly", "Secure"} <= set(cookie.split("; "))
        assert "domain" not in cookie.lower()
    token = by_tls_elsewhere.presented(visitor).removeprefix("Bearer ")
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["aud"] == "trivet-api"


@pytest.mark.parametrize(
    "path",
    [
        *("https://evil.example.org/", "//evil.example.org", "/\\evil.example.org", "/\t/evil.example.org"),
        *("\\\\evil.example.org", "javascript:alert(1)", "/%0d%0aset-cookie:a=b\r\nx: y", "evil.example.org", ""),
        *("/ /evil.example.org", "/\u2215/evil.example.org", "///evil.example.org", "/auth/sign-in", "/" + "a" * 3000),
    ],
)
def test_nobody_is_sent_anywhere_else(site: Site, path: str) -> None:
    answer = site.visitor().sign_in(site.provider, return_path=path)
    assert answer.location == "/"
    assert [name for name, _ in answer.headers if name == "x"] == []


def test_only_pages_of_this_server_use_a_session(site: Site) -> None:
    visitor = site.signed_in()
    own = f"http://{site.host}"
    for headers, is_used in (
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin", "origin": own}, True),
        ({"sec-fetch-site": "", "origin": own}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "SAME-ORIGIN"}, False),
    ):
        assert bool(site.presented(visitor, headers)) == is_used, headers


def test_older_browsers_say_where_from_by_origin_alone(site: Site) -> None:
    visitor = site.signed_in()
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    for origin, status, is_signed_in in (
        (f"http://{site.host}", 204, True),
        ("http://evil.example.org", 403, False),
        ("null", 403, False),
    ):
        before = len(site.provider.grants)
        headers = {"cookie": cookie, "origin": origin}
        assert asked(site.host, "POST", "/auth/sign-out", headers).status == status
        assert (len(site.provider.grants) < before) == is_signed_in
    answer = asked(site.host, "GET", "/auth/session", {"cookie": cookie})
    assert answer.json["signed_in"] is False


def test_a_page_of_others_can_neither_read_nor_change_nor_sign_out(site: Site) -> None:
    visitor = site.signed_in()
    n_grants = len(site.provider.grants)
    for headers in (
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example.org"},
        {"sec-fetch-site": "same-site", "origin": f"http://{site.host.replace('127.0.0.1', 'localhost')}.evil.org"},
        {"sec-fetch-site": "cross-site", "origin": "null"},
    ):
        assert visitor.ask("POST", "/auth/sign-out", headers).status == 403
        body = json.dumps({"name": "from elsewhere"}).encode()
        kind = {"content-type": "text/plain"}
        assert visitor.ask("POST", "/api/2.0/mlflow/experiments/create", kind | headers, body).status == 403
    # Even where it says nothing of its origin, such as a link, nothing is presented and nothing ends.
    before = len(site.recorder.metadata)
    assert visitor.ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", VISIT).status == 200
    assert [metadata.get("authorization") for _, metadata in site.recorder.metadata[before:]] == [None]
    assert visitor.ask("POST", "/auth/sign-out", VISIT).status == 204
    assert len(site.provider.grants) == n_grants
    assert site.presented(visitor) != ""


def test_credentials_of_a_program_count_more_than_a_session(site: Site) -> None:
    visitor = site.signed_in()
    assert site.presented(visitor, {"authorization": "Bearer of-a-program"}) == "Bearer of-a-program"


def test_an_attempt_is_for_the_browser_that_began_it(site: Site) -> None:
    """Login CSRF: somebody is led to the end of another's attempt, and would work under another's name."""
    mallory, victim = site.visitor(), site.visitor()
    back = came_back(consent(site.provider, mallory.begin(), "mallory@example.org"))
    assert problem_of(victim.ask("GET", back, VISIT)) == "attempt"
    victim.begin()
    assert problem_of(victim.ask("GET", back, VISIT)) == "attempt"
    assert victim.ask("GET", "/auth/session").json["signed_in"] is False


@pytest.mark.parametrize("change", ["state", "no state", "no cookie", "cookie of a session", "cookie", "iss"])
def test_what_comes_back_otherwise_is_refused(site: Site, change: str) -> None:
    visitor = site.visitor()
    said = query_in(consent(site.provider, visitor.begin()))
    n_exchanges = site.provider.asked("POST /token")
    match change:
        case "state":
            said["state"] = said["state"][:-1] + ("a" if said["state"][-1] != "a" else "b")
        case "no state":
            del said["state"]
        case "no cookie":
            visitor.cookies.clear()
        case "cookie of a session":
            visitor.cookies["trivet-attempt-0"] = "".join(
                value for name, value in site.signed_in().cookies.items() if "session" in name
            )
            n_exchanges += 1
        case "cookie":
            visitor.cookies["trivet-attempt-0"] = flipped(visitor.cookies["trivet-attempt-0"])
        case "iss":
            said["iss"] = "https://evil.example.org"
    answer = visitor.ask("GET", f"/auth/callback?{urlencode(said)}", VISIT)
    assert problem_of(answer) == ("refused" if change == "iss" else "attempt")
    assert site.provider.asked("POST /token") == n_exchanges
    assert visitor.ask("GET", "/auth/session").json["signed_in"] is False


def flipped(text: str) -> str:
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]


def test_a_code_is_good_for_once(site: Site) -> None:
    visitor = site.visitor()
    where = visitor.begin()
    kept = dict(visitor.cookies)
    back = came_back(consent(site.provider, where))
    assert visitor.ask("GET", back, VISIT).location == "/"
    assert problem_of(visitor.ask("GET", back, VISIT)) == "attempt"
    thief = Visitor(site.host, kept)
    assert problem_of(thief.ask("GET", back, VISIT)) == "refused"
    assert thief.ask("GET", "/auth/session").json["signed_in"] is False


def test_a_code_of_another_attempt_is_refused(site: Site) -> None:
    mallory, visitor = site.visitor(), site.visitor()
    stolen = query_in(consent(site.provider, mallory.begin()))["code"]
    own = query_in(consent(site.provider, visitor.begin()))
    assert problem_of(visitor.ask("GET", f"/auth/callback?{urlencode(own | {'code': stolen})}", VISIT)) == "refused"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another attempt"},
        {"nonce": None},
        {"iss": "https://evil.example.org"},
        {"aud": ["another"]},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"exp": 1},
        {"iat": 32503680000},
        {"iat": None},
        {"sub": None},
    ],
)
def test_an_id_token_that_is_not_of_the_attempt_is_refused(site: Site, claims: dict[str, Any]) -> None:
    site.provider.altered |= claims
    visitor = site.visitor()
    assert problem_of(visitor.sign_in(site.provider)) == "refused"
    assert [name for name in visitor.cookies if "session" in name] == []


def test_an_id_token_that_is_signed_by_another_key_is_refused(site: Site) -> None:
    site.provider.signing_key = RSAKey.generate_key(2048, {"kid": "one"})
    assert problem_of(site.visitor().sign_in(site.provider)) == "refused"


def test_who_denies_is_told_so_and_comes_back_where_they_were(site: Site) -> None:
    visitor = site.visitor()
    back = consent(site.provider, visitor.begin("/w/default/models"), None)
    answer = visitor.ask("GET", came_back(back), VISIT)
    assert (problem_of(answer), query_in(answer.location)["return"]) == ("denied", "/w/default/models")


def test_a_changed_session_is_nobodys(site: Site) -> None:
    visitor = site.signed_in()
    whole = dict(visitor.cookies)
    for name, value in whole.items():
        for changed in (flipped(value), value[:-9], value + "A", "", "x", "%C3%A4", "\u00e4"):
            visitor.cookies = {**whole, name: changed}
            assert visitor.ask("GET", "/auth/session").json["signed_in"] is False, changed[:9]
    strangers = Seal([b"m" * 32]).close(b'{"kind":"Session","issuer":"people","token":"t","expires":9e9}')
    visitor.cookies = {"trivet-session-0": strangers}
    assert visitor.ask("GET", "/auth/session").json["signed_in"] is False
    assert visitor.cookies == {}


def test_signing_out_ends_it_here_and_at_the_provider(site: Site) -> None:
    visitor = site.signed_in()
    kept = dict(visitor.cookies)
    n_grants = len(site.provider.grants)
    assert visitor.ask("POST", "/auth/sign-out").status == 204
    assert visitor.cookies == {}
    assert len(site.provider.grants) == n_grants - 1
    assert site.presented(visitor) == ""
    # Who has kept the cookie has its token until that ends, and none after it.
    assert Visitor(site.host, kept).ask("GET", "/auth/session").json["signed_in"] is True
    # No link does it.
    assert site.signed_in().ask("GET", "/auth/sign-out", VISIT).status == 405


def test_a_token_is_renewed_before_it_ends_once_for_all_requests(site: Site) -> None:
    site.provider.token_seconds = 59
    visitor = site.signed_in()
    before = dict(visitor.cookies)
    site.provider.token_seconds = 3600
    n_refreshes = site.provider.asked("POST /token")
    first = site.presented(visitor)
    assert visitor.cookies != before
    # A request that was sent with the cookie before, and one with that of now.
    late = Visitor(site.host, before)
    assert site.presented(late) == first
    assert site.presented(visitor) == first
    assert site.provider.asked("POST /token") == n_refreshes + 1
    # What ends is the newest, whatever the page had.
    n_grants = len(site.provider.grants)
    assert Visitor(site.host, before).ask("POST", "/auth/sign-out").status == 204
    assert len(site.provider.grants) == n_grants - 1


def test_a_session_that_has_ended_at_the_provider_ends_with_its_token(site: Site) -> None:
    site.provider.token_seconds = 2
    visitor = site.signed_in()
    site.provider.grants.clear()
    assert site.presented(visitor) != ""
    wait_until(lambda: site.presented(visitor) == "")
    assert visitor.cookies == {}
    assert visitor.ask("GET", "/auth/session").json["signed_in"] is False


def test_replicas_open_what_another_sealed_and_old_keys_go_on() -> None:
    session = Seal([KEYS[1]]).close(b"sealed by the key that is about to go")
    assert Seal(KEYS).open(session, 60) == b"sealed by the key that is about to go"
    assert Seal([KEYS[0]]).open(session, 60) is None
    assert Seal(KEYS).open(session, -1) is None


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/auth/sign-in?issuer=nobody", VISIT, "issuer"),
        ("/auth/callback", VISIT, "attempt"),
        ("/auth/callback?error=access_denied", VISIT, "attempt"),
    ],
)
def test_what_leads_nowhere_says_so(site: Site, path: str, headers: dict[str, str], status: str) -> None:
    assert problem_of(site.visitor().ask("GET", path, headers)) == status


def test_a_picture_begins_no_attempt(site: Site) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    answer = site.visitor().ask("GET", "/auth/sign-in", headers)
    assert (answer.status, answer.all("set-cookie")) == (403, [])


def test_by_a_name_that_nobody_said_nobody_signs_in(site: Site) -> None:
    answer = site.visitor().ask("GET", "/auth/sign-in", {**VISIT, "host": "10.0.0.1:7331"})
    assert problem_of(answer) == "address"


def test_a_provider_that_is_away_is_told_of(recorder: CallRecorder, tmp_path: Path) -> None:
    away = SignInProvider("http://127.0.0.1:1")
    (tmp_path / "policy.yaml").write_text(policy(away))
    with gateway_before(f"grpc://{recorder.address}", TRIVET_POLICY=str(tmp_path / "policy.yaml")) as gateway:
        visitor = Visitor(gateway.url.removeprefix("http://"))
        assert problem_of(visitor.ask("GET", "/auth/sign-in", VISIT)) == "away"


def test_nobody_signs_in_where_there_are_no_issuers(gateway: str) -> None:
    visitor = Visitor(gateway.removeprefix("http://"))
    session = visitor.ask("GET", "/auth/session").json
    assert (session["issuers"], session["signed_in"]) == ([], False)
    assert problem_of(visitor.ask("GET", "/auth/sign-in", VISIT)) == "issuer"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"TRIVET_PUBLIC_URL": "http://trivet.example.org"}, "TRIVET_PUBLIC_URL is"),
        ({"TRIVET_PUBLIC_URL": "https://trivet.example.org/ui"}, "TRIVET_PUBLIC_URL is"),
        ({"TRIVET_PUBLIC_URL": "https://me@trivet.example.org"}, "TRIVET_PUBLIC_URL is"),
        ({"TRIVET_SESSION_KEY_FILE": "/dev/null"}, "32 bytes in base64"),
        ({"TRIVET_SESSION_KEY_FILE": "/nowhere/key"}, "cannot be read"),
        ({"TRIVET_LISTEN": "0.0.0.0:0", "TRIVET_TLS_TERMINATED": "true"}, "TRIVET_SESSION_KEY_FILE must be"),
    ],
)
def test_a_server_does_not_start_with_settings_that_open_it(
    site: Site, tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    (tmp_path / "policy.yaml").write_text(policy(site.provider))
    settings = {"TRIVET_LISTEN": "127.0.0.1:0", "TRIVET_POLICY": str(tmp_path / "policy.yaml"), **settings}
    ended = run_to_exit([sys.executable, "-m", "trivet_gateway", "serve"], settings)
    assert ended.returncode == 1
    assert said in ended.stderr
