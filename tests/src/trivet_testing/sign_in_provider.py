"""An OpenID provider on loopback that people sign in with: authorization code, PKCE, refresh, revocation.

The protocol is Authlib's, whose code the gateway and the client do not use: two readers of the same standards meet.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin, OpenIDCode
from authlib.oidc.core.grants.code import OpenIDToken
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

CLIENT_ID: Final = "trivet"
CLIENT_SECRET: Final = "the-secret-of-the-client"
ACCESS_AUDIENCE: Final = "trivet-api"
"""Whom access tokens are for."""
ANN: Final = "ann@example.org"
_FORM: Final = """<!doctype html><title>Provider</title><h1>Who are you?</h1><form method="post">
<label>Name <input name="user"></label> <button name="do" value="allow">Sign in</button>
<button name="do" value="deny">Deny</button></form>"""


@dataclass(frozen=True)
class _Client(ClientMixin):  # type: ignore[misc] # Authlib has no types
    id: str
    secret: str
    redirect_uris: tuple[str, ...]
    """What an address may be, character by character; `http://127.0.0.1/…` at any port (RFC 8252, section 7.3)."""

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        scheme, _, rest = redirect_uri.partition("://127.0.0.1:")
        anywhere = f"{scheme}://127.0.0.1/{rest.partition('/')[2]}"
        return redirect_uri in self.redirect_uris or anywhere in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == ("client_secret_basic" if self.secret else "none")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in {"authorization_code", "refresh_token"}


@dataclass
class _Code(AuthorizationCodeMixin):  # type: ignore[misc] # as above
    code: str
    client_id: str
    redirect_uri: str
    scope: str
    user: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> None:
        return None

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass(frozen=True)
class _Grant:
    """What a refresh token is good for."""

    refresh_token: str
    client_id: str
    scope: str
    user: str

    def get_scope(self) -> str:
        return self.scope

    def check_client(self, client: _Client) -> bool:
        return self.client_id == client.id


@dataclass
class SignInProvider:
    """A provider that runs. What it has is set and read by tests, from any thread."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    clients: dict[str, _Client] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    """Of users; whoever types a name is that user."""
    token_seconds: int = 3600
    """How long its tokens live."""
    altered: dict[str, Any] = field(default_factory=dict)
    """Claims that id tokens have in place of the right ones."""
    signing_key: RSAKey | None = None
    """Signs in place of `key`, which the published ones do not have."""
    codes: dict[str, _Code] = field(default_factory=dict)
    grants: dict[str, _Grant] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """`METHOD PATH` of what it was asked, without queries."""

    def allow(self, client_id: str, *redirect_uris: str, secret: str = "") -> None:
        """Registers a client; without a secret it is a public one."""
        self.clients[client_id] = _Client(client_id, secret, redirect_uris)

    def asked(self, request: str) -> int:
        """How often it was asked something."""
        return self.requests.count(request)


@contextmanager
def sign_in_provider() -> Iterator[SignInProvider]:
    """A provider until the end of the block, whose clients are still to be registered."""
    provider = SignInProvider()
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # it listens on loopback, without TLS
    server = make_server("127.0.0.1", 0, _app(provider), threaded=True, request_handler=_Silent)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Says nothing: codes and states are in what it is asked."""


def _app(provider: SignInProvider) -> flask.Flask:
    app = flask.Flask("provider")
    server = AuthorizationServer(app, provider.clients.get, lambda token, request: _save(provider, token, request))
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
    app.config["OAUTH2_ACCESS_TOKEN_GENERATOR"] = _access_tokens(provider)
    server.register_token_generator("default", _tokens(provider, server.create_bearer_token_generator(app.config)))
    server.register_grant(
        _authorization_code(provider), [_id_token(provider, OpenIDCode), CodeChallenge(required=True)]
    )
    server.register_grant(_refresh(provider), [_id_token(provider, OpenIDToken)])
    server.register_endpoint(_revocation(provider))

    @app.before_request
    def note() -> None:
        provider.requests.append(f"{flask.request.method} {flask.request.path}")

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, object]:
        return {
            "issuer": provider.issuer,
            "authorization_endpoint": f"{provider.issuer}/authorize",
            "token_endpoint": f"{provider.issuer}/token",
            "revocation_endpoint": f"{provider.issuer}/revoke",
            "jwks_uri": f"{provider.issuer}/keys",
            "code_challenge_methods_supported": ["S256"],
        }

    @app.get("/keys")
    def keys() -> dict[str, object]:
        return {"keys": [provider.key.as_dict(private=False)]}

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        try:
            grant = server.get_consent_grant(end_user=None)
        except OAuth2Error as error:
            return {"error": error.error, "description": error.description}, 400
        if flask.request.method == "GET":
            return _FORM
        user = flask.request.form["user"] if flask.request.form["do"] == "allow" else None
        return server.create_authorization_response(grant=grant, grant_user=user)

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    @app.post("/revoke")
    def revoke() -> Any:
        return server.create_endpoint_response(RevocationEndpoint.ENDPOINT_NAME)

    return app


def _save(provider: SignInProvider, token: Mapping[str, Any], request: Any) -> None:
    grant = _Grant(token["refresh_token"], request.client.id, token["scope"], request.user)
    provider.grants[grant.refresh_token] = grant


def _access_tokens(provider: SignInProvider) -> Callable[..., str]:
    def generate(client: _Client, grant_type: str, user: str, scope: str) -> str:
        now = int(time.time())
        claims = {
            "iss": provider.issuer,
            "aud": ACCESS_AUDIENCE,
            "sub": user,
            "email": user,
            "email_verified": True,
            "iat": now,
        }
        claims |= {"exp": now + provider.token_seconds, "jti": secrets.token_hex(8)}
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, provider.key)

    return generate


def _tokens(provider: SignInProvider, make: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def generate(**asked: Any) -> dict[str, Any]:
        return make(**asked) | {"expires_in": provider.token_seconds}

    return generate


def _authorization_code(provider: SignInProvider) -> type[grants.AuthorizationCodeGrant]:
    class Grant(grants.AuthorizationCodeGrant):  # type: ignore[misc] # as above
        TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_basic")

        def save_authorization_code(self, code: str, request: Any) -> None:
            asked = request.payload
            provider.codes[code] = _Code(
                code,
                request.client.id,
                asked.redirect_uri,
                asked.scope,
                request.user,
                asked.data.get("nonce"),
                asked.data["code_challenge"],
                asked.data["code_challenge_method"],
            )

        def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
            found = provider.codes.get(code)
            return found if found is not None and found.client_id == client.id else None

        def delete_authorization_code(self, authorization_code: _Code) -> None:
            del provider.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: _Code) -> str:
            return authorization_code.user

    return Grant


def _refresh(provider: SignInProvider) -> type[grants.RefreshTokenGrant]:
    class Grant(grants.RefreshTokenGrant):  # type: ignore[misc] # as above
        TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_basic")
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, refresh_token: str) -> _Grant | None:
            return provider.grants.get(refresh_token)

        def authenticate_user(self, refresh_token: _Grant) -> str:
            return refresh_token.user

        def revoke_old_credential(self, refresh_token: _Grant) -> None:
            del provider.grants[refresh_token.refresh_token]

    return Grant


def _id_token(provider: SignInProvider, kind: type[OpenIDToken]) -> OpenIDToken:
    class IdToken(kind):  # type: ignore[misc] # as above
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return any(code.nonce == nonce for code in provider.codes.values())

        def resolve_client_private_key(self, client: Any) -> Any:
            return (provider.signing_key or provider.key).as_dict(private=True)

        def get_client_algorithm(self, client: Any) -> str:
            return "RS256"

        def get_encode_header(self, client: Any) -> dict[str, str]:
            return {"alg": "RS256", "kid": "one"}

        def get_compatible_claims(self, request: Any) -> dict[str, Any]:
            now = int(time.time())
            claims = {"iss": provider.issuer, "aud": [request.client.id], "iat": now}
            return claims | {"exp": now + provider.token_seconds}

        def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:
            said = {"sub": user, "email": user, "email_verified": True, "groups": provider.groups.get(user, [])}
            return said | provider.altered

    return IdToken()


def _revocation(provider: SignInProvider) -> type[RevocationEndpoint]:
    class Revocation(RevocationEndpoint):  # type: ignore[misc] # as above
        CLIENT_AUTH_METHODS = ("none", "client_secret_basic")

        def query_token(self, token_string: str, token_type_hint: str | None) -> _Grant | None:
            return provider.grants.get(token_string)

        def revoke_token(self, token: _Grant, request: Any) -> None:
            del provider.grants[token.refresh_token]

    return Revocation
