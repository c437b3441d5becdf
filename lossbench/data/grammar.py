"""The words, names and patterns of the generated corpus: data, for `corpus.py` to write sentences with.

A slot in capitals is an entity, any other a phrase, a word or a number; {Noun} is a {noun} with a capital.
"a" becomes "an" where it has to.
"""

from __future__ import annotations

TYPES = frozenset({"PER", "ORG", "LOC", "MISC"})

LISTS = {
    "first": "person.en_US.first_names person.en_GB.first_names person.en_IE.first_names person.en_KE.first_names "
    "person.de_DE.first_names person.fr_FR.first_names person.es_ES.first_names person.it_IT.first_names",
    "last": "person.en_US.last_names person.en_GB.last_names person.en_IE.last_names person.en_KE.last_names "
    "person.de_DE.last_names person.fr_FR.last_names person.es_ES.last_names person.it_IT.last_names "
    "person.pl_PL.male_last_names",
    "city": "address.de_DE.cities address.de_CH.cities address.en_IN.cities address.pl_PL.cities "
    "address.pt_PT.cities address.ro_RO.cities address.da_DK.cities address.fi_FI.cities address.id_ID.cities",
    "country": "address.en.countries",
    "region": "address.en_US.states address.en_GB.counties address.en_IE.counties address.en_IN.states "
    "address.en_PH.provinces",
    "bank": "bank.en_GB.banks bank.en_IN.banks",
    "brand": "company.nl_NL.large_companies",
    "thing": "misc.en_PH.random_object_names",
    "job": "job.jobs",
}
"""Faker's provider lists behind each list of names."""

NAME = r"[^\W\d_a-z][^\W\d_]+(?:['’ -][^\W\d_]+)?"
SPELLING = {
    "first": r"[^\W\d_a-z][^\W\d_]+(?:-[^\W\d_]+)?",
    "last": r"[^\W\d_a-z]['’]?[^\W\d_]+(?:-[^\W\d_]+)?",
    "city": NAME,
    "country": rf"(?!United|Nether|Holy|Falk|Isle){NAME}",
    "region": rf"(?!City|Isle|District){NAME}",
    "bank": r"[^\W\d_]+(?: [^\W\d_]+){0,3}",
    "brand": rf"(?!The |De |Het ){NAME}",
    "thing": r"(?!Raddish)[A-Z][a-zñ]+",
    "job": r"(?!Further|Higher|Best|Tourist)[A-Z][a-z]+(?: [a-z]+){0,2}(?:er|or|ist|ian|ant|ect)",
}
"""What an entry of each list looks like to be of use; longer and bracketed ones are left out."""

LOWER = frozenset({"job"})
"""The lists whose entries are written small within a sentence."""

OWN = {
    "demonym": "Albanian American Argentine Armenian Australian Austrian Bavarian Belgian Bolivian Brazilian British "
    "Bulgarian Canadian Catalan Chilean Chinese Colombian Croatian Cuban Czech Danish Dutch Egyptian Estonian "
    "Ethiopian European Finnish French Georgian German Ghanaian Greek Hungarian Icelandic Indian Indonesian Iranian "
    "Irish Israeli Italian Jamaican Japanese Jordanian Kenyan Korean Latvian Lebanese Lithuanian Malaysian Maltese "
    "Mexican Moroccan Nepalese Nigerian Norwegian Pakistani Peruvian Polish Portuguese Romanian Russian Scottish "
    "Serbian Slovak Slovenian Somali Spanish Swedish Swiss Syrian Thai Tunisian Turkish Ukrainian Vietnamese Welsh",
}
"""Lists of names that Faker lacks."""

WORDS = {
    name: tuple(words.split())
    for name, words in {
        "noun": "account agreement album analysis answer archive article attack audit ballot bill bridge budget "
        "building campaign case change claim coalition collection committee concert contract cost court crisis "
        "debate decision deficit delay design dispute document election engine estimate event exhibition factory "
        "film fire forecast fund garden goal hearing hospital idea incident increase inquiry interview issue "
        "laboratory law letter library loan loss market match measure meeting memory message method museum notice "
        "offer office opera order paper partner patent pension plan plant policy price problem profit programme "
        "project proposal protest question race railway recipe record reform report response result review rise "
        "risk road rule sale school season service ship signal song speech station stock storm story strike study "
        "survey system tax team test theatre theory trial union vaccine vote warehouse weather year",
        "nouns": "accounts actors animals banks books buses cameras children cities clients costs customers delays "
        "doctors drivers elections engineers exports families farmers fees files fires games guests homes images "
        "imports investors jobs judges lawyers loans losses machines members ministers models mountains nurses "
        "offers officers owners papers parents passengers patients planes players prices profits questions records "
        "results rivals roads rules sales schools scientists seats sensors shops singers soldiers streets students "
        "taxes teachers tests tickets tourists trains trees villages visitors voters weeks workers writers",
        "adjective": "absurd annual awkward bad basic better brief bright broad careful central cheap clear close "
        "cold common complex costly crowded dangerous difficult early easy effective empty expensive fair false "
        "familiar final fine foreign formal fragile free full global good heavy honest huge important independent "
        "internal large late legal local long major minor modern national new odd official old open ordinary "
        "overdue painful popular possible private public quiet rare real recent regional safe secret senior serious "
        "sharp short simple slow small special steady strange strong sudden technical typical unclear unfair "
        "uniform unusual urgent useful usual vague weak wide wrong",
        "said": "said said said added argued insisted admitted explained claimed wrote warned announced",
        "did": "visited left joined praised criticised rejected ignored mentioned remembered supported watched "
        "blamed defended discovered followed reached saw sued thanked trusted welcomed",
        "acted": "won lost waited declined recovered returned agreed struggled collapsed improved apologised changed "
        "grew suffered withdrew disappeared protested paid failed arrived",
        "done": "praised criticised closed founded sold bought renamed damaged forgotten rebuilt investigated "
        "mentioned discussed expected invited fined chosen ignored rescued surprised",
        "adverb": "again already barely clearly easily finally frankly gradually hardly largely later mostly nearly "
        "often once openly partly perhaps possibly probably quickly quietly rarely really reportedly simply slowly "
        "soon still suddenly usually",
        "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "month": "January February April June July August September October November December",
        "count": "two three four five six seven eight nine ten twelve twenty thirty",
        "ordinal": "first second third fourth fifth sixth",
        "suffix": "Inc Ltd PLC LLC Group Holdings AG GmbH Corp Bank Partners Media",
        "branch": "Motors Airlines Steel Brewery Insurance Energy Foods Telecom Shipping Pharma",
        "side": "United City Rovers Wanderers Athletic Rangers Lions Eagles",
        "field": "Agriculture Culture Defence Education Energy Finance Health Justice Labour Science Transport",
        "prize": "Cup Prize Trophy Medal Award Open Classic Marathon Festival Biennale",
        "ground": "Street Bridge Square Park Valley Island Bay Falls Avenue Airport",
        "initials": "CEO TV GDP VAT FAQ PDF DNA HR PIN CCTV AGM Q&A",
    }.items()
}
NUMBERS = {"n": (2, 90), "year": (1961, 2026), "goals": (0, 6), "thousands": (2, 900), "date": (1, 29)}
"""The range [low, high) of each kind of number."""
LETTERS = "AABCDEEFGHIIKLMNOPRSTUVW"


def lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def forms(text: str) -> tuple[str, ...]:
    return tuple(form.strip() for form in text.split("|"))


ENTITIES = {
    slot: (kind, forms(text))
    for slot, kind, text in (
        ("PERSON", "PER", "{first} {last} | {first} {last} | {first} {last} | {first} {letter}. {last} | {last}"),
        ("SURNAME", "PER", "{last}"),
        ("GIVEN", "PER", "{first}"),
        ("FIRM", "ORG", "{last} {suffix} | {last} {suffix} | {last} & {last} | {last} | {city} {branch} | {brand} "
         "| {brand} | {bank} | {acronym} | {thing} | {thing} {suffix}"),
        ("BODY", "ORG", "{acronym} | {acronym} | University of {city} | {city} University | Ministry of {field} "
         "| {last} Foundation | {demonym} {field} Agency | {city} City Council | {last} Institute"),
        ("CLUB", "ORG", "{city} | {city} | {city} | {city} {side} | FC {city} | {country} | {thing}"),
        ("CITY", "LOC", "{city}"),
        ("LAND", "LOC", "{country} | {country} | {region}"),
        ("SPOT", "LOC", "{last} {ground} | {first} {ground} | Mount {last} | Lake {thing} | Port {last} | {last} "
         "| {city} {ground} | {thing} {ground}"),
        ("NATION", "MISC", "{demonym}"),
        ("EVENT", "MISC", "{city} {prize} | {last} {prize} | {thing} {prize} | {demonym} {prize}"),
        ("WORK", "MISC", "The {Adjective} {Noun} | {thing} | {last} 's {Noun} | {Noun} of {city} | {Adjective} {Nouns}"),
        ("PRODUCT", "MISC", "{last} {n} | {thing} {n} | {thing} | {acronym}-{n} | {brand} {n}"),
    )
}  # fmt: skip

PHRASES = {
    slot: forms(text)
    for slot, text in {
        "who": "{PERSON} | {PERSON} | {SURNAME} | Mr {SURNAME} | Ms {SURNAME} | Dr {SURNAME} | the {job} "
        "| {PERSON} , a {job} , | {PERSON} , {n} , | the {NATION} {job} | she | he",
        "group": "{FIRM} | {FIRM} | {BODY} | the {BODY} | the company | the committee",
        "place": "{CITY} | {CITY} | {LAND} | {SPOT} | {CITY} , {LAND} | the capital | the region",
        "any": "{PERSON} | {SURNAME} | {GIVEN} | {FIRM} | {FIRM} | {CLUB} | {CITY} | {LAND} | {SPOT} | {WORK} "
        "| {PRODUCT}",
        "when": "on {day} | on {day} | in {month} | in {year} | on {date} {month} | yesterday | this week "
        "| last {month} | {count} years ago",
        "thought": "the {noun} was {adjective} | the {nouns} were {adjective} | there was no {noun} "
        "| it had been a {adjective} {noun} | a {adjective} {noun} was {adverb} needed "
        "| {any} had {adverb} {acted} | {any} would be {done}",
        "object": "the {noun} | a {adjective} {noun} | the {nouns} | {count} {nouns} | {adjective} {nouns}",
        "detail": "{when} | after a {adjective} {noun} | despite the {noun} | with {adjective} {nouns} "
        "| before the {noun} | in {place} | because of the {nouns}",
    }.items()
}

SENTENCES = lines("""
    {who} {said} {when} that {thought} .
    {who} {said} {thought} .
    {who} , who was born in {place} , {did} {object} {detail} .
    " {thought} , " {said} {who} .
    " we {adverb} {did} {any} , " {who} {said} .
    {who} {did} {any} {detail} .
    {any} {adverb} {acted} {detail} .
    {any} {acted} , and {any} {acted} too .
    {any} was {done} {when} .
    {any} was {adverb} {done} {detail} .
    it was all about {any} , and nobody {did} {object} .
    everyone at the {noun} {did} {any} {adverb} .
    few {nouns} had heard of {any} before the {noun} .
    the {noun} between {any} and {any} {acted} {when} .
    the {adjective} {noun} of {any} {did} {object} .
    what {any} did {when} was {adjective} .
    {group} {said} {when} that {thought} .
    {group} cut {n} jobs in {place} {when} .
    {group} hired {who} as a {job} {when} .
    shares in {FIRM} rose {n} percent after {object} .
    {FIRM} bought {FIRM} for $ {thousands} million .
    {FIRM} , based in {CITY} , makes {nouns} and {nouns} .
    the {job} of {FIRM} {did} {object} {detail} .
    a spokesman for {group} declined to discuss {object} .
    {BODY} published a {adjective} {noun} {detail} .
    researchers at the {BODY} {did} {object} .
    {who} works for {group} in {place} .
    {CLUB} beat {CLUB} {goals} - {goals} {when} .
    {CLUB} drew {goals} - {goals} with {CLUB} .
    {CLUB} signed {PERSON} from {CLUB} {when} .
    {SURNAME} scored twice as {CLUB} {acted} .
    the coach of {CLUB} {said} {thought} .
    the match in {CITY} was {adjective} , but {CLUB} {acted} .
    {who} lives in {place} with {count} children .
    {who} flew from {place} to {place} {when} .
    heavy rain closed the roads near {place} {when} .
    the {nouns} of {place} {did} {object} .
    in {place} , {nouns} were {adjective} and {nouns} were {adjective} .
    police in {place} {did} {count} {nouns} {when} .
    {place} has {thousands} {nouns} and a {adjective} {noun} .
    the {NATION} {noun} was {adverb} {adjective} .
    a {NATION} court {did} {object} {when} .
    {NATION} and {NATION} {nouns} {did} {object} .
    {who} won the {EVENT} {when} .
    the {EVENT} in {place} attracted {thousands} {nouns} .
    {who} starred in {WORK} , a {adjective} film about {nouns} .
    the {adjective} novel {WORK} was {done} {when} .
    the new {PRODUCT} costs $ {thousands} and is {adjective} .
    {FIRM} will sell the {PRODUCT} in {place} .
    {who} , formerly of {group} , {did} {any} .
    according to {who} , {thought} .
    according to {group} , {thought} .
    {SURNAME} and {SURNAME} {did} {object} in {CITY} .
    {PERSON} ( {CLUB} ) {acted} {detail} .
    {CITY} , {date} {month} {year} .
    {GIVEN} {said} {GIVEN} was {adverb} {adjective} .
    dear {GIVEN} , thank you for {object} .
    the {noun} {acted} {adverb} , and the {nouns} were {adjective} .
    there were {count} {nouns} and a {adjective} {noun} , but no {noun} .
    on {day} , the {noun} was {adverb} {adjective} .
    the Chief {Job} {did} {object} {when} .
    see Chapter {n} of the Annual {Noun} for {object} .
    the {initials} {did} {object} , and {nouns} {acted} .
    please send {object} to the {Noun} Office by {day} .
    the Terms and {Nouns} were {adjective} .
    what a {adjective} {noun} !
    why was the {noun} so {adjective} ?
    {nouns} are {adjective} , {nouns} are not .
    press the {Adjective} button , then choose {Noun} and {Noun} .
    the Board will meet on {day} , {date} {month} .
    the {adjective} {noun} {did} {object} {detail} .
    {count} {nouns} {acted} {when} , the {noun} {said} .
    {any} {acted} after {adjective} {noun}
    {FIRM} cuts {n} jobs in {CITY}
    {CLUB} stun {CLUB} in {ordinal} round
    {SURNAME} to leave {FIRM} after {noun}
    {adjective} {noun} worries {NATION} {nouns}
    new {noun} means {adjective} {nouns}
    {nouns} : a {adjective} {noun} in {CITY}
""")
"""Patterns of every part. Without a final stop: a headline, printed in capitals."""

HELD_OUT = lines("""
    few people in {place} have forgotten how {any} {acted} {when} .
    born in {CITY} in {year} , {PERSON} {did} {group} at the age of {n} .
    asked about {any} , {who} shrugged .
    neither {any} nor {any} {did} {object} .
    {group} 's {job} , {PERSON} , {acted} {detail} .
    under {who} , {group} {adverb} {acted} .
    it took {who} {count} years to reach {any} .
    no one {did} {any} like {any} .
    {object} made {any} {adjective} .
    thanks to {any} , {thought} .
    if {any} {acted} , {any} might follow .
    {CLUB} 's {ordinal} goal came from {SURNAME} after {n} minutes .
    away to {CLUB} , {CLUB} {adverb} {acted} .
    with {SURNAME} injured , {CLUB} turned to {PERSON} .
    the road from {place} to {place} was {adverb} {adjective} .
    trains between {CITY} and {CITY} were {done} {when} .
    north of {SPOT} , {nouns} were {done} .
    the merger of {FIRM} with {FIRM} {did} {nouns} .
    analysts at {FIRM} expect {object} .
    {BODY} and {BODY} will share {object} .
    readers of {WORK} will remember {any} .
    at the {EVENT} , {who} {adverb} {acted} .
    her {NATION} was {adjective} , his {NATION} {adjective} .
    my {noun} runs on a {PRODUCT} and {nouns} .
    is {any} really so {adjective} ?
    ask {any} about the {noun} !
    no {noun} is ever {adjective} , as the {initials} {said} .
    the {Noun} Department moved to Room {n} on {day} .
    some {nouns} {acted} , others were {adverb} {done} .
    between {day} and {day} the {noun} {acted} .
    {any} and {any} : a {adjective} {noun}
    {CITY} {noun} : {FIRM} blames {SURNAME}
    why {any} needs a {adjective} {noun}
""")
"""Patterns of the test part alone."""
