"""What the names of people, venues and evenings are made of."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN: Final = _words(
    "Ada Aisha Aino Alba Amara Anders Anouk Arjun Astrid Ayo Beatriz Benoît Bilal Birgit Bruno Camila Carmen Cesária "
    "Chidi Chloé Dagny Daniela Dario Dina Duke Edith Eero Ella Elif Emeka Esther Etta Fatou Femi Fela Fleur Frida "
    "Gábor Giulia Greta Hana Hedda Hugo Ibrahim Ida Ines Ingrid Isla Ivo Jamila Jelena Jonas Juno Kaito Katalin Kemal "
    "Khadija Kofi Lars Leila Lena Linnea Lucía Luka Mads Maja Malik Marta Mateo Matilda Mehmet Mika Milan Mira Miriam "
    "Nadia Naomi Nils Nina Noor Nora Odetta Olga Omar Oona Oskar Paloma Pilar Priya Quincy Rafael Ravi Rosa Ruben "
    "Saida Sanne Selma Sigrid Silvio Sofia Soraya Sven Tariq Tess Thelonious Tomás Tove Uma Vera Viggo Wanda Wes Yara "
    "Youssou Yuki Zadie Zoë"
)

FAMILY: Final = _words(
    "Abara Adeyemi Ahlberg Almeida Amsel Andersson Aoki Baptiste Barros Becker Bello Berg Blom Bianchi Brandt Brandão "
    "Camara Castro Chen Costa Dahl Demir Diallo Diaz Dubois Duarte Eklund Engel Eriksen Falk Farah Ferrari Fischer "
    "Flores Fontaine Fonseca Gallo García Graf Haddad Hansen Hartmann Haugen Hoffmann Holm Horváth Ibsen Ito Jansen "
    "Jovanović Kaya Keïta Keller Khan Kim Kovács Krüger Kuznetsova Lange Larsen Laurent Leclerc Lindqvist Lopes Lund "
    "Mancini Marchetti Martins Mbeki Medina Mendes Meyer Molnár Moreau Moretti Mori Nakamura Ndiaye Nielsen Novak "
    "Nowak Okafor Oliveira Olsen Ortega Papadaki Pereira Petrov Quispe Rahman Ramos Ricci Rivera Rojas Romano Rossi "
    "Sanders Santos Sato Schäfer Schneider Silva Simone Sørensen Suzuki Tanaka Thiam Torres Toussaint Vega Vogel "
    "Watanabe Weber Winther Yamada Zanetti Ziegler"
)

CITIES: Final = (
    ("Berlin", "Europe/Berlin", 6),
    ("London", "Europe/London", 5),
    ("New York", "America/New_York", 5),
    ("Paris", "Europe/Paris", 4),
    ("Lisbon", "Europe/Lisbon", 3),
    ("Copenhagen", "Europe/Copenhagen", 3),
    ("Chicago", "America/Chicago", 3),
    ("Lagos", "Africa/Lagos", 2),
    ("São Paulo", "America/Sao_Paulo", 2),
    ("Mumbai", "Asia/Kolkata", 2),
    ("Tokyo", "Asia/Tokyo", 2),
    ("Melbourne", "Australia/Melbourne", 2),
)
"""Each with its time zone, and how many venues it has beside those of the others."""

VENUE_FIRST: Final = _words(
    "Amber Blue Brass Copper Crimson Crooked Distant Electric Emerald Empty Golden Green Half Hidden Hollow Iron Ivory "
    "Last Little Lonely Long Lucky Midnight Narrow New Northern Old Open Painted Paper Quiet Red Restless Rolling "
    "Second Silver Slow Southern Tin Velvet Violet White Wild Winter Wooden Yellow"
)

VENUE_SECOND: Final = _words(
    "Anchor Attic Barn Bell Bird Bridge Camel Cat Cellar Chapel Clock Comet Crane Curtain Door Drum Fern Fiddle Fox "
    "Garden Gate Harbour Hare Horn Key Kiln Lantern Lark Ledger Lion Lock Magnet Mill Mirror Moon Needle Nightingale "
    "Note Orchard Otter Owl Parade Pearl Piano Pigeon Pony Raven Reed Ribbon River Rose Saddle Sparrow Spire Staircase "
    "Star Swan Tower Train Tulip Wagon Whale Willow"
)

KINDS: Final = ("Club", "Hall", "Theatre", "Bar", "Rooms", "Stage", "Ballroom", "Lounge", "Studio", "Social")

STYLES: Final = _words(
    "afrobeat ambient baroque bebop bluegrass blues bossa-nova chamber-music choro country cumbia dub fado flamenco "
    "folk free-jazz funk gospel highlife hip-hop house indie klezmer krautrock minimal-music new-wave opera ragtime "
    "reggae samba ska soul swing tango techno"
)

INSTRUMENTS: Final = _words(
    "accordion balafon bass bassoon cello clarinet double-bass drums fiddle flute guitar harp kora lute mandolin oboe "
    "oud piano saxophone sitar synthesizer theremin trombone trumpet vibraphone viola violin voice"
)

EVENINGS: Final = (
    "{artist}",
    "{artist} Trio",
    "{artist} Quartet",
    "{artist} and Friends",
    "{artist}, solo",
    "An Evening with {artist}",
    "{artist} plays {style}",
    "{style} with {artist}",
    "Late {style}: {artist}",
    "{artist}: the new album",
)

REASONS: Final = (
    "The singer has a cold",
    "The venue chose another evening",
    "The tour was called off",
    "The piano is being repaired",
    "The band has split up",
)
