"""TLS, mutual TLS, and certificates renewed while serving."""

import grpc
import pytest
import trustme

from ecgsvc.client import ClientTls, EcgClient, EcgServiceError
from ecgsvc.rpc.tls import TlsFiles, UnusableTlsFiles

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def write(tmp_path):
    """Write certificates of an authority as PEM files; return their paths."""

    def write(ca: trustme.CA, name: str, *hosts: str):
        issued = ca.issue_cert(*hosts)
        paths = [tmp_path / f"{name}-{part}.pem" for part in ("ca", "cert", "key")]
        ca.cert_pem.write_to_path(paths[0])
        paths[1].write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(paths[2])
        return paths

    return write


def client(served, **tls):
    return EcgClient(
        f"localhost:{served.server.port}",
        tls=ClientTls(**tls),
        max_attempts=1,
        deadline_s=5,
    )


def test_a_client_that_trusts_the_authority_is_served(serve, write, authority):
    ca, cert, key = write(authority, "server", "localhost")
    served = serve(tls=TlsFiles(cert, key))
    with client(served, ca=ca) as trusting:
        assert trusting.analyze(b"{}").name


def test_the_name_in_the_certificate_counts(serve, write, authority):
    ca, cert, key = write(authority, "server", "ecg.example")
    served = serve(tls=TlsFiles(cert, key))
    with client(served, ca=ca) as other, pytest.raises(EcgServiceError) as caught:
        other.analyze(b"{}")
    assert caught.value.code is UNAVAILABLE
    with client(served, ca=ca, server_name="ecg.example") as knowing:
        assert knowing.analyze(b"{}").name


def test_clear_text_and_strange_authorities_are_turned_away(serve, write, authority):
    _ca, cert, key = write(authority, "server", "localhost")
    strange, _, _ = write(trustme.CA(), "strange", "localhost")
    served = serve(tls=TlsFiles(cert, key))
    with client(served, ca=strange) as doubting, pytest.raises(EcgServiceError) as caught:
        doubting.analyze(b"{}")
    assert caught.value.code is UNAVAILABLE
    clear = EcgClient(f"localhost:{served.server.port}", max_attempts=1, deadline_s=5)
    with clear, pytest.raises(EcgServiceError) as caught:
        clear.analyze(b"{}")
    assert caught.value.code is UNAVAILABLE


def test_mutual_tls_asks_for_a_certificate_of_the_client_authority(serve, write, authority):
    ca, cert, key = write(authority, "server", "localhost")
    client_authority = trustme.CA()
    client_ca, client_cert, client_key = write(client_authority, "client", "ehr.example")
    _, strange_cert, strange_key = write(trustme.CA(), "strange", "ehr.example")
    served = serve(tls=TlsFiles(cert, key, client_ca))
    with client(served, ca=ca, certificate=client_cert, key=client_key) as known:
        assert known.analyze(b"{}").name
    for identity in ({}, {"certificate": strange_cert, "key": strange_key}):
        with client(served, ca=ca, **identity) as unknown:
            with pytest.raises(EcgServiceError) as caught:
                unknown.analyze(b"{}")
            assert caught.value.code is UNAVAILABLE


def test_a_renewed_certificate_is_taken_without_a_restart(serve, write, authority):
    ca, cert, key = write(authority, "server", "localhost")
    served = serve(tls=TlsFiles(cert, key))
    with client(served, ca=ca) as before:
        before.analyze(b"{}")
        new_ca, new_cert, new_key = write(trustme.CA(), "renewed", "localhost")
        new_key.replace(key)
        new_cert.replace(cert)
        with client(served, ca=new_ca) as after:
            after.analyze(b"{}")
        before.analyze(b"{}")  # its connection lives on


def test_files_that_vanish_leave_the_old_certificate(serve, write, authority, caplog):
    ca, cert, key = write(authority, "server", "localhost")
    served = serve(tls=TlsFiles(cert, key))
    cert.unlink()
    with client(served, ca=ca) as late:
        assert late.analyze(b"{}").name
    assert "the old certificate stays" in caplog.text


def test_a_missing_file_stops_the_start(serve, tmp_path):
    with pytest.raises(FileNotFoundError):
        serve(tls=TlsFiles(tmp_path / "none", tmp_path / "none"))


def test_a_key_renewed_before_its_certificate_leaves_both_old_ones(serve, write, authority):
    ca, cert, key = write(authority, "server", "localhost")
    served = serve(tls=TlsFiles(cert, key))
    _, _, new_key = write(authority, "renewed", "localhost")
    new_key.replace(key)
    with client(served, ca=ca) as meanwhile:
        assert meanwhile.analyze(b"{}").name


def test_files_that_cannot_be_used_stop_the_start(serve, write, authority, tmp_path):
    ca, cert, key = write(authority, "server", "localhost")
    _, _, other_key = write(authority, "other", "localhost")
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for files in (
        TlsFiles(broken, broken),
        TlsFiles(cert, other_key),
        TlsFiles(cert, key, broken),
    ):
        with pytest.raises(UnusableTlsFiles, match="cannot be used"):
            serve(tls=files)
    assert serve(tls=TlsFiles(cert, key, ca)).server.port
