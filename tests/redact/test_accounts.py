"""Cards, IBANs, crypto addresses."""

import pytest

from corpusmill.redact import checksums
from tests.redact.finding import values


@pytest.mark.parametrize(
    "value",
    [
        "4111111111111111",
        "4539 1488 0343 6467",
        "4539-1488-0343-6467",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "3782 822463 10005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "6200000000000005",
    ],
)
def test_cards_with_issuer_and_check_digit(value: str) -> None:
    """With separators or without."""
    assert [value] == values(f"paid with {value}.", "credit_card")


@pytest.mark.parametrize(
    "text",
    [
        "4539 1488 0343 6468",
        "4539 1488-0343 6467",
        "9539148803436467",
        "x4539148803436467",
        "45391488034364671234",
        "0000000000000000",
        "550e8400-e29b-41d4-a716-446655440000",
        "1700000000000",
        "978-3-16-148410-0",
    ],
)
def test_other_long_numbers_are_no_cards(text: str) -> None:
    """Wrong check digit, mixed separators, no issuer, other lengths, parts of words."""
    assert [] == values(text, "credit_card")


def test_after_the_word_card_rare_lengths_and_wrong_digits_count() -> None:
    """A card that was made up is written like a card."""
    assert ["4716 9876 2234 1561"] == values("credit card 4716 9876 2234 1561", "credit_card")
    assert ["630427373398"] == values("my card 630427373398", "credit_card")
    assert [] == values("order 630427373398", "credit_card")


@pytest.mark.parametrize(
    "value",
    [
        "GB29NWBK60161331926819",
        "GB29 NWBK 6016 1331 9268 19",
        "DE89370400440532013000",
        "de89370400440532013000",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
    ],
)
def test_ibans(value: str) -> None:
    """Compact or in groups, in any case."""
    assert [value] == values(f"to {value}, thanks", "iban")


@pytest.mark.parametrize(
    "text", ["GB29NWBK60161331926818", "GB29NWBK6016133192681", "XX29NWBK60161331926819", "AB12 CD34"]
)
def test_wrong_ibans(text: str) -> None:
    """Wrong check, length or country."""
    assert [] == values(text, "iban")


def test_after_the_word_iban_the_check_may_be_wrong() -> None:
    """As in texts that were made up."""
    assert ["GB29NWBK60161331926818"] == values("IBAN GB29NWBK60161331926818", "iban")
    assert ["GB29NWBK60161331926818"] == values("account number GB29NWBK60161331926818", "iban")
    assert [] == values("account number GB29NWBK6016133192681", "iban")
    assert ["FR76 3000 6000 0112 3456 7890 188"] == values("IBAN: FR76 3000 6000 0112 3456 7890 188 was", "iban")


@pytest.mark.parametrize(
    "value",
    [
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe",
    ],
)
def test_crypto_addresses(value: str) -> None:
    """Base58 and bech32 with their checksums, Ethereum by form."""
    assert [value] == values(f"send to {value} now", "crypto")


@pytest.mark.parametrize(
    "text",
    [
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp",
        "0x0000000000000000000000000000000000000000",
        "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BA",
        "d41d8cd98f00b204e9800998ecf8427e",
    ],
)
def test_wrong_crypto_addresses(text: str) -> None:
    """One letter changed, the zero address, hashes."""
    assert [] == values(text, "crypto")


def test_checksums_of_the_standards() -> None:
    """Values that the standards or their registries print."""
    assert checksums.luhn("79927398713")
    assert not checksums.luhn("79927398710")
    assert checksums.verhoeff("2363")
    assert not checksums.verhoeff("2364")
    assert checksums.mod97("GB82WEST12345698765432")
    assert checksums.mod11_10("07945")
    assert checksums.bech32("A12UEL5L")
    assert checksums.bech32("A1LQFN3A")
    assert not checksums.bech32("A12UEL5l")
    assert checksums.base58check("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2")[0] == 0
