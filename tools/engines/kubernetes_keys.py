"""The certificates of a Kubernetes cluster: its own authority, and what that signs."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = datetime.timedelta(days=365)
CLOCKS_DIFFER = datetime.timedelta(hours=1)


class Authority:
    """Signs certificates; its own is `ca.crt`."""

    def __init__(self, directory: Path) -> None:
        """Make an authority. Its key is in memory only: nobody signs with it later.

        Args:
            directory: Where its certificate, and those that it signs, are put.
        """
        self.directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._public = self._key.public_key()
        self._name = _name("zenml-kit")
        certificate = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._public), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        directory.mkdir(parents=True)
        self.certificate = directory / "ca.crt"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def sign(
        self,
        file: str,
        user: str,
        group: str = "",
        addresses: Sequence[str] = (),
        names: Sequence[str] = (),
    ) -> None:
        """Make a key, `<file>.key`, and a certificate for it, `<file>.crt`.

        Args:
            file: What the files are called.
            user: Whom the certificate is for, as Kubernetes calls it.
            group: That user's group.
            addresses: IP addresses that it serves on.
            names: Host names that it serves on.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._public)
        builder = (
            _builder(_name(user, group), self._name, key)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(issuer, critical=False)
        )
        served: list[x509.GeneralName] = [
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
            *(x509.DNSName(name) for name in names),
        ]
        if served:
            builder = builder.add_extension(x509.SubjectAlternativeName(served), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        write_key(self.directory / f"{file}.key", key)
        path = self.directory / f"{file}.crt"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def write_key(path: Path, key: ec.EllipticCurvePrivateKey | None = None) -> None:
    """Write a key that only its owner can read, and its public half next to it, as `<name>.pub`.

    Args:
        path: Where to.
        key: Which one; default: a new one.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    path.touch(mode=0o600)
    path.write_bytes(text)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    path.with_suffix(".pub").write_bytes(public)


def write_kubeconfig(path: Path, keys: Path, file: str, server: str) -> None:
    """Write what leads a client to the API server, as one user. Only its owner can read it.

    Args:
        path: Where to.
        keys: The directory of an authority.
        file: What that user's key and certificate are called there.
        server: The API server's URL.
    """

    def embedded(name: str) -> str:
        return base64.b64encode((keys / name).read_bytes()).decode()

    cluster = {"server": server, "certificate-authority-data": embedded("ca.crt")}
    user = {
        "client-certificate-data": embedded(f"{file}.crt"),
        "client-key-data": embedded(f"{file}.key"),
    }
    context = {"cluster": "zenml-kit", "user": file, "namespace": "default"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "zenml-kit", "cluster": cluster}],
        "users": [{"name": file, "user": user}],
        "contexts": [{"name": "zenml-kit", "context": context}],
        "current-context": "zenml-kit",
    }
    path.touch(mode=0o600)
    # JSON is YAML.
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")


def _name(user: str, group: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    if group:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(parts)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + VALID)
    )
