"""The tools that the assistant of the scenarios has: they answer as such services do, at length and always the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import banyan

_HOTELS = {
    "Lisbon": (
        ("Pensão do Cais", "the river", "Rua do Arsenal 40", 96, 8.9),
        ("Casa do Largo", "the castle", "Largo do Terreirinho 8", 84, 9.1),
        ("Hotel Ribeira Nova", "the river", "Avenida 24 de Julho 12", 128, 8.7),
        ("Miradouro Suites", "the castle", "Rua da Graça 101", 143, 9.0),
        ("Avenida Plaza", "the centre", "Avenida da Liberdade 72", 176, 8.8),
        ("Estrela Guest House", "the park", "Rua da Estrela 5", 71, 8.4),
        ("Doca Rooms", "the river", "Doca de Santo Amaro 3", 89, 8.1),
        ("Campo Pequeno Inn", "the station", "Rua de Entrecampos 33", 67, 8.0),
        ("Bairro Nove", "the centre", "Rua do Norte 9", 112, 8.6),
        ("Tapada Garden", "the park", "Calçada da Tapada 55", 101, 8.5),
    ),
    "Porto": (
        ("Casa da Ponte", "the river", "Cais da Ribeira 21", 92, 9.0),
        ("Hotel Bolhão", "the market", "Rua Formosa 310", 88, 8.5),
        ("Clérigos Rooms", "the centre", "Rua das Taipas 14", 79, 8.3),
        ("Foz Atlantic", "the sea", "Avenida do Brasil 400", 134, 8.8),
        ("Massarelos Yard", "the river", "Rua de Entre Quintas 7", 105, 8.9),
        ("São Bento Inn", "the station", "Rua da Madeira 92", 74, 8.2),
        ("Quinta do Jardim", "the park", "Rua de Dom Manuel 60", 121, 9.2),
        ("Matosinhos Pier", "the sea", "Rua Heróis de França 18", 98, 8.4),
    ),
}
_CARRIERS = (("XA", "Northern Wings"), ("XB", "Fjord Air"), ("XC", "Atlantica"), ("XD", "Baltic Connect"))
_VIA = ("", "Frankfurt", "Amsterdam", "", "Copenhagen", "Madrid", "Zurich", "Paris")


@banyan.tool(read_only=True)
def search_hotels(city: str, check_in: str, nights: int = 3, near: str = "") -> dict[str, Any]:
    """Search hotels with a free room in a city: address, distance, price for each night, rating and terms.

    Args:
        city: name of the city.
        check_in: first night, such as `10 May`.
        nights: how many nights.
        near: only hotels near this.
    """
    found = [
        {
            "id": f"{city[:3].upper()}-{at:04d}",
            "name": name,
            "city": city,
            "near": place,
            "address": f"{street}, {city}, Portugal",
            "rating": {"score": score, "reviews": 212 + at * 137},
            "price": {"each_night": price, "total": price * nights, "currency": "EUR", "city_tax": 4 * nights},
            "room": {"kind": "double", "beds": 1 + at % 2, "size_m2": 14 + at, "breakfast": at % 3 == 0},
            "amenities": ["wifi", "lift", "air conditioning", "luggage storage", "24 h reception"][: 2 + at % 4],
            "cancellation": {"free_until": f"2 days before {check_in}", "fee_afterwards": price},
        }
        for at, (name, place, street, price, score) in enumerate(_HOTELS[city])
        if not near or place == near
    ]
    return {"query": {"city": city, "check_in": check_in, "nights": nights, "near": near}, "hotels": found}


@banyan.tool(read_only=True)
def search_flights(origin: str, destination: str, date: str) -> dict[str, Any]:
    """Search flights on a day, with every leg, its times, the price and what luggage is included.

    Args:
        origin: city to leave from.
        destination: city to fly to.
        date: day of departure, such as `10 May`.
    """
    offers = []
    for at, via in enumerate(_VIA):
        code, carrier = _CARRIERS[at % len(_CARRIERS)]
        stops = [origin, *([via] if via else []), destination]
        legs = [
            {
                "flight": f"{code} {118 + at * 32 + leg}",
                "carrier": carrier,
                "from": start,
                "to": end,
                "departs": f"{date} {7 + at + 3 * leg:02d}:{at * 7 % 60:02d}",
                "arrives": f"{date} {9 + at + 3 * leg:02d}:{(at * 7 + 25) % 60:02d}",
                "aircraft": ("A320", "B738", "E195")[(at + leg) % 3],
                "terminal": str(1 + (at + leg) % 2),
            }
            for leg, (start, end) in enumerate(pairwise(stops))
        ]
        fare = {"amount": 139 + 23 * at, "currency": "EUR", "class": "economy", "refundable": at % 3 == 0}
        luggage = {"cabin": "8 kg", "checked": "23 kg" if at % 2 else None}
        offers.append({"offer": f"{origin[:3]}{destination[:3]}-{at}".upper(), "legs": legs, "fare": fare, **luggage})
    return {"query": {"origin": origin, "destination": destination, "date": date}, "offers": offers}


_RECIPES = {
    "soup": ("leek", "potatoes", "vegetable stock", "cream", "butter", "nutmeg", "white pepper", "chives"),
    "pie": ("carrots", "parsnips", "milk", "flour", "butter", "thyme", "black pepper", "shortcrust pastry"),
}


@banyan.tool(read_only=True)
def find_recipe(dish: str, people: int = 4) -> dict[str, Any]:
    """Find recipes for a dish, with their ingredients, steps and times.

    Args:
        dish: what to cook, such as `soup`.
        people: for how many.
    """
    parts = _RECIPES[dish]
    steps = [
        f"Wash and trim the {parts[0]}; cut away what is woody and keep it for stock.",
        f"Chop the {parts[1]} into pieces of the same size, about a thumb wide, so that they are done together.",
        f"Warm the {parts[4]} in a heavy pot over a middling heat, and let the vegetables sweat for eight minutes.",
        f"Add the {parts[2]} and the {parts[3]}, bring to the boil, then let it simmer with the lid half on.",
        f"Season with {parts[5]} and {parts[6]}, taste, and let it rest for five minutes before it is served.",
    ]
    recipes = [
        {
            "id": f"{dish}-{at}",
            "title": f"{style} {dish}",
            "people": people,
            "ingredients": [
                {"what": what, "amount": (at + 2) * 25 + place * 10, "unit": "g"} for place, what in enumerate(parts)
            ],
            "steps": steps,
            "minutes": {"preparation": 15 + at * 5, "cooking": 30 + at * 10},
            "nutrition": {"kcal": 310 + at * 40, "protein_g": 9 + at, "fat_g": 14 + at, "salt_g": 1.2},
        }
        for at, style in enumerate(("Everyday", "Sunday", "Farmhouse"))
    ]
    return {"dish": dish, "recipes": recipes}


_BUSY = {
    "Ana": (("09:00", "09:30", "Stand-up"), ("10:00", "11:30", "Budget review"), ("12:30", "13:30", "Lunch")),
    "Ben": (("09:00", "09:30", "Stand-up"), ("11:00", "12:00", "Interview"), ("15:45", "17:30", "School run")),
    "Chloé": (("09:00", "09:30", "Stand-up"), ("13:30", "14:45", "Dentist"), ("17:00", "18:00", "Call with Lyon")),
}


@banyan.tool(read_only=True)
def read_diary(person: str, day: str) -> dict[str, Any]:
    """Read what stands in somebody's diary on a day, with places, people invited and reminders.

    Args:
        person: whose diary.
        day: day of the week.
    """
    events = [
        {
            "id": f"{person[:3].lower()}-{at}-2026w20",
            "summary": what,
            "start": {"day": day, "time": start, "zone": "Europe/Paris"},
            "end": {"day": day, "time": end, "zone": "Europe/Paris"},
            "location": f"Building {1 + at}, room {204 + at * 11}",
            "organiser": {"name": person, "email": f"{person[:3].lower()}@example.org", "self": True},
            "attendees": [{"name": one, "response": "accepted", "optional": False} for one in _BUSY if at == 0],
            "reminders": [{"by": "popup", "minutes": 10}, {"by": "e-mail", "minutes": 60}],
            "recurrence": "weekly" if at == 0 else None,
            "visibility": "default",
            "status": "confirmed",
        }
        for at, (start, end, what) in enumerate(_BUSY[person])
    ]
    return {"person": person, "day": day, "working_hours": ["08:30", "18:00"], "events": events}


@banyan.tool(idempotent=True)
def set_meeting(title: str, day: str, start: str, attendees: list[str], end: str = "") -> dict[str, Any]:
    """Put a meeting into the diaries of everybody who is invited, or move the one of the same title.

    Args:
        title: what it is about; of one title there is one meeting.
        day: day of the week.
        start: time, such as `14:00`.
        attendees: who is invited.
        end: time; half an hour later if left out.
    """
    invited = [{"name": one, "response": "needs action", "notified": True} for one in attendees]
    return {
        "id": "meeting-" + title.lower().replace(" ", "-"),
        "title": title,
        "start": {"day": day, "time": start, "zone": "Europe/Paris"},
        "end": {"day": day, "time": end or f"{start[:2]}:30", "zone": "Europe/Paris"},
        "attendees": invited,
        "link": "https://meet.example.org/" + title.lower().replace(" ", "-"),
        "status": "confirmed",
    }


@banyan.tool(read_only=True)
def search_shop(words: str) -> dict[str, Any]:
    """Search the shop: price, stock, what it fits, delivery and reviews of each article.

    Args:
        words: what is looked for.
    """
    articles = [
        {
            "sku": f"{words[:3].upper()}-{at:03d}",
            "name": f"{maker} {words}",
            "colours": ["black", "clear", "blue"][: 1 + at % 3],
            "price": {"amount": 9.5 + 4 * at, "currency": "EUR", "vat_included": True},
            "stock": {"available": 3 + at * 5, "warehouse": "Utrecht"},
            "fits": ["P-6", "P-6 Plus", "P-7", "P-7 mini"][at % 3 :],
            "delivery": {"days": 1 + at % 3, "cost": 0 if at % 2 else 3.95},
            "reviews": {"score": 4.6 - at / 10, "count": 40 + at * 77, "best": "Does what it should, and well made."},
            "description": f"A {words} that lasts: made of recycled material, two years of guarantee, easy to clean.",
        }
        for at, maker in enumerate(("Lumen", "Korvo", "Halde", "Pettersen", "Ostra", "Quill", "Marlow"))
    ]
    return {"words": words, "total": len(articles), "articles": articles}


@banyan.tool(read_only=True)
def read_form(name: str) -> dict[str, Any]:
    """Read what a form asks for: its fields, with hints, rules and the texts of its errors.

    Args:
        name: of the form.
    """
    fields = [
        {
            "id": field,
            "label": field.capitalize(),
            "kind": "email" if field == "e-mail" else "text",
            "required": at < 3,
            "hint": f"Write your {field} as it stands on your documents.",
            "rules": {"most_characters": 120, "allowed": "letters, digits, spaces, and . , ' - @ /"},
            "errors": {"missing": f"Please tell us your {field}.", "too_long": "That is longer than we can store."},
        }
        for at, field in enumerate(("name", "e-mail", "address", "telephone", "language", "remarks"))
    ]
    note = "We keep what you tell us for two years, and show it to nobody who does not need it to answer you."
    return {"form": name, "version": "2026-03", "fields": fields, "privacy": note}


@banyan.tool
def submit_form(name: str, email: str, address: str) -> dict[str, Any]:
    """Hand in the form, once and for all.

    Args:
        name: who hands it in.
        email: where the answer goes.
        address: where they live.
    """
    return {"receipt": "F-1", "received": {"name": name, "e-mail": email, "address": address}, "answer_within_days": 10}


SERVERS: dict[str, tuple[Callable[..., Any], ...]] = {
    "travel": (search_hotels, search_flights),
    "cookbook": (find_recipe,),
    "diary": (read_diary, set_meeting),
    "store": (search_shop,),
    "office": (read_form, submit_form),
}
"""The tools of each server, by its name."""
