"""Money: integer minor units and a currency, never floats, never added across currencies."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal

from crmcore.i18n import _

# ISO 4217 minor units that are not two (source: ISO 4217 list one).
_EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF"
    " CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD"
    " GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR"
    " LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK"
    " PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND"
    " TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XDR XOF XPF XSU XUA YER ZAR"
    " ZMW ZWG"
    # Withdrawn since 1999 (ISO 4217 list three): old documents are in them.
    " ADP AFA ATS AZM BEF BGL BYB BYR CSD CYP DEM EEK ESP FIM FRF GHC GRD HRK IEP ITL LTL LUF LVL MGF MRO MTL MZM NLG"
    " PTE ROL RUR SDD SIT SKK SLL SRG STD TMM TRL VEB VEF YUM ZMK ZWD ZWL"
)
CURRENCIES = frozenset(_CODES.split())
"""What ISO 4217 knows as money, or did; not its codes for metals, bonds and tests."""
ROUNDINGS = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}
LARGEST_MINOR = 2**63 - 1
_EXACT = Context(prec=1000, Emax=999_999, Emin=-999_999)
"""The usual context rounds at 28 digits, before anybody has looked at them."""


def minor_digits(currency: str) -> int:
    """Return the number of decimals of a currency: CNY 2, JPY 0, KWD 3."""
    return _EXPONENTS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """Turn an amount into minor units; ValueError if it has more decimals than the currency, or is too large."""
    digits = minor_digits(currency)
    if amount.is_nan():
        raise ValueError(_("the amount is no number"))
    if not amount.is_finite() or abs(amount) > LARGEST_MINOR:
        raise ValueError(_("the amount is too large"))
    scaled = amount.scaleb(digits, _EXACT)
    if scaled != scaled.to_integral_value():
        raise ValueError(_("{currency} has {digits} decimals").format(currency=currency, digits=digits))
    if abs(scaled) > LARGEST_MINOR:
        raise ValueError(_("the amount is too large"))
    return int(scaled)


def from_minor(minor: int, currency: str) -> Decimal:
    """Turn minor units into an exact amount."""
    return Decimal(minor).scaleb(-minor_digits(currency), _EXACT)


def format_minor(minor: int, currency: str) -> str:
    """Write minor units with thousands separators: 123456789 CNY → `1,234,567.89`."""
    return f"{from_minor(minor, currency):,.{minor_digits(currency)}f}"


def convert(minor: int, source: str, target: str, rate: Decimal, rounding: str = "half_up") -> int:
    """Convert minor units at a rate (units of target per unit of source), rounded by the named rule."""
    exact = _EXACT.multiply(from_minor(minor, source), rate)
    return int(exact.scaleb(minor_digits(target), _EXACT).to_integral_value(ROUNDINGS[rounding], _EXACT))
