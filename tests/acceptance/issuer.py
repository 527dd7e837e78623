"""An identity provider of the tests' own: it publishes its keys over HTTP and signs whatever a test wants signed."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.acceptance.support import Server, base64url, compact, unique

AUDIENCE = "bank"


class Issuer:
    """Publishes an Ed25519 and an RSA key at its well-known place; trusted by *server* with bare subjects."""

    def __init__(self, server: Server) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.stranger = Ed25519PrivateKey.generate()  # never published
        self._http = _serve(json.dumps({"keys": self.published()}).encode())
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        body = {"issuer": self.url, "preferredAudience": AUDIENCE, "userIdExpression": "{sub}"}
        server.call("POST", "/v1/identities", body, bearer=server.owner_bearer).expect(201)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def published(self) -> list[dict[str, str]]:
        numbers = self.rsa.public_key().public_numbers()
        modulus = base64url(numbers.n.to_bytes(256, "big"))
        x = base64url(self.key.public_key().public_bytes_raw())
        return [
            {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "ed", "x": x},
            {"kty": "RSA", "alg": "RS256", "kid": "rsa", "n": modulus, "e": "AQAB"},
        ]

    def claims(self, user: str) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.url, "sub": user, "aud": AUDIENCE, "iat": now, "exp": now + 3600, "jti": unique("t")}

    def log_in(self, user: str) -> str:
        """A fresh token, as a login gives it."""
        return self.token(self.claims(user))

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token of these claims, signed with the key that was published."""
        return compact({"alg": "EdDSA", "kid": "ed", "typ": "at+jwt", **header}, claims, self.key.sign)

    def rsa_signer(self) -> Callable[[bytes], bytes]:
        return lambda data: self.rsa.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _serve(keys: bytes) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path.partition("?")[0] == "/.well-known/openid-configuration/jwks"
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(keys) if known else 0))
            self.end_headers()
            if known:
                self.wfile.write(keys)

        def log_message(self, *_: object) -> None:
            pass

    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    return found
