"""Certificates for the tests: authorities, leaves, revocation lists, self-signed identities."""

import datetime
import ipaddress
import pathlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


@dataclass
class Identity:
    """Paths of a certificate and its private key, and the certificate itself."""

    certificate: pathlib.Path
    key: pathlib.Path
    x509: x509.Certificate


def _now():
    return datetime.datetime.utcnow()


def _write_key(path, key):
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()))
    path.chmod(0o600)


def _name(common_name, email=None):
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if email:
        attributes.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, email))
    return x509.Name(attributes)


def _builder(subject, issuer, public_key, days):
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number()).not_valid_before(_now() - DAY)
            .not_valid_after(_now() + days * DAY))


def self_signed(folder, name):
    """A self-signed client identity, as an instance has at the MDM server."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (_builder(_name(name), _name(name), key.public_key(), 365)
                   .add_extension(x509.BasicConstraints(True, None), critical=True)
                   .sign(key, hashes.SHA256()))
    result = Identity(folder / f"{name}.crt", folder / f"{name}.key", certificate)
    result.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(result.key, key)
    return result


class Authority:
    """A certificate authority whose files lie in `folder`."""

    def __init__(self, folder, name):
        self.folder, self.name = pathlib.Path(folder), name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(f"Test authority {name}")
        self.x509 = (_builder(self._subject, self._subject, self._key.public_key(), 3650)
                     .add_extension(x509.BasicConstraints(True, None), critical=True)
                     .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), True)
                     .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False)
                     .sign(self._key, hashes.SHA256()))
        self.file = self.folder / f"{name}-ca.pem"
        self.file.write_bytes(self.x509.public_bytes(serialization.Encoding.PEM))

    def issue(self, name, *, dns=(), ips=(), email=None, client=False, days=30, use_rsa=False):
        key = rsa.generate_private_key(65537, 2048) if use_rsa else ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        names = [x509.DNSName(entry) for entry in dns]
        names += [x509.IPAddress(ipaddress.ip_address(entry)) for entry in ips]
        names += [x509.RFC822Name(email)] if email else []
        builder = (_builder(_name(name), self._subject, key.public_key(), days)
                   .add_extension(x509.BasicConstraints(False, None), critical=True)
                   .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        result = Identity(self.folder / f"{name}.crt", self.folder / f"{name}.key", certificate)
        result.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_key(result.key, key)
        return result

    def server(self, name, use_rsa=False):
        return self.issue(name, dns=["localhost"], ips=["127.0.0.1", "::1"], use_rsa=use_rsa)

    def write_crl(self, path, revoked=()):
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self._subject)
                   .last_update(_now() - DAY).next_update(_now() + 30 * DAY)
                   .add_extension(x509.CRLNumber(1), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False))
        for identity in revoked:
            entry = (x509.RevokedCertificateBuilder().serial_number(identity.x509.serial_number)
                     .revocation_date(_now() - DAY / 2).build())
            builder = builder.add_revoked_certificate(entry)
        crl = builder.sign(self._key, hashes.SHA256())
        pathlib.Path(path).write_bytes(crl.public_bytes(serialization.Encoding.PEM))
        return pathlib.Path(path)
