"""The file of tenants: what it says, and how its mistakes are explained."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ecgsvc.cli import app
from ecgsvc.domain.delivery import WriteMode
from ecgsvc.domain.findings import Coding
from ecgsvc.tenancy import BadTenants, FhirDestination, MllpDestination, read_tenants

WHOLE = """
[[tenant]]
name = "north"
organization = "Hospital North"
organization_identifier = "urn:oid:1.2.276.0.76.4.8|north"
time_zone = "Europe/Berlin"
quirks = { unitless_origin = "uV" }

[tenant.identifiers]
"urn:oid:1.2.276.0.76.4.8" = "NORTH&1.2.276.0.76.4.8&ISO"

[[tenant.code]]
instead_of = "http://snomed.info/sct|164889003"
prefer = "http://snomed.info/sct|49436004"
display = "Atrial fibrillation"

[[tenant.destination]]
name = "ehr"
kind = "fhir"
url = "https://ehr.example.org/fhir"
write = "update"
statuses = ["final", "amended"]

[[tenant.destination]]
name = "engine"
kind = "mllp"
address = "127.0.0.1:2575"
tries = { first_wait_s = 1, give_up_after_h = 24 }

[[tenant.listener]]
name = "carts"
address = "127.0.0.1:2576"
senders = ["CART|NORTH"]

[[tenant]]
name = "south"
"""


def mistakes(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "tenants.toml"
    file.write_text(text)
    with pytest.raises(BadTenants) as caught:
        read_tenants(file)
    return caught.value.mistakes


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "tenants.toml"
    file.write_text(WHOLE)
    tenants = read_tenants(file)
    north, south = tenants.tenant
    ehr, engine = north.destination
    assert isinstance(ehr, FhirDestination)
    assert isinstance(engine, MllpDestination)
    assert ehr.write is WriteMode.UPDATE
    sct = "http://snomed.info/sct"
    preferred = Coding(sct, "49436004", "Atrial fibrillation")
    assert north.preferences == {(sct, "164889003"): preferred}
    assert tenants.route("north", "preliminary") == ("engine",)
    assert tenants.route("north", "final") == ("ehr", "engine")
    assert tenants.route("south", "final") == ()
    assert tenants.route("west", "final") == ()
    assert south.destination == ()
    assert (north.organization, north.time_zone) == ("Hospital North", "Europe/Berlin")
    assert (north.quirks.unitless_origin, south.quirks.unitless_origin) == ("uV", None)
    (listener,) = north.listener
    assert listener.takes("CART", "NORTH")
    assert not listener.takes("CART", "SOUTH")


def test_no_file_is_no_wish() -> None:
    assert read_tenants(None).route("default", "final") == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("name = \"north\"", "name = \"North\""), "tenant[0].name: expected 1 to 64 of"),
        (("name = \"south\"", "name = \"north\""), "tenant: north is there more than once"),
        (("\"engine\"", "\"ehr\""), "tenant[0]: destination: ehr is there more than once"),
        (("https:", "http:"), "tenant[0].destination[0]: url: expected https"),
        (("https://ehr", "ehr"), "tenant[0].destination[0]: url: expected an URL"),
        (("127.0.0.1:2575", "engine.example.org:2575"), "address: expected tls = true"),
        (("127.0.0.1:2575", "127.0.0.1"), "destination[1].address: expected HOST:PORT"),
        (("kind = \"mllp\"", "kind = \"hl7\""), "tenant[0].destination[1]"),
        (("kind = \"mllp\"", ""), "tenant[0].destination[1]"),
        (("write = \"update\"", "mode = \"update\""), "[0].mode: there is no such key"),
        (("write = \"update\"", "write = \"put\""), "[0].write: Input should be"),
        (("url =", "#"), "destination[0].url: expected this key, which is missing"),
        (("\"final\"", "\"signed\""), "tenant[0].destination[0].statuses[0]: Input"),
        (("NORTH&", "NORTH^"), "identifiers: urn:oid:1.2.276.0.76.4.8: expected"),
        (("Europe/Berlin", "Berlin"), "time_zone: expected the name of a time zone"),
        (("4.8|north", "4.8"), "organization_identifier: expected SYSTEM|CODE"),
        (("unitless_origin = \"uV\"", "unitless_origin = \"uA\""), "unitless_origin: In"),
        (("unitless_origin", "no_unit"), "tenant[0].quirks.no_unit: there is no such key"),
        (("127.0.0.1:2576", "0.0.0.0:2576"), "address: expected certificate and key"),
        (("CART|NORTH", "CART"), "listener[0].senders: expected APPLICATION|FACILITY"),
        (("senders =", "client_ca = \"ca.pem\"\nsenders ="), "client_ca: needs cert"),
        (("senders =", "key = \"k.pem\"\nsenders ="), "certificate: goes together"),
        (("senders =", "certificate = \"/no.pem\"\nkey = \"/no.key\"\nsenders ="),
         "tenant[0].listener[0].certificate: there is no file /no.pem"),
        (("name = \"south\"", "name = \"south\"\n[[tenant.listener]]\nname = \"carts\"\n"
          "address = \"127.0.0.1:2576\""), "listener.address: 127.0.0.1:2576 is"),
        (("\"urn:oid:1.2.276.0.76.4.8\" =", "\"north\" ="), "north: expected the URI"),
        (("&ISO\"", "&ISO\"\n\"urn:oid:1.9\" = \"NORTH\""), "namespace: NORTH is"),
        (("&ISO\"", "&ISO\"\n\"urn:oid:1.9\" = \"SOUTH&1.2.276.0.76.4.8&ISO\""),
         "universal id: 1.2.276.0.76.4.8 is there more"),
        (("sct|49436004", "sct|164889003"), "code[0]: prefer: expected another code"),
        (("sct|164889003", "sct"), "code[0].instead_of: expected SYSTEM|CODE"),
        (("write = \"update\"", "ca = \"/no/such.pem\""), "[0].ca: there is no file"),
        (("first_wait_s = 1", "first_wait_s = 0"), "tries.first_wait_s: Input should be"),
        (("[[tenant]]\nname = \"s", "[[tenants]]\nname = \"s"), "tenants: there is no"),
        (("[[tenant]]\nname = \"s", "[[tenant]\nname = \"s"), "no TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_place(
    change: tuple[str, str], says: str, tmp_path: Path
) -> None:
    assert change[0] in WHOLE
    found = mistakes(tmp_path, WHOLE.replace(*change, 1))
    assert any(says in each for each in found), found


def test_a_file_that_is_not_there_or_not_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadTenants, match="No such file"):
        read_tenants(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(BadTenants, match="UTF-8"):
        read_tenants(tmp_path / "bad.toml")


def check(file: Path) -> Result:
    return CliRunner().invoke(app, ["config", "check", str(file)])


def test_config_check_says_what_the_file_asks_for(tmp_path: Path) -> None:
    file = tmp_path / "tenants.toml"
    file.write_text(WHOLE)
    said = check(file)
    assert said.exit_code == 0
    for line in (
        "tenant north",
        "ehr: fhir https://ehr.example.org/fhir, reports: final, amended",
        "carts: HL7 v2 on 127.0.0.1:2576, senders: CART|NORTH",
        "2 tenants, 2 destinations, 1 listeners",
    ):
        assert line in said.output


def test_config_check_names_mistakes_and_files_that_cannot_be_used(tmp_path: Path) -> None:
    file, pem = tmp_path / "tenants.toml", tmp_path / "no.pem"
    file.write_text(WHOLE.replace("Europe/Berlin", "Berlin").replace("quirks", "quirk"))
    said = check(file)
    assert said.exit_code == 1
    assert "tenant[0].time_zone: expected the name of a time zone" in said.output
    assert "tenant[0].quirk: there is no such key" in said.output
    pem.write_text("no PEM")
    tls = f'certificate = "{pem}"\nkey = "{pem}"\nsenders ='
    file.write_text(WHOLE.replace("senders =", tls))
    said = check(file)
    assert said.exit_code == 1
    assert "no PEM of a certificate and its key" in said.output
