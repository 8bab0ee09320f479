"""Tokens that nobody may believe, each forged in another way, and what is next to them that is good."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trivet_testing.openid import OpenIdProvider, PrivateKey, algorithm_of, base64url, jwk_of, rsa_key, signed

HOUR: Final = 3600


@dataclass(frozen=True)
class Scene:
    """Who is believed by the server that tokens are forged for."""

    provider: OpenIdProvider
    """Has keys of RSA, P-256 and Ed25519, as `rsa`, `ec` and `ed`, that may sign by RS256, ES256 and EdDSA."""
    other: OpenIdProvider
    """Believed too, with a key of its own that is also called `rsa`."""
    own_key: Ed25519PrivateKey
    """Signs Trivet's own tokens, as `own`."""

    def good(self) -> dict[str, Any]:
        """Claims that are good."""
        return self.provider.claims("ann")

    def own(self) -> dict[str, Any]:
        """Claims of a good token of Trivet's own."""
        now = int(time.time())
        said = {"iss": "trivet", "aud": "trivet", "sub": "ci", "jti": "an-id", "iat": now, "exp": now + HOUR}
        return said | {"workspace": "team-a", "role": "writer"}

    def by(self, key_id: str, claims: Mapping[str, object] | bytes, **header: object) -> str:
        """Signed by the provider's key, with more in the header."""
        key = self.provider.keys[key_id]
        return signed({"alg": algorithm_of(key), "typ": "JWT", "kid": key_id, **header}, claims, key)

    def by_own(self, claims: Mapping[str, object], **header: object) -> str:
        """Signed as Trivet's own tokens are."""
        return signed({"alg": "EdDSA", "typ": "JWT", "kid": "own", **header}, claims, self.own_key)


def genuine(scene: Scene) -> dict[str, tuple[str, ...]]:
    """The `authorization` values of calls that are let in: what the forged ones are next to."""
    token = scene.by("rsa", scene.good())
    now = time.time()
    return {
        "RS256": (f"Bearer {token}",),
        "ES256": (f"Bearer {scene.by('ec', scene.good())}",),
        "EdDSA": (f"Bearer {scene.by('ed', scene.good())}",),
        "own": (f"Bearer {scene.by_own(scene.own())}",),
        "of the other issuer": (f"Bearer {scene.other.token('bob')}",),
        "scheme in lower case": (f"bearer {token}",),
        "scheme in capitals": (f"BEARER {token}",),
        "aud as a list": (f"Bearer {scene.by('rsa', scene.good() | {'aud': ['else', 'trivet']})}",),
        "expired within the skew": (f"Bearer {scene.by('rsa', scene.good() | {'exp': int(now) - 30})}",),
        "begins within the skew": (f"Bearer {scene.by('rsa', scene.good() | {'nbf': int(now) + 30})}",),
        "a time with a fraction": (f"Bearer {scene.by('rsa', scene.good() | {'exp': now + 60.5})}",),
        "a time of use that has begun": (f"Bearer {scene.by('rsa', scene.good() | {'nbf': int(now) - 5})}",),
        "an access token": (f"Bearer {scene.by('rsa', scene.good(), typ='at+JWT')}",),
        "no typ": (f"Bearer {_without_typ(scene)}",),
        "a name in another script": (f"Bearer {scene.by('rsa', scene.good() | {'sub': 'Ünïcode 名'})}",),
        "many groups": (f"Bearer {scene.by('rsa', scene.good() | {'groups': [f'g{n:05}' for n in range(1000)]})}",),
        "no groups": (f"Bearer {scene.by('rsa', scene.good() | {'groups': []})}",),
    }


def forged(scene: Scene) -> dict[str, tuple[str, ...]]:
    """The `authorization` values of calls that must be refused, by what is wrong with them."""
    found: dict[str, tuple[str, ...]] = {}
    for kinds in (_algorithms, _keys, _headers, _times, _audiences, _issuers, _names, _forms, _bits, _own_tokens):
        for name, token in kinds(scene):
            assert name not in found
            found[name] = (f"Bearer {token}",)
    return found | _schemes(scene)


def _algorithms(scene: Scene) -> Iterator[tuple[str, str]]:
    good, rsa = scene.good(), scene.provider.keys["rsa"]
    text = json.dumps(good).encode()
    for spelling in ("none", "None", "NONE", "nOnE", "", " none", "none "):
        head = base64url(json.dumps({"alg": spelling, "typ": "JWT", "kid": "rsa"}).encode())
        yield f"alg {spelling!r} without a signature", f"{head}.{base64url(text)}."
        yield f"alg {spelling!r} with a signature", f"{head}.{base64url(text)}.{base64url(b'x' * 256)}"
    for value in (None, 256, ["RS256"], {"RS256": 1}, True):
        yield f"alg {value!r}", signed({"alg": value, "kid": "rsa"}, good, rsa)
    for name in ("RS384", "RS512", "PS384", "PS512", "PS256", "rs256", "RS256 ", "ES256", "ES256K", "EdDSA", "HS512"):
        yield f"signed by RSA as {name}", signed({"alg": name, "kid": "rsa"}, good, rsa)
    yield "no alg", signed({"kid": "rsa"}, good, rsa)
    for what, secret in _public_texts(rsa).items():
        for key_id in ("rsa", "ec"):
            header = {"alg": "HS256", "typ": "JWT", "kid": key_id}
            yield f"HS256 with the public key in {what} as secret, kid {key_id}", _hs256(header, good, secret)
    yield "HS256 with an empty secret", _hs256({"alg": "HS256", "kid": "rsa"}, good, b"")
    yield "HS256 with the client id as secret", _hs256({"alg": "HS256", "kid": "rsa"}, good, b"trivet")


def _public_texts(key: PrivateKey) -> dict[str, bytes]:
    public = key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "PEM": pem,
        "PEM without the last line break": pem.rstrip(b"\n"),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "JSON": json.dumps(jwk_of("rsa", key)).encode(),
        "n": str(jwk_of("rsa", key)["n"]).encode(),
    }


def _keys(scene: Scene) -> Iterator[tuple[str, str]]:
    good = scene.good()
    stranger = rsa_key("stranger")
    head = {"alg": "RS256", "typ": "JWT", "kid": "rsa"}
    yield "a stranger's key", signed(head, good, stranger)
    yield "the key of the other issuer", signed(head, good, scene.other.keys["rsa"])
    yield "the key of Trivet's own tokens", signed({"alg": "EdDSA", "kid": "own"}, good, scene.own_key)
    yield "another key of the issuer", signed({"alg": "RS256", "kid": "ec"}, good, scene.provider.keys["rsa"])
    yield "a stranger's key of Ed25519", signed({"alg": "EdDSA", "kid": "ed"}, good, Ed25519PrivateKey.generate())
    yield "a stranger's key of 1,024 bits", signed(head, good, rsa_key("weak", 1024))
    curve = generate_private_key(SECP384R1())
    yield "a key on another curve", signed({"alg": "ES256", "kid": "ec"}, good, curve)
    jwk = jwk_of("rsa", stranger)
    yield "a stranger's key in jwk", signed(head | {"jwk": jwk}, good, stranger)
    yield "a stranger's key in jku", signed(head | {"jku": "http://127.0.0.1:9/jwks"}, good, stranger)
    yield "a stranger's key in x5u", signed(head | {"x5u": "http://127.0.0.1:9/chain"}, good, stranger)
    yield "a stranger's key in x5c", signed(head | {"x5c": ["MIIB"]}, good, stranger)
    yield "jku of the issuer's host", signed(head | {"jku": f"{scene.provider.issuer}@evil/jwks"}, good, stranger)
    yield "all zeros as signature of ES256", _with_signature(scene.by("ec", good), b"\0" * 64)
    yield "all zeros as signature of EdDSA", _with_signature(scene.by("ed", good), b"\0" * 64)
    yield "ES256 in DER", _with_signature(scene.by("ec", good), bytes.fromhex("3006020101020101"))
    yield "an empty signature", scene.by("rsa", good).rpartition(".")[0] + "."
    yield "the signature of another token", _with_part(scene.by("rsa", good), 2, scene.by("rsa", good | {"sub": "b"}))


def _headers(scene: Scene) -> Iterator[tuple[str, str]]:
    good = scene.good()
    for key_id in (
        *("../../../dev/null", "/dev/null", "rsa' OR '1'='1", "rsa;--", "http://127.0.0.1:9/jwks", "| whoami"),
        *("", " rsa", "RSA", "rsa\0", "r\u0455a", "%72sa", "x" * 5000, "own"),
    ):
        stranger = rsa_key("stranger")
        shown = key_id if len(key_id) < 100 else "of 5,000 characters"
        yield f"kid {shown!r}", signed({"alg": "RS256", "typ": "JWT", "kid": key_id}, good, stranger)
    for value in (None, 1, ["rsa"], {"rsa": 1}, True):
        yield f"kid {value!r}", scene.by("rsa", good, kid=value)
    key = scene.provider.keys["rsa"]
    yield "no kid", signed({"alg": "RS256", "typ": "JWT"}, good, key)
    yield "crit", scene.by("rsa", good, crit=["exp"])
    yield "crit of what is not known", scene.by("rsa", good, crit=["urn:x"], **{"urn:x": 1})
    yield "crit without anything", scene.by("rsa", good, crit=[])
    yield "b64 false", scene.by("rsa", good, b64=False, crit=["b64"])
    yield "b64 false without crit", scene.by("rsa", good, b64=False)
    yield "zip", scene.by("rsa", good, zip="DEF")
    yield "enc", scene.by("rsa", good, enc="A256GCM")
    yield "nested", scene.by("rsa", scene.by("rsa", good).encode(), cty="JWT")
    yield "cty", scene.by("rsa", good, cty="JWT")
    for kind in ("logout+jwt", "JWE", "JOSE", "dpop+jwt", "secevent+jwt", 1, None):
        yield f"typ {kind!r}", scene.by("rsa", good, typ=kind)
    for what, header in {
        "a list": b'[{"alg":"RS256","kid":"rsa"}]',
        "a text": b'"RS256"',
        "null": b"null",
        "no JSON": b"{alg:RS256,kid:rsa}",
        "two algs": b'{"alg":"none","alg":"RS256","kid":"rsa"}',
        "two kids": b'{"alg":"RS256","kid":"ec","kid":"rsa"}',
        "a NUL after it": b'{"alg":"RS256","kid":"rsa"}\0',
        "a mark of byte order": b'\xef\xbb\xbf{"alg":"RS256","kid":"rsa"}',
        "UTF-16": '{"alg":"RS256","kid":"rsa"}'.encode("utf-16"),
        "more after it": b'{"alg":"RS256","kid":"rsa"}{}',
    }.items():
        yield f"header is or has {what}", signed(header, good, key)


def _times(scene: Scene) -> Iterator[tuple[str, str]]:
    good, now = scene.good(), int(time.time())
    for name, value in {
        "expired": now - 3600,
        "expired just before the skew": now - 61,
        "of 1970": 0,
        "negative": -1,
        "a text": str(now + HOUR),
        "a date": "2999-01-01T00:00:00Z",
        "true": True,
        "null": None,
        "a list": [now + HOUR],
        "an object": {"exp": now + HOUR},
        "in milliseconds": (now + HOUR) * 1000,
        "huge": 10**30,
        "huge with an exponent": 1e300,
    }.items():
        yield f"exp {name}", scene.by("rsa", good | {"exp": value})
    text = json.dumps(good | {"exp": "EXP"})
    for name in ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "0x7fffffff", "-0"):
        shown = name if len(name) < 100 else "of 5,000 digits"
        yield f"exp {shown}", scene.by("rsa", text.replace('"EXP"', name).encode())
    yield "no exp", scene.by("rsa", _less(good, "exp"))
    yield "nbf ahead", scene.by("rsa", good | {"nbf": now + HOUR})
    yield "nbf a text", scene.by("rsa", good | {"nbf": str(now)})
    yield "nbf null", scene.by("rsa", good | {"nbf": None})
    yield "iat ahead", scene.by("rsa", good | {"iat": now + HOUR, "exp": now + 2 * HOUR})
    yield "iat a text", scene.by("rsa", good | {"iat": str(now)})


def _audiences(scene: Scene) -> Iterator[tuple[str, str]]:
    good = scene.good()
    yield "no aud", scene.by("rsa", _less(good, "aud"))
    for value in (
        *("else", "Trivet", "trivet ", "trivet,else", "", "trive", "trivet/x"),
        *(["else"], [], ["trivet", 1], [["trivet"]], {"trivet": True}, None, True, 1),
    ):
        yield f"aud {value!r}", scene.by("rsa", good | {"aud": value})


def _issuers(scene: Scene) -> Iterator[tuple[str, str]]:
    good, issuer = scene.good(), scene.provider.issuer
    yield "no iss", scene.by("rsa", _less(good, "iss"))
    for name, value in {
        "with a slash": f"{issuer}/",
        "in capitals": issuer.upper(),
        "with white space": f"{issuer} ",
        "by another host": issuer.replace("127.0.0.1", "localhost"),
        "with a user": issuer.replace("http://", "http://127.0.0.1@"),
        "that goes on": f"{issuer}.evil.example.org",
        "in a list": [issuer],
        "with a NUL": f"{issuer}\0",
        "by another scheme": issuer.replace("http:", "https:"),
        "of the other issuer": scene.other.issuer,
        "of Trivet itself": "trivet",
        "of nobody": "https://evil.example.org",
        "empty": "",
        "null": None,
        "a number": 1,
    }.items():
        yield f"iss {name}", scene.by("rsa", good | {"iss": value})


def _names(scene: Scene) -> Iterator[tuple[str, str]]:
    good = scene.good()
    yield "no sub", scene.by("rsa", _less(good, "sub"))
    for name, value in {
        "empty": "",
        "white space": " ",
        "a space before it": " ann",
        "a space after it": "ann ",
        "a number": 1,
        "null": None,
        "true": True,
        "a list": ["ann"],
        "an object": {"name": "ann"},
        "a line break": "ann\nroot",
        "a NUL": "ann\0",
        "an escape": "ann\x1b[2J",
        "a turned line": "ann\u202egro",
        "half a character": "ann\ud800",
        "a joiner": "an\u200dn",
        "1,000 characters": "a" * 1000,
    }.items():
        yield f"sub {name}", scene.by("rsa", good | {"sub": value})
    for groups in ("admins", 1, {"admins": True}, None, ["admins", 1], [""], ["a\nb"], [["admins"]], [None]):
        yield f"groups {groups!r}", scene.by("rsa", good | {"groups": groups})
    for value in ("", 1, None, "a\nb"):
        yield f"jti {value!r}", scene.by("rsa", good | {"jti": value})
    text = json.dumps(good).encode()
    for name in ("iss", "sub", "aud", "exp"):
        doubled = text[:-1] + b', "' + name.encode() + b'": ' + json.dumps(good[name]).encode() + b"}"
        yield f"{name} twice", scene.by("rsa", doubled)
    yield "sub twice, once by an escape", scene.by("rsa", text[:-1] + b', "\\u0073ub": "root"}')


def _forms(scene: Scene) -> Iterator[tuple[str, str]]:
    good = scene.good()
    token = scene.by("rsa", good)
    head, said, signature = token.split(".")
    for count in (1, 5, 100, len(signature), len(signature) + len(said)):
        yield f"without the last {count} characters", token[:-count]
    yield "header alone", head
    yield "two parts", f"{head}.{said}"
    yield "four parts", f"{token}.{signature}"
    yield "five parts, as one that is encrypted", f"{head}.{signature}.{said}.{signature}.{signature}"
    yield "a dot before it", f".{token}"
    yield "a dot after it", f"{token}."
    yield "two dots between", f"{head}..{said}.{signature}"
    yield "dots alone", ".."
    yield "padded", f"{_padded(head)}.{_padded(said)}.{_padded(signature)}"
    yield "a padded signature", f"{head}.{said}.{signature}=="
    yield "a signature of base64 with + and /", f"{head}.{said}.{signature.replace('-', '+').replace('_', '/')}+/"
    yield "a character that is skipped", f"{head}.{said}.!{signature}"
    yield "a quote around it", f'"{token}"'
    yield "white space within", f"{head}. {said}.{signature}"
    yield "a comma and another token", f"{token},{token}"
    yield "a comma and a space and another token", f"{token}, Bearer {token}"
    yield "twice", f"{token} {token}"
    yield "too long", scene.by("rsa", good | {"more": "x" * 13_000})
    yield "nested deeply", scene.by("rsa", b"[" * 9000)
    for name, claims in {
        "a list": json.dumps([good]).encode(),
        "a text": b'"ann"',
        "null": b"null",
        "a number": b"1",
        "empty": b" ",
        "no UTF-8": json.dumps(good).encode().replace(b"ann", b"\xff\xfe"),
        "a NaN": json.dumps(good).encode()[:-1] + b', "x": NaN}',
        "single quotes": str(good).encode(),
        "a comma at its end": json.dumps(good).encode()[:-1] + b",}",
    }.items():
        yield f"claims are or have {name}", scene.by("rsa", claims)


def _bits(scene: Scene) -> Iterator[tuple[str, str]]:
    """One bit of one part is another; the last character of a signature has some that stand for nothing."""
    for key_id in scene.provider.keys:
        token = scene.by(key_id, scene.good())
        for index, part in enumerate(token.split(".")):
            for place in (0, len(part) // 2, len(part) - 1):
                changed = part[:place] + _neighbour(part[place]) + part[place + 1 :]
                yield f"{key_id}: part {index}, character {place}", _with_part(token, index, changed, is_part=True)


def _own_tokens(scene: Scene) -> Iterator[tuple[str, str]]:
    own = scene.own()
    now = int(time.time())
    for name, changed in {
        "expired": own | {"exp": now - HOUR},
        "made in the future": own | {"iat": now + HOUR},
        "for somebody else": own | {"aud": "else"},
        "of a role that there is not": own | {"role": "root"},
        "of the services' own role": own | {"role": "maintenance"},
        "of a list of roles": own | {"role": ["writer"]},
        "of a workspace that cannot be": own | {"workspace": "../team-a"},
        "of all workspaces": own | {"workspace": "*"},
        "of a name with a line break": own | {"sub": "ci\n"},
    }.items():
        yield f"own token {name}", scene.by_own(changed)
    for name in ("exp", "iat", "aud", "sub", "jti", "role", "workspace"):
        yield f"own token without {name}", scene.by_own(_less(own, name))
    yield "own token by a stranger's key", signed({"alg": "EdDSA", "kid": "own"}, own, Ed25519PrivateKey.generate())
    yield "own token by the issuer's key", scene.by("ed", own)
    yield "own token by a key that is not known", scene.by_own(own, kid="else")
    yield (
        "own token by HS256",
        _hs256({"alg": "HS256", "kid": "own"}, own, scene.own_key.public_key().public_bytes_raw()),
    )
    head = base64url(b'{"alg":"none","kid":"own"}')
    yield "own token by none", f"{head}.{base64url(json.dumps(own).encode())}."


def _schemes(scene: Scene) -> dict[str, tuple[str, ...]]:
    token = scene.by("rsa", scene.good())
    return {
        "no authorization": (),
        "an empty one": ("",),
        "the scheme alone": ("Bearer",),
        "the scheme and a space": ("Bearer ",),
        "the token alone": (token,),
        "Basic": (f"Basic {token}",),
        "Basic of anybody": ("Basic YW5uOnNlY3JldA==",),
        "Token": (f"Token {token}",),
        "DPoP": (f"DPoP {token}",),
        "a colon": (f"Bearer: {token}",),
        "two spaces": (f"Bearer  {token}",),
        "no space": (f"Bearer{token}",),
        "an equals sign": (f"Bearer ={token}",),
        "two good ones": (f"Bearer {token}", f"Bearer {token}"),
        "a good one and a bad one": (f"Bearer {token}", "Bearer x"),
        "a bad one and a good one": ("Bearer x", f"Bearer {token}"),
        "one of each scheme": ("Basic YW5uOnNlY3JldA==", f"Bearer {token}"),
    }


def _without_typ(scene: Scene) -> str:
    return signed({"alg": "RS256", "kid": "rsa"}, scene.good(), scene.provider.keys["rsa"])


def _hs256(header: Mapping[str, object], claims: Mapping[str, object], secret: bytes) -> str:
    # By hand: libraries refuse such secrets.
    text = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
    return f"{text}.{base64url(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def _with_signature(token: str, signature: bytes) -> str:
    return f"{token.rpartition('.')[0]}.{base64url(signature)}"


def _with_part(token: str, index: int, other: str, *, is_part: bool = False) -> str:
    """A token with one part of another one, or with that part."""
    parts = token.split(".")
    parts[index] = other if is_part else other.split(".")[index]
    return ".".join(parts)


def _less(claims: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


def _padded(part: str) -> str:
    return part + "=" * (-len(part) % 4 or 4)


def _neighbour(character: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(character) ^ 1]
