"""Generated customers, of whom it is known which ones are the same: what the rules are measured by.

20,000 customers, of which 1,000 are second entries of another one, in eight kinds; and around them what only looks the
same: firms of one name in several cities, branches, numbered shops, switchboards, offices of an agent, numbered names,
people of one name. It was written before the rules and shares no code with them; which firm an entry stands for is
known from how it was made. All tax ids, phones and mobiles are impossible ones (see `crmcore.builtin.demo.identifiers`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from crmcore.builtin.demo.identifiers import Issuer
from crmcore.builtin.demo.words import City
from tests.duplicates.generated_words import (
    CITIES,
    DISTRICTS,
    FORMS,
    GIVEN,
    NUMBERS,
    ROADS,
    SHOPS,
    SIGNS,
    SURNAMES,
    TRADES,
    TRADITIONAL,
)

CUSTOMERS, DUPLICATES = 20_000, 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One customer as somebody entered it."""

    code: str
    firm: int
    """Which firm it stands for: two entries of one firm are duplicates."""
    name: str
    city: City
    kind: str = "organisation"
    short_name: str | None = None
    tax_id: str | None = None
    phone: str | None = None
    address: str | None = None
    contact: str | None = None
    mobile: str | None = None
    brand: str = ""
    trade: str = ""
    form: str = ""

    def as_row(self) -> dict[str, str]:
        """Return it as a row of an import file."""
        row = {
            "code": self.code, "kind": self.kind, "name": self.name, "short_name": self.short_name, "tax_id": self.tax_id,
            "phone": self.phone, "address": self.address, "contact": self.contact, "contact_mobile": self.mobile,
        }  # fmt: skip
        return {name: value for name, value in row.items() if value}


@dataclass(slots=True)
class Labelled:
    """All entries, and which pairs are the same: (first code, second code) → kind."""

    entries: list[Entry] = field(default_factory=list)
    same: dict[tuple[str, str], str] = field(default_factory=dict)


class Generator:
    """Makes the customers; the same seed gives the same ones."""

    def __init__(self, seed: int = 2026) -> None:
        self.rng = random.Random(seed)
        self.issuer = Issuer(self.rng)
        self.entries: list[Entry] = []
        self._firms = 0
        self._names: set[tuple[str, str, str]] = set()
        self._cities = [City("", "", p, c, c, area, digits, 0, 0, 1) for c, p, area, digits, _e in CITIES]

    # -- single entries --------------------------------------------------------------------------------------

    def brand(self) -> str:
        """Return a word by which a firm is known."""
        return "".join(self.rng.choices(list(SIGNS), k=self.rng.choice((2, 2, 2, 3))))

    def person(self) -> str:
        """Return somebody's name; some names are common."""
        return self.rng.choice(SURNAMES) + "".join(self.rng.choices(GIVEN, k=self.rng.choice((1, 2, 2))))

    def address(self, city: City, *, full: bool | None = None) -> str:
        """Return an address there, written in one of the usual ways."""
        place = f"{self.rng.choice(ROADS)}{self.rng.randrange(1, 900)}号"
        room = (
            f"{self.rng.randrange(1, 20)}幢{self.rng.randrange(101, 2900)}室"
            if self.rng.random() < 0.5
            else ""
        )
        district = self.rng.choice(DISTRICTS) + "区"
        province = f"{city.province}省" if city.province else ""
        whole = self.rng.random() < 0.7 if full is None else full
        return (f"{province}{city.city}市{district}" if whole else "") + place + room

    def maybe(self, share: float, value: Callable[[], str]) -> str | None:
        """Return a value for a share of the entries: cards are seldom complete."""
        made = value()
        return made if self.rng.random() < share else None

    def firm(self, **given: str | City | None) -> Entry:
        """Enter a new firm."""
        self._firms += 1
        city = given.pop("city", None) or self.rng.choice(self._cities)
        assert isinstance(city, City)
        while True:
            brand, trade = (
                given.get("brand") or self.brand(),
                given.get("trade") or self.rng.choice(list(TRADES)),
            )
            assert isinstance(brand, str)
            assert isinstance(trade, str)
            # An office registers a name only once in its city; names that differ by one sign it does register.
            if (city.city, brand, trade) not in self._names or "brand" in given:
                break
        self._names.add((city.city, brand, trade))
        form = self.rng.choice(FORMS)
        place = self.rng.choice((city.city, city.city, city.city, city.city + "市", city.province, ""))
        entry = Entry(
            self.code(), self._firms, f"{place}{brand}{trade}{form}", city, brand=brand, trade=trade, form=form,
            short_name=self.maybe(0.3, lambda: brand + trade), tax_id=self.maybe(0.7, lambda: self.issuer.tax_id("91")),
            phone=self.maybe(0.85, lambda: self.issuer.landline(city)), address=self.maybe(0.8, lambda: self.address(city)),
            contact=self.maybe(0.7, self.person), mobile=self.maybe(0.45, self.issuer.mobile),
        )  # fmt: skip
        changed: dict[str, Any] = {"mobile": entry.mobile if entry.contact else None, **given}
        entry = replace(entry, **changed)
        self.entries.append(entry)
        return entry

    def code(self) -> str:
        """Return the next code."""
        return f"G{len(self.entries) + 1:05}"

    # -- what only looks the same ----------------------------------------------------------------------------

    def lookalikes(self) -> None:
        """Enter everything that a careless rule would take for the same."""
        for _case in range(500):
            self.one_name_in_several_cities()
        for _case in range(250):
            self.branches()
        for _case in range(120):
            self.numbered_shops()
        for _case in range(100):
            self.switchboard()
        for _case in range(120):
            self.two_firms_of_one_owner()
        for _case in range(150):
            self.numbered_names()
        for _case in range(150):
            self.people_of_one_name()

    def one_name_in_several_cities(self) -> None:
        """Enter firms that share brand and trade, and nothing else."""
        first = self.firm()
        for city in self.rng.sample(self._cities, self.rng.choice((1, 1, 2))):
            if city.city != first.city.city:
                form = self.rng.choice(FORMS)
                name = f"{city.city}{first.brand}{first.trade}{form}"
                self.firm(city=city, brand=first.brand, trade=first.trade, name=name)

    def branches(self) -> None:
        """Enter a firm with branches: each has a tax id of its own, some have the head office's phone."""
        head = self.firm()
        for city in self.rng.sample(self._cities, self.rng.choice((1, 2, 3))):
            how = self.rng.choice(
                (f"{city.city}分公司", f"{city.city}分公司", f"{city.city}办事处", "第一分公司")
            )
            self.firm(
                city=city, brand=head.brand, trade=head.trade, name=head.name + how,
                phone=head.phone if self.rng.random() < 0.3 else self.issuer.landline(city),
            )  # fmt: skip

    def numbered_shops(self) -> None:
        """Enter the shops of a chain: one name, one number of the office, each at its place."""
        city, brand, shop = self.rng.choice(self._cities), self.brand(), self.rng.choice(SHOPS[:2])
        phone = self.issuer.landline(city)
        by_road = self.rng.random() < 0.4
        roads = self.rng.sample(ROADS, 6)
        for place in range(self.rng.randrange(2, 6)):
            which = (
                f"({roads[place]}店)"
                if by_road
                else f"{NUMBERS[place]}店"
                if self.rng.random() < 0.7
                else f"第{NUMBERS[place]}分店"
            )
            self.firm(
                city=city, brand=brand + shop, trade=which, name=f"{brand}{shop}{which}", short_name=None,
                phone=phone if self.rng.random() < 0.6 else None, address=f"{city.city}市{roads[place]}{self.rng.randrange(1, 300)}号",
            )  # fmt: skip

    def switchboard(self) -> None:
        """Enter firms that have nothing in common but a house and its switchboard."""
        city = self.rng.choice(self._cities)
        phone, house = (
            self.issuer.landline(city),
            f"{city.city}市{self.rng.choice(ROADS)}{self.rng.randrange(900, 990)}号",
        )
        for floor in range(self.rng.randrange(5, 9)):
            self.firm(city=city, phone=phone, address=f"{house}{floor + 1}01室")

    def two_firms_of_one_owner(self) -> None:
        """Enter two firms of one person: the same contact and mobile, each a business of its own."""
        first = self.firm(contact=self.person(), mobile=self.issuer.mobile(), tax_id=self.issuer.tax_id("91"))
        self.firm(
            city=first.city, contact=first.contact, mobile=first.mobile, tax_id=self.issuer.tax_id("91")
        )

    def numbered_names(self) -> None:
        """Enter places that differ by their number only."""
        city, what = (
            self.rng.choice(self._cities),
            self.rng.choice(("小学", "中学", "人民医院", "幼儿园", "机械厂", "粮库")),
        )
        if (city.city, "第", what) in self._names:
            return
        self._names.add((city.city, "第", what))
        for number in NUMBERS[: self.rng.randrange(2, 5)]:
            self.firm(
                city=city,
                brand=f"第{number}",
                trade=what,
                name=f"{city.city}市第{number}{what}",
                short_name=None,
            )

    def people_of_one_name(self) -> None:
        """Enter natural persons of one name."""
        name = self.person()
        for _one in range(2):
            city = self.rng.choice(self._cities)
            self.firm(
                city=city, kind="person", name=name, brand=name, trade="", short_name=None, tax_id=None, contact=None,
                mobile=None, phone=self.issuer.mobile(), address=self.address(city),
            )  # fmt: skip

    # -- second entries --------------------------------------------------------------------------------------

    def again(self, first: Entry, **changed: str | None) -> Entry:
        """Enter a firm once more: some of what was known is left out this time, what `changed` says is so."""
        shares = {"short_name": 0.9, "tax_id": 0.7, "phone": 0.45, "address": 0.45, "contact": 0.45}
        left = {n: None for n, share in shares.items() if n not in changed and self.rng.random() < share}
        all_of_it: dict[str, Any] = {**left, "code": self.code(), **changed}
        second = replace(first, **all_of_it)
        if second.address and second.address == first.address:
            second = replace(second, address=self.rewritten(second.address, first.city))
        if second.contact is None and "mobile" not in changed:
            second = replace(second, mobile=None)
        self.entries.append(second)
        return second

    def rewritten(self, address: str, city: City) -> str:
        """Write an address as somebody else would: without province or city, in full-width figures, with a blank."""
        province = f"{city.province}省" if city.province else "上海市" if city.city == "上海" else "-"
        how = self.rng.randrange(5)
        if how == 0:
            return address.removeprefix(province)
        if how == 1:
            return address.removeprefix(province).removeprefix(f"{city.city}市")
        if how == 2:
            return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in address)
        return address.replace("号", "号 ") if how == 3 else address

    def known_by(self, first: Entry, *names: str) -> dict[str, str | None]:
        """Choose what a second entry has in common with the first, of what the first has; at least one is sure."""
        there = [name for name in names if getattr(first, name)]
        sure = self.rng.choice(there)
        return {sure: getattr(first, sure), **({"contact": first.contact} if sure == "mobile" else {})}

    def legal_form(self, first: Entry) -> Entry:
        """Write another form, or the place written otherwise: 上海X有限公司, X（上海）有限责任公司, 上海市X股份有限公司, X集团."""
        city, core = first.city, first.brand + first.trade
        form = self.rng.choice([f for f in {*FORMS, "公司", ""} if f != first.form])
        place = self.rng.choice(
            (city.city, city.city + "市", f"{city.province}省{city.city}市" if city.province else city.city)
        )
        name = self.rng.choice(
            (f"{place}{core}{form}", f"{core}（{city.city}）{form}", f"{core}({city.city}){form}")
        )
        return self.again(first, name=name, **self.known_by(first, "tax_id", "phone", "address", "mobile"))

    def script(self, first: Entry) -> Entry:
        """Write traditional characters, full-width signs, blanks."""
        name = "".join(TRADITIONAL.get(sign, sign) for sign in first.name)
        if name == first.name or self.rng.random() < 0.3:
            name = (
                " ".join((first.name[:2], first.name[2:])) if self.rng.random() < 0.5 else f"{first.name}　"
            )
            name = name.replace("市", " 市")
        wide = "".join(chr(ord(c) + 0xFEE0) if "0" <= c <= "9" or c == "-" else c for c in first.phone or "")
        changed: dict[str, str | None] = {"name": name, "phone": wide or None}
        if self.rng.random() < 0.3:
            changed |= {"phone": None, **self.known_by(first, "tax_id", "address", "mobile", "phone")}
        return self.again(first, **changed)

    def typing_error(self, first: Entry) -> Entry:
        """Get one sign wrong, left out, doubled, or two changed about."""
        place = first.name.index(first.brand) + self.rng.randrange(len(first.brand))
        other = self.rng.choice([sign for sign in SIGNS if sign != first.name[place]])
        name = self.rng.choice(
            (
                first.name[:place] + other + first.name[place + 1 :],
                first.name[:place] + other + first.name[place + 1 :],
                first.name[:place] + first.name[place] + first.name[place:],
                first.name[:place] + first.name[place + 1 :],
                first.name[:place]
                + first.name[place + 1 : place + 2]
                + first.name[place]
                + first.name[place + 2 :],
            )
        )
        return self.again(first, name=name, **self.known_by(first, "tax_id", "phone", "address", "mobile"))

    def short(self, first: Entry) -> Entry:
        """Write the name as people say it."""
        city = first.city.city
        name = self.rng.choice(
            (first.brand + first.trade, city + first.brand, first.brand, city + first.brand + first.trade)
        )
        return self.again(
            first, name=name, short_name=None, **self.known_by(first, "tax_id", "phone", "mobile")
        )

    def phone(self, first: Entry) -> Entry:
        """Write the phone otherwise, and the name without its form or with a note."""
        area, local = (first.phone or "").split("-")
        phone = self.rng.choice(
            (f"+86 {area[1:]} {local}", f"({area}){local}", f"{area}{local}", f"{area} {local[:4]} {local[4:]}",
             f"{area}-{local}转801", f"86-{area[1:]}-{local}", f"{area}-{local}/{self.issuer.mobile()}")
        )  # fmt: skip
        name = self.rng.choice(
            (first.name, first.name.removesuffix(first.form), f"{first.name}(新)", first.brand + first.trade)
        )
        return self.again(first, name=name, phone=phone)

    def renamed(self, first: Entry) -> Entry:
        """Enter the same tax id under a name of later, or only the organisation code that stands in it."""
        tax_id = first.tax_id or ""
        written = self.rng.choice(
            (
                tax_id,
                tax_id,
                tax_id.lower(),
                f"{tax_id[:4]} {tax_id[4:10]} {tax_id[10:]}",
                f"{tax_id[8:16]}-{tax_id[16]}",
            )
        )
        name = f"{first.city.city}{self.brand()}{first.trade}{self.rng.choice(FORMS)}"
        return self.again(first, name=name, short_name=None, tax_id=written)

    def moved(self, first: Entry) -> Entry:
        """Enter another address and phone in the city; the person is the same, the name nearly."""
        name = self.rng.choice(
            (first.name, first.name, f"{first.city.city}{first.brand}{first.trade}{self.rng.choice(FORMS)}",
             f"{first.city.city}{first.brand}{self.rng.choice(list(TRADES))}有限公司")
        )  # fmt: skip
        same_mobile = first.mobile if self.rng.random() < 0.6 or first.trade not in name else None
        return self.again(
            first, name=name, phone=self.issuer.landline(first.city), contact=first.contact, mobile=same_mobile,
            address=self.address(first.city, full=True),
        )  # fmt: skip

    def english(self, first: Entry) -> Entry:
        """Write the English name: city and brand in pinyin, the trade translated."""
        english = {city: name for city, _p, _a, _d, name in CITIES}[first.city.city]
        letters = "".join(SIGNS[sign] for sign in first.brand).capitalize()
        ending = self.rng.choice(("Co., Ltd.", "Co.,Ltd", "Company Limited", "CO., LTD", "Ltd."))
        name = self.rng.choice((f"{english} {letters}", letters)) + f" {TRADES[first.trade]} {ending}"
        name = name.upper() if self.rng.random() < 0.3 else name
        return self.again(
            first, name=name, short_name=None, **self.known_by(first, "tax_id", "phone", "mobile")
        )


KINDS: dict[str, tuple[str, Callable[[Generator, Entry], Entry], tuple[str, ...]]] = {
    "legal form": ("the form or place written otherwise", Generator.legal_form, ()),
    "script": ("traditional or full-width signs", Generator.script, ()),
    "typing error": ("one sign wrong", Generator.typing_error, ()),
    "short name": ("the name as people say it", Generator.short, ("phone",)),
    "phone": ("the phone written otherwise", Generator.phone, ("phone",)),
    "renamed": ("the same tax id under another name", Generator.renamed, ("tax_id",)),
    "moved": ("another address and phone", Generator.moved, ("contact", "mobile", "address")),
    "english": ("the English name", Generator.english, ("phone",)),
}
"""Kind → what it is, how it is made, and what the first entry must have."""


def labelled(customers: int = CUSTOMERS, duplicates: int = DUPLICATES, seed: int = 2026) -> Labelled:
    """Return so many customers, among them so many second entries, as many of each kind."""
    generator = Generator(seed)
    if customers - duplicates > 8_000:
        generator.lookalikes()
    else:
        for _case in range((customers - duplicates) // 40):
            generator.one_name_in_several_cities()
            generator.branches()
            generator.numbered_shops()
            generator.switchboard()
            generator.two_firms_of_one_owner()
            generator.numbered_names()
            generator.people_of_one_name()
    fitting = len(generator.entries)
    while len(generator.entries) < customers - duplicates:
        generator.firm()
    found = Labelled(generator.entries)
    plain = generator.entries[fitting:]
    generator.rng.shuffle(plain := list(plain))
    for number in range(duplicates):
        kind = list(KINDS)[number % len(KINDS)]
        _title, make, needs = KINDS[kind]
        place = next(i for i, one in enumerate(plain) if _fits(one, needs))
        first = plain.pop(place)
        found.same[first.code, make(generator, first).code] = kind
    return found


def _fits(entry: Entry, needs: tuple[str, ...]) -> bool:
    return all(getattr(entry, name) for name in needs) and any(
        (entry.tax_id, entry.phone, entry.address, entry.mobile)
    )
