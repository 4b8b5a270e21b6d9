"""Regular expressions for parameters, in the dialect of JSON Schema.

They are published in the OpenAPI document, and the API accepts every value that
matches. Days that do not exist, such as 31 April, do not match.
"""

from __future__ import annotations

from timeline.core.public_ids import ALPHABET, LENGTH

_DAYS = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
# Years 2 to 9998: an instant in them is on the timeline, whatever its offset.
_INNER_YEARS = (
    "(?:000[2-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])"
)
_FOURTHS = "(?:0[48]|[2468][048]|[13579][26])"
_LEAP_YEARS = f"(?:[0-9]{{2}}{_FOURTHS}|{_FOURTHS}00)"
# Without the first day of year 1 and the last day of year 9999, which are not on the timeline.
_FIRST_YEAR = (
    "0001-(?:01-(?:0[2-9]|[12][0-9]|3[01])|(?:0[3578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_LAST_YEAR = (
    "9999-(?:12-(?:0[1-9]|[12][0-9]|30)|(?:0[13578]|10)-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
_OFFSET = "[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9]"

INSTANT = (
    f"^(?:(?:{_INNER_YEARS}-{_DAYS}|{_LEAP_YEARS}-02-29)(?:[T ]{_CLOCK}(?:[Zz]|{_OFFSET})?)?"
    f"|(?:{_FIRST_YEAR}|{_LAST_YEAR})(?:[T ]{_CLOCK}[Zz]?)?"
    "|9999-12-31(?:[T ]00:00(?::00)?[Zz]?)?)$"
)
PUBLIC_ID = f"^[{ALPHABET}]{{{LENGTH}}}$"
YEAR = "^(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})$"
MONTH = "^(?:0[1-9]|1[0-2])$"
DAY = "^(?:0[1-9]|[12][0-9]|3[01])$"
HOUR = "^(?:[01][0-9]|2[0-3])$"
