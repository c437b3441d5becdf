"""The words, names and patterns of the generated corpus: data, for `corpus.py` to write sentences with.

A slot in capitals is an entity, any other a phrase, a word or a number; {Noun} is a {noun} with a capital.
"a" becomes "an" where it has to.
"""

from __future__ import annotations

TYPES = frozenset({"PER", "ORG", "LOC", "MISC"})

LISTS = {
    "first": "person.en_US.first_names person.en_GB.first_names person.en_IE.first_names "
    "person.en_KE.first_names person.de_DE.first_names person.fr_FR.first_names "
    "person.es_ES.first_names person.it_IT.first_names",
    "last": "person.en_US.last_names person.en_GB.last_names person.en_IE.last_names "
    "person.en_KE.last_names person.de_DE.last_names person.fr_FR.last_names "
    "person.es_ES.last_names person.it_IT.last_names person.pl_PL.male_last_names",
    "city": "address.de_DE.cities address.de_CH.cities address.en_IN.cities address.pl_PL.cities "
    "address.pt_PT.cities address.ro_RO.cities address.da_DK.cities address.fi_FI.cities "
    "address.id_ID.cities",
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
ARTICLE = "United|Nether|Holy|Isle|Baham|Comor|Gambia|Maldiv|Philip|Russian|Palestinian|Western"
"""How countries begin that would need 'the' in a sentence."""
SPELLING = {
    "first": r"[^\W\d_a-z][^\W\d_]+(?:-[^\W\d_]+)?",
    "last": r"[^\W\d_a-z]['’]?[^\W\d_]+(?:-[^\W\d_]+)?",
    "city": rf"(?!Hansestadt){NAME}",
    "country": rf"(?!{ARTICLE})(?!.*(?:Islands|Republic)){NAME}",
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
    "demonym": "Albanian American Argentine Armenian Australian Austrian Bavarian Belgian Bolivian Brazilian "
    "British Bulgarian Canadian Catalan Chilean Chinese Colombian Croatian Cuban Czech Danish "
    "Dutch Egyptian Estonian Ethiopian European Finnish French Georgian German Ghanaian Greek "
    "Hungarian Icelandic Indian Indonesian Iranian Irish Israeli Italian Jamaican Japanese "
    "Jordanian Kenyan Korean Latvian Lebanese Lithuanian Malaysian Maltese Mexican Moroccan "
    "Nepalese Nigerian Norwegian Pakistani Peruvian Polish Portuguese Romanian Russian Scottish "
    "Serbian Slovak Slovenian Somali Spanish Swedish Swiss Syrian Thai Tunisian Turkish Ukrainian "
    "Vietnamese Welsh",
}
"""Lists of names that Faker lacks."""

WORDS = {
    name: tuple(words.split())
    for name, words in {
        "noun": "account agreement album analysis answer archive article attack audit ballot bill bridge "
        "budget building campaign case change claim coalition collection committee concert contract "
        "cost court crisis debate decision deficit delay design dispute document election engine "
        "estimate event exhibition factory film fire forecast fund garden goal hearing hospital idea "
        "incident increase inquiry interview issue laboratory law letter library loan loss market "
        "match measure meeting memory message method museum notice offer office opera order paper "
        "partner patent pension plan plant policy price problem profit programme project proposal "
        "protest question race railway recipe record reform report response result review rise risk "
        "road rule sale school season service ship signal song speech station stock storm story "
        "strike study survey system tax team test theatre theory trial union vaccine vote warehouse "
        "weather year",
        "things": "accounts animals answers banks books buses cameras changes cities contracts costs delays "
        "exports factories fees files films fires forecasts games homes hospitals images imports jobs "
        "laws letters loans losses machines markets methods models mountains museums offers offices "
        "papers patents plans planes prices problems profits questions records results roads rules "
        "sales schools seats sensors shops signals songs streets studies systems taxes tests theatres "
        "tickets trains trees vaccines villages votes weeks",
        "people": "actors artists children clients customers doctors drivers engineers families farmers fans "
        "guests investors judges lawyers leaders members ministers neighbours nurses officers owners "
        "parents passengers patients players readers residents rivals scientists singers soldiers "
        "students teachers tourists visitors volunteers voters witnesses workers writers",
        "goods": "books boots bread cables cameras cars chairs cheese clocks engines furniture glass "
        "machines medicine paper pipes robots sensors shoes soap software tools toys trains tyres vaccines "
        "watches windows wine",
        "adjective": "absurd annual awkward bad basic better bright broad central cheap clear common complex "
        "costly dangerous difficult early easy effective expensive fair false familiar final fine "
        "foreign formal fragile full global good heavy huge important independent internal large late "
        "legal local long major minor modern new odd official old open ordinary overdue painful "
        "popular possible private public quiet rare real recent regional safe secret serious sharp "
        "short simple slow small special steady strange strong sudden technical typical unclear "
        "unfair uniform unusual urgent useful usual vague wrong",
        "said": "said said said added argued insisted admitted explained claimed wrote warned announced",
        "did": "visited left joined praised criticised rejected ignored mentioned remembered supported "
        "watched blamed defended discovered followed reached saw thanked trusted welcomed",
        "hit": "affected changed delayed divided helped hurt influenced overshadowed revealed shaped "
        "surprised worried threatened annoyed pleased transformed",
        "acted": "won lost waited declined recovered returned agreed struggled collapsed improved apologised "
        "changed grew suffered withdrew disappeared protested paid failed arrived",
        "went": "ended collapsed continued failed grew improved resumed stopped changed mattered",
        "done": "praised criticised closed founded sold bought renamed damaged forgotten rebuilt "
        "investigated mentioned discussed expected chosen ignored rescued",
        "adverb": "again already barely clearly easily finally frankly gradually hardly largely later mostly "
        "nearly often once openly partly perhaps possibly probably quickly quietly rarely really "
        "reportedly simply slowly soon still suddenly usually",
        "win": "1-0 2-0 2-1 3-0 3-1 3-2 4-1 4-2 5-0",
        "tie": "0-0 1-1 2-2 3-3",
        "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "month": "January February April June July August September October November December",
        "count": "two three four five six seven eight nine ten twelve twenty thirty",
        "ordinal": "first second third fourth fifth sixth",
        "suffix": "Inc Ltd PLC LLC Group Holdings AG GmbH Corp Bank Partners Media",
        "branch": "Motors Airlines Steel Brewery Insurance Energy Foods Telecom Shipping Pharma",
        "side": "United City Rovers Wanderers Athletic Rangers Lions Eagles",
        "field": "Culture Defence Education Energy Finance Health Justice Labour Science Transport",
        "prize": "Cup Prize Trophy Medal Award Open Classic Marathon Festival Biennale",
        "ground": "Street Bridge Square Park Valley Island Bay Falls Avenue Airport",
        "initials": "CEO TV GDP VAT FAQ PDF DNA HR PIN CCTV AGM Q&A",
    }.items()
}
NUMBERS = {"n": (2, 90), "year": (1961, 2026), "age": (19, 81), "thousands": (2, 900), "date": (1, 29)}
"""The range [low, high) of each kind of number."""
LETTERS = "AABCDEEFGHIIKLMNOPRSTUVW"


def lines(text: str) -> tuple[str, ...]:
    """One pattern a line."""
    return tuple(line.strip() for line in text.strip().splitlines())


def forms(text: str) -> tuple[str, ...]:
    """One form between two bars."""
    return tuple(form.strip() for form in text.split("|"))


ENTITIES = {
    slot: (kind, forms(text))
    for kind, slots in {
        "PER": {
            "PERSON": "{first} {last} | {first} {last} | {first} {last} | {first} {letter}. {last} | {last}",
            "SURNAME": "{last}",
            "GIVEN": "{first}",
        },
        "ORG": {
            "FIRM": "{last} {suffix} | {last} {suffix} | {last} & {last} | {last} | {city} {branch} "
            "| {brand} | {brand} | {bank} | {acronym} | {thing} | {thing} {suffix}",
            "BODY": "{acronym} | {acronym} | University of {city} | {city} University | Ministry of {field} "
            "| {last} Foundation | {demonym} {field} Agency | {city} City Council | {last} Institute",
            "CLUB": "{city} | {city} | {city} | {city} {side} | FC {city} | {country} | {thing}",
        },
        "LOC": {
            "CITY": "{city}",
            "LAND": "{country} | {country} | {region}",
            "SPOT": "{last} {ground} | {first} {ground} | Mount {last} | Lake {thing} | Port {last} | {last} "
            "| {city} {ground} | {thing} {ground}",
        },
        "MISC": {
            "NATION": "{demonym}",
            "EVENT": "{city} {prize} | {last} {prize} | {thing} {prize} | {demonym} {prize}",
            "WORK": "The {Adjective} {Noun} | {thing} | {last} 's {Noun} | {Noun} of {city} | {Adjective} {Things}",
            "PRODUCT": "{last} {n} | {thing} {n} | {thing} | {acronym}-{n} | {brand} {n}",
        },
    }.items()
    for slot, text in slots.items()
}
"""The type of each entity, and the forms that it takes; one written twice is drawn twice as often."""

PHRASES = {
    slot: forms(text)
    for slot, text in {
        "whom": "{PERSON} | {PERSON} | {SURNAME} | Mr {SURNAME} | Ms {SURNAME} | Dr {SURNAME} | {PERSON} , a "
        "{job} , | {PERSON} , {age} , | {PERSON} of {group} | the {job} {PERSON} | the {NATION} {job}",
        "who": "{whom} | {whom} | {whom} | {whom} | {whom} | the {job} | she | he",
        "group": "{FIRM} | {FIRM} | the {BODY} | the {BODY} | the {NATION} company | the committee",
        "place": "{CITY} | {CITY} | {LAND} | {SPOT} | {CITY} , {LAND}",
        "any": "{PERSON} | {SURNAME} | {GIVEN} | {FIRM} | {FIRM} | {CLUB} | {CITY} | {LAND} | {SPOT} | "
        "{WORK} | {PRODUCT}",
        "when": "on {day} | on {day} | in {month} | in {year} | on {date} {month} | yesterday | this week | "
        "last {month} | {count} years ago",
        "thought": "the {noun} was {adjective} | the {people} were {done} | there was no {noun} "
        "| it had been a {adjective} {noun} | a {adjective} {noun} was {adverb} needed "
        "| {any} had {adverb} {acted} | {any} would be {done} | {any} had {hit} {any}",
        "object": "the {noun} | a {adjective} {noun} | the {people} | {count} {things} "
        "| {adjective} {things} | the {noun} of {any}",
        "detail": "{when} | after a {adjective} {noun} | despite the {noun} | with {adjective} {things} | "
        "before the {noun} | in {place} | because of the {people} | near {place} {when}",
    }.items()
}

SENTENCES = lines("""
    {who} {said} {when} that {thought} .
    {who} {said} {thought} .
    {whom} , who was born in {place} , {did} {object} {detail} .
    " {thought} , " {said} {who} .
    " we {adverb} {did} {any} , " {who} {said} .
    {who} {did} {any} {detail} .
    {any} {adverb} {acted} {detail} .
    {any} {acted} , and {any} {acted} too .
    {any} was {done} {when} .
    {any} was {adverb} {done} {detail} .
    it was all about {any} , and nobody {did} {object} .
    everyone at the {noun} {adverb} {did} {any} .
    few {people} had heard of {any} before the {noun} .
    the {noun} between {any} and {any} {went} {when} .
    the {adjective} {noun} of {any} {hit} {object} .
    what {any} did {when} was {adjective} .
    {group} {said} {when} that {thought} .
    {group} cut {n} jobs in {place} {when} .
    {group} hired {whom} as a {job} {when} .
    shares in {FIRM} rose {n} percent after {object} .
    {FIRM} bought {FIRM} for $ {thousands} million .
    {FIRM} , based in {CITY} , makes {goods} and {goods} .
    the {job} of {FIRM} {did} {object} {detail} .
    a spokesman for {group} declined to discuss {object} .
    the {BODY} published a {adjective} {noun} {detail} .
    researchers at the {BODY} {did} {object} .
    {who} works for {group} in {place} .
    {CLUB} beat {CLUB} {win} {when} .
    {CLUB} drew {tie} with {CLUB} .
    {CLUB} signed {PERSON} from {CLUB} {when} .
    {SURNAME} scored twice as {CLUB} {acted} .
    the coach of {CLUB} {said} {thought} .
    the match in {CITY} was {adjective} , but {CLUB} {acted} .
    {who} lives in {place} with {count} {people} .
    {who} flew from {place} to {place} {when} .
    heavy rain closed the roads near {place} {when} .
    the {people} of {place} {did} {object} .
    in {place} , {things} were {adjective} and {things} were {adjective} .
    police in {place} {did} {count} {people} {when} .
    {place} has {thousands} {things} and a {adjective} {noun} .
    the {NATION} {noun} was {adverb} {adjective} .
    a {NATION} court {did} {object} {when} .
    {NATION} and {NATION} {people} {did} {object} .
    {who} won the {EVENT} {when} .
    the {EVENT} in {place} attracted {thousands} {people} .
    {who} starred in {WORK} , a {adjective} film about {people} .
    the {adjective} novel {WORK} was {done} {when} .
    the new {PRODUCT} costs $ {thousands} and is {adjective} .
    {FIRM} will sell the {PRODUCT} in {place} .
    {whom} , formerly of {group} , {did} {any} .
    according to {whom} , {thought} .
    according to {group} , {thought} .
    {SURNAME} and {SURNAME} {did} {object} in {CITY} .
    {PERSON} ( {CLUB} ) {acted} {detail} .
    {CITY} , {date} {month} {year} .
    {GIVEN} {said} {GIVEN} was {adverb} {adjective} .
    dear {GIVEN} , thank you for {object} .
    the {noun} {adverb} {went} , and the {things} were {adjective} .
    there were {count} {people} and a {adjective} {noun} , but no {noun} .
    on {day} , the {noun} was {adverb} {adjective} .
    the Chief {Job} {did} {object} {when} .
    see Chapter {n} of the Annual {Noun} for {object} .
    the {initials} {noun} {hit} {object} , and {people} {acted} .
    please send {object} to the {Noun} Office by {day} .
    the Terms and {Things} were {adjective} .
    what a {adjective} {noun} !
    why was the {noun} so {adjective} ?
    {people} like {things} , {people} like {things} .
    press the {Adjective} button , then choose {Noun} and {Noun} .
    the Board will meet on {day} , {date} {month} .
    the {adjective} {noun} {hit} {object} {detail} .
    {count} {people} {acted} {when} , the {job} {said} .
    {CLUB} 's {ordinal} goal came from {SURNAME} after {n} minutes .
    away to {CLUB} , {CLUB} {adverb} {acted} .
    trains between {place} and {place} were {adjective} {when} .
    her {NATION} was {adjective} , his {NATION} {adjective} .
    neither {any} nor {any} {did} {object} .
    {group} 's {job} , {PERSON} , {acted} {detail} .
    {any} 's {noun} was {adverb} {adjective} .
    {any} 's {people} {adverb} {did} {any} .
    my {noun} runs on a {PRODUCT} .
    why did {any} {adverb} need {object} ?
    {whom} and {whom} {did} {object} {when} .
    if {any} {acted} , {thought} .
    with {any} and {any} , {thought} .
    {any} {acted} after {adjective} {noun}
    {CITY} {noun} : {FIRM} blames {SURNAME}
    {any} 's {adjective} {noun}
    {FIRM} cuts {n} jobs in {CITY}
    {CLUB} stun {CLUB} in {ordinal} round
    {SURNAME} to leave {FIRM} after {noun}
    {adjective} {noun} worries {NATION} {people}
    new {noun} means {adjective} {things}
    {things} : a {adjective} {noun} in {CITY}
""")
"""Patterns of every part. Without a final stop: a headline, printed in capitals."""

HELD_OUT = lines("""
    few people in {place} have forgotten how {whom} {acted} {when} .
    born in {CITY} in {year} , {PERSON} {did} {group} at the age of {age} .
    asked about {any} , {who} shrugged .
    either {any} or {any} {did} {object} .
    {PERSON} , the {job} of {group} , {acted} {detail} .
    under {whom} , {group} {adverb} {acted} .
    it took {whom} {count} years to reach {place} .
    {object} {hit} {people} in {place} .
    thanks to {any} , {thought} .
    when {any} {acted} , {group} {acted} too .
    {CLUB} lost {win} at {CLUB} , whose {ordinal} goal was {adjective} .
    at home to {CLUB} , {CLUB} {adverb} {acted} {when} .
    with {SURNAME} injured , {CLUB} turned to {PERSON} .
    the road from {place} to {place} was {adverb} {adjective} .
    buses from {CITY} to {CITY} were {adjective} {when} .
    north of {SPOT} , {things} were {adjective} .
    the merger of {FIRM} with {FIRM} {hit} {people} .
    analysts at {FIRM} expect {object} .
    the {BODY} and the {BODY} will share {object} .
    readers of {WORK} will remember {whom} .
    at the {EVENT} , {who} {adverb} {acted} .
    a {NATION} {job} sold the {PRODUCT} {when} .
    is {any} really so {adjective} ?
    ask {whom} about the {noun} !
    no {initials} {noun} is ever {adjective} .
    most {people} {did} the {noun} , and a few {did} {things} .
    who {did} the {Adjective} {Noun} report on page {n} ?
    the {Noun} Department moved to Room {n} on {day} .
    some {people} {acted} , others were {adverb} {done} .
    between {day} and {day} the {noun} {went} .
    {FIRM} {noun} : {SURNAME} blames {CITY}
    why {any} needs a {adjective} {noun}
""")
"""Patterns of the test part alone."""
