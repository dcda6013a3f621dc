"""The script that a language is written in as a rule, by its code (Unicode CLDR 46, likely subtags)."""

_LANGUAGES = {
    "Arabic": "ar arz azb ckb fa lrc mzn pnb ps sd ug ur",
    "Armenian": "hy",
    "Bengali": "as bn bpy",
    "Cyrillic": "av ba be bg bxr ce cv kk krc kv ky lez mhr mk mn mrj myv os ru rue sah sr tg tt tyv uk xal",
    "Devanagari": "bh dty gom hi mai mr ne new sa",
    "Ethiopic": "am ti",
    "Georgian": "ka xmf",
    "Greek": "el",
    "Gujarati": "gu",
    "Gurmukhi": "pa",
    "Han": "wuu yue zh",
    "Hangul": "ko",
    "Hebrew": "he yi",
    "Japanese": "ja",
    "Kannada": "kn",
    "Khmer": "km",
    "Lao": "lo",
    "Latin": (
        "af als an ast az bar bcl br bs ca cbk ceb co cs cy da de diq dsb eml en eo es et eu fi fr frr fy ga gd gl gn"
        " gv hif hr hsb ht hu ia id ie ilo io is it jbo jv ku kw la lb li lmo lt lv mg min ms mt mwl nah nap nds nl nn"
        " no oc pam pfl pl pms pt qu rm ro sc scn sco sh sk sl so sq su sv sw tk tl tr uz vec vep vi vls vo wa war yo"
    ),
    "Malayalam": "ml",
    "Myanmar": "my",
    "Odia": "or",
    "Sinhala": "si",
    "Tamil": "ta",
    "Telugu": "te",
    "Thaana": "dv",
    "Thai": "th",
    "Tibetan": "bo",
}
_BY_LANGUAGE = {code: script for script, codes in _LANGUAGES.items() for code in codes.split()}
UNKNOWN = "(not known)"


def script(language: str) -> str:
    """The script of a language: of its code, or the part behind `_` where the code names it, e.g. `srp_Latn`."""
    _, mark, named = language.partition("_")
    return named if mark else _BY_LANGUAGE.get(language, UNKNOWN)
