"""Social security numbers, national numbers, telephone numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import RecipeError
from corpusmill.redact import national_ids
from corpusmill.redact.national_ids import KINDS
from corpusmill.redact.phones import regions
from tests.redact.finding import found, values


@pytest.mark.parametrize(
    "text",
    [
        "460-89-9847",
        "(460-89-9847)",
        "SSN: 460 89 9847",
        "social security 460899847",
        "SSN 987-65-4321",
        "SSN 900-12-3456",
    ],
)
def test_social_security_numbers(text: str) -> None:
    """With hyphens anywhere, else after their name."""
    assert 1 == len(values(text, "us_ssn"))


@pytest.mark.parametrize(
    "text",
    [
        "000-89-9847",
        "666-89-9847",
        "900-89-9847",
        "460-00-9847",
        "460-89-0000",
        "460 89 9847",
        "460899847",
        "460-89-98471",
        "1-460-89-9847",
        "460-89-9847-1",
        "078-05-1120",
        "SSN 123-45-6789",
    ],
)
def test_other_numbers_of_nine_digits(text: str) -> None:
    """Areas that are not given out, no hyphens, parts of longer numbers."""
    assert [] == values(text, "us_ssn")


SEPARATORS = str.maketrans("", "", " .+-")
NATIONAL = {
    "es_nif": ("12345678Z", "12345678A"),
    "es_nie": ("X1234567L", "X1234567A"),
    "it_fiscal_code": ("RSSMRA85T10A562S", "RSSMRA85T10A562A"),
    "fi_personal_identity_code": ("131052-308T", "131052-308A"),
    "sg_nric_fin": ("S0000001I", "S0000001A"),
    "kr_rrn": ("960121-1234561", "960121-1234562"),
    "br_cpf": ("529.982.247-25", "529.982.247-26"),
    "pl_pesel": ("PESEL 44051401359", "PESEL 44051401358"),
    "uk_nhs": ("NHS 401 023 2137", "NHS 401 023 2138"),
    "uk_nino": ("national insurance AB123456C", "national insurance GB123456C"),
    "in_pan": ("PAN ABCPE1234F", "ABCPE1234F"),
    "in_aadhaar": ("Aadhaar 2345 6789 0124", "Aadhaar 2345 6789 0123"),
    "de_tax_id": ("Steuer-ID 86 095 742 719", "Steuer-ID 86 095 742 718"),
    "tr_national_id": ("TC Kimlik 10000000146", "TC Kimlik 10000000147"),
    "us_npi": ("NPI 1245319599", "NPI 1245319598"),
    "us_itin": ("ITIN 912-70-1234", "ITIN 912-49-1234"),
    "au_tfn": ("TFN 876 543 210", "TFN 876 543 211"),
    "au_abn": ("ABN 51 824 753 556", "ABN 51 824 753 557"),
    "au_acn": ("ACN 000 000 019", "ACN 000 000 018"),
    "au_medicare": ("Medicare 2123 45670 1", "Medicare 2123 45671 1"),
    "ca_sin": ("SIN 130 692 544", "SIN 130 692 545"),
    "se_personnummer": ("personnummer 811218-9876", "personnummer 811218-9875"),
    "za_id_number": ("ID 8001015009087", "ID 8001015009088"),
    "nl_bsn": ("BSN 111222333", "BSN 111222334"),
    "fr_nir": ("NIR 2 55 08 14 168 025 38", "NIR 2 55 08 14 168 025 39"),
    "aba_routing": ("routing number 021000021", "routing number 021000022"),
    "th_tnin": ("1-2345-67890-12-1", "1-2345-67890-12-2"),
    "us_mbi": ("Medicare 1EG4-TE5-MK73", "Medicare 1EG4-TE5-MB73"),
    "in_gstin": ("27AAPFU0939F1ZV", "27AAPFU0939F1ZW"),
    "ng_nin": ("NIN 12345678902", "NIN 12345678903"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_national_numbers(kind: str) -> None:
    """A right one of each kind, and one with another check digit or without its word."""
    right, wrong = NATIONAL[kind]
    options = {"national_ids": frozenset({kind})}
    assert 1 == len(values(right, "national_id", **options)), right
    assert [] == values(wrong, "national_id", **options)


@pytest.mark.parametrize(
    ("text", "value"),
    {
        "reach me: 202-456-1111": "202-456-1111",
        "(202) 456-1111": "(202) 456-1111",
        "202.456.1111": "202.456.1111",
        "202-456-1111 x12, thanks": "202-456-1111 x12",
        "+1 202 456 1111": "+1 202 456 1111",
        "+442079460018": "+442079460018",
        "+49 (0) 30 901820": "+49 (0) 30 901820",
        "020 7946 0018": "020 7946 0018",
        "01 42 68 53 00": "01 42 68 53 00",
        "phone 2024561111": "2024561111",
        "call 467 3395": "467 3395",
        "202-456-1111Fax": "202-456-1111",
        "60-56-85-91 (office)": "60-56-85-91",
        "tel:+12024561111": "+12024561111",
    }.items(),
)
def test_telephone_numbers(text: str, value: str) -> None:
    """Valid and written as in their country, or named."""
    assert [value] == values(text, "phone")


@pytest.mark.parametrize(
    "text",
    [
        "2024561111",
        "2020-01-02 12 30",
        "1999-2003",
        "call in 2019-2020",
        "ISBN 0-9736641-0-X",
        "978-0-241-35463-6",
        "1 pound = 0.4535924277 kg",
        "80 10 27 37 11 54 5 0 1",
        "202-555-0147",
        "order 202-456-11112",
        "12345678901234567890",
        "$202 456 1111",
        "x202-456-1111",
        "3.14159265358",
    ],
)
def test_other_numbers_are_no_phones(text: str) -> None:
    """Dates, years, ISBNs, decimals, tables, numbers for fiction."""
    assert [] == values(text, "phone")


@pytest.mark.parametrize("one", [*national_ids._NUMBERS, *national_ids._LETTERS], ids=lambda one: one.kind)
@given(data=st.data())
def test_checks_take_whatever_their_pattern_takes(one: national_ids.NationalId, data: st.DataObject) -> None:
    """A number with a wrong check digit is refused, and never an error."""
    text = data.draw(st.from_regex(one.pattern, fullmatch=True)).decode("ascii", "ignore")
    for word in ("", *NATIONAL[one.kind][0].split(" ")[:1]):
        assert all(isinstance(value, str) for value in values(f"{word} {text}", "national_id"))
    value = text.upper() if one.kind == "fi_personal_identity_code" else text.translate(SEPARATORS).upper()
    assert one.check(value) in (True, False)


@pytest.mark.parametrize("one", national_ids._NUMBERS, ids=lambda one: one.kind)
@given(data=st.data())
def test_a_kind_is_tried_on_all_its_first_groups(one: national_ids.NationalId, data: st.DataObject) -> None:
    """The table of sizes knows every way to write the kind."""
    text = data.draw(st.from_regex(one.pattern, fullmatch=True))
    size = len(re.match(rb"[0-9]+", text)[0])
    assert one in national_ids._BY_SIZE[size]


def test_an_unknown_region_is_refused() -> None:
    """With the code that was given."""
    with pytest.raises(RecipeError, match="UK"):
        regions(("UK",))


def test_what_overlaps_is_taken_once() -> None:
    """A card is not a phone too."""
    assert [("credit_card", "4539 1488 0343 6467")] == found("call card 4539 1488 0343 6467")
