"""What a record looks like: stars by rule, the year in pictures, who is commended, a statement in words. Pure."""

from timebank.growth.rules.commending import Point, YearOf, weigh
from timebank.growth.rules.recognition import (
    BUILT_IN_RECOGNITION,
    MOST_ACTIVITIES,
    MOST_STAR_HOURS,
    RECOGNITION_SETTINGS,
    STAR_SETTINGS,
    STAR_WORDS,
    STARS,
    Recognition,
    RecognitionVersion,
    recognition_of,
    recognition_on,
    recognition_sentences,
    star_name,
    version_words,
)
from timebank.growth.rules.stars import Reached, Stars, stars_of
from timebank.growth.rules.words import Movement, words
from timebank.growth.rules.year import HEAT_STEPS, Month, Square, shade, year_months, year_squares

__all__ = [
    "BUILT_IN_RECOGNITION",
    "HEAT_STEPS",
    "MOST_ACTIVITIES",
    "MOST_STAR_HOURS",
    "RECOGNITION_SETTINGS",
    "STARS",
    "STAR_SETTINGS",
    "STAR_WORDS",
    "Month",
    "Movement",
    "Point",
    "Reached",
    "Recognition",
    "RecognitionVersion",
    "Square",
    "Stars",
    "YearOf",
    "recognition_of",
    "recognition_on",
    "recognition_sentences",
    "shade",
    "star_name",
    "stars_of",
    "version_words",
    "weigh",
    "words",
    "year_months",
    "year_squares",
]
