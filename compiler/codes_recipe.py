"""Diagnostic codes about the text of recipes, and the command line: groups R and P (see `codes`)."""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc

__all__ = ["RECIPE_CODES"]

RECIPE_CODES: dict[str, CodeDoc] = {
    "R0001": CodeDoc(
        "a file cannot be read",
        "A recipe, or a file that a recipe names in `extends`, does not exist or cannot be read. Paths on the command\n"
        "line are relative to the current directory; paths inside a recipe are relative to the file they stand in.",
    ),
    "R0002": CodeDoc(
        "a recipe file is too large",
        "Recipes are small. A file above 1 MiB is refused before it is parsed, because it is almost certainly\n"
        "something else (a model, a video, a log) whose name was given by mistake.",
    ),
    "R0003": CodeDoc(
        "a file is not plain UTF-8 text",
        "Recipes are UTF-8, with or without a byte order mark, with LF or CRLF line ends. Control characters other\n"
        "than tab and line end, and the Unicode line separators U+0085, U+2028 and U+2029, are refused: editors and\n"
        "YAML readers do not agree on what they mean.",
    ),
    "R0004": CodeDoc(
        "the text is not YAML",
        "The YAML reader stopped at the marked place, so nothing after it was checked. The usual causes are a tab in\n"
        "the indentation, a quote or bracket that is not closed, a text containing `: ` or starting with one of\n"
        "@ ` % & * ! | > without quotes, and lines of one mapping that do not start in the same column.",
    ),
    "R0005": CodeDoc(
        "a key is written twice",
        "YAML readers differ in what they do with a repeated key; most silently keep the last one. dsimport refuses\n"
        "it. Remove one of the two.",
    ),
    "R0006": CodeDoc(
        "an alias that stands for nothing",
        "`*name` repeats the value that was marked `&name` further up in the same file. The anchor must come first,\n"
        "and a value cannot contain itself. A text that starts with `*` or `&` needs quotes.",
    ),
    "R0007": CodeDoc(
        "a recipe that unfolds to too much",
        "Nesting deeper than 64 levels, or more than 100,000 values after every alias has been replaced by what it\n"
        "stands for, is no recipe but an accident or an attack (a few lines of nested aliases can stand for billions).",
    ),
    "R0008": CodeDoc(
        "the merge key << is not supported",
        "`<<` is not part of YAML 1.2. To share values between recipes put them into a file and name it in `extends`:\n"
        "mappings are merged key by key, and the extending file wins.",
    ),
    "R0009": CodeDoc(
        "a YAML tag is not supported",
        "Only the tags of the YAML core schema are understood (!!str, !!int, !!float, !!bool, !!null, !!map, !!seq).\n"
        "A text that starts with `!` needs quotes.",
    ),
    "R0010": CodeDoc(
        "one file holds one recipe",
        "A line `---` starts another YAML document; a recipe file holds exactly one. A `%YAML` directive other than\n"
        "1.2 is refused, because YAML 1.1 reads `no`, `on` and `017` differently.",
    ),
    "R0011": CodeDoc(
        "a number that cannot be used",
        "Infinity, not-a-number, and numbers that do not fit in 64 bits have no meaning in a recipe.",
    ),
    "R0012": CodeDoc(
        "a number with a leading zero",
        "YAML 1.2 reads `017` as seventeen, YAML 1.1 as fifteen (octal). dsimport reads YAML 1.2. Remove the zero, or\n"
        "write `0o17` where octal is meant.",
    ),
    "R0013": CodeDoc(
        "a key that is not a word",
        "Keys of a recipe are plain words. A list or a mapping cannot be a key.",
    ),
    "R0014": CodeDoc(
        "a recipe is a mapping",
        "The top level of a recipe consists of `key: value` lines. The file is empty, or holds a list or a single\n"
        "text.",
    ),
    "R0101": CodeDoc(
        "a key is missing",
        "Every recipe needs `schema`, `name`, `source` and `model.family`. A key written with an empty value or\n"
        "`null` counts as not written.",
    ),
    "R0102": CodeDoc(
        "an unknown key",
        "The key is not part of the recipe's schema at this place. Nothing is ignored silently, because an ignored\n"
        "`treshold` is a wrong result. `dsimport schema` prints the JSON Schema that editors use for completion.",
    ),
    "R0103": CodeDoc(
        "a value of the wrong type",
        "The value is a text where a number is wanted, a list where a mapping is wanted, and so on. YAML reads `no`,\n"
        "`yes`, `on` and `off` as texts; `true` and `false` are the truth values; quotes make any value a text.",
    ),
    "R0104": CodeDoc(
        "a value that is not among the choices",
        "The key takes one of a few fixed values, which the help line lists.",
    ),
    "R0105": CodeDoc(
        "a value outside its range",
        "The number, or the number of items in a list, is outside the range that the help line gives.",
    ),
    "R0106": CodeDoc(
        "a text of the wrong form",
        "The text does not have the form that the key needs; the message says which form that is. Texts that become\n"
        "file names, commands or configuration values never contain control characters.",
    ),
    "R0107": CodeDoc(
        "a label that nvinfer would not show as written",
        "nvinfer reads one label per line and keeps only what stands before the first `;`. It skips empty lines, so\n"
        "that all later labels move up by one, keeps blanks and carriage returns as part of the label, and copies at\n"
        "most 127 bytes. A label that would be changed by this is refused.",
    ),
    "R0108": CodeDoc(
        "an unknown version of the recipe schema",
        "`schema` says which version of the recipe format the file is written in. This dsimport reads version 1.",
    ),
    "R0109": CodeDoc(
        "a recipe has exactly one source",
        "`source` names where the model comes from: one of `huggingface`, `ngc`, `file` and `url`. In a file that\n"
        "extends another one, `huggingface: null` takes back the source that the other file names.",
    ),
    "R0110": CodeDoc(
        "two values contradict each other",
        "Each value is right for itself, but not together with another one of the same recipe; the message names both.",
    ),
    "R0111": CodeDoc(
        "a workspace size with the wrong unit",
        "trtexec looks only at the last character of a memory size: `32768MiB` and `4GB` end in B and are read as\n"
        "32768 and 4 bytes, without a warning. dsimport accepts a whole number followed by M or G (base 2):\n"
        "32768M, 4G.",
    ),
    "R0201": CodeDoc(
        "recipes that extend each other in a circle",
        "A file cannot extend itself, directly or through others. The notes show the way round.",
    ),
    "R0202": CodeDoc(
        "too many files extend each other",
        "`extends` is followed at most 16 files deep and to at most 64 files in all.",
    ),
    "R0301": CodeDoc(
        "a matrix that cannot be unfolded",
        "`matrix` maps dotted keys to lists of values: `matrix: {engine.precision: [fp16, fp32]}`. Each list needs at\n"
        "least one value, each value is a word or a number, and no value may occur twice in its list. `name`,\n"
        "`schema`, `extends` and `matrix` cannot be varied.",
    ),
    "R0302": CodeDoc(
        "the matrix gives no usable name",
        "Each combination is named by the recipe's name and its values, with everything but letters, digits, dots and\n"
        "underscores turned into `-`. Two combinations came out with one name, or a name with more than 64 characters.",
    ),
    "R0303": CodeDoc(
        "the matrix has too many combinations",
        "A matrix varies at most 32 keys and unfolds to at most 256 recipes.",
    ),
    "R0304": CodeDoc(
        "the matrix varies an unknown key",
        "The keys of `matrix` are dotted keys of the recipe itself, e.g. `engine.precision` or `model.input.height`.",
    ),
    "P0110": CodeDoc(
        "an unknown diagnostic code",
        "`dsimport explain` knows every code that a diagnostic shows in brackets. Without a code it lists them all.",
    ),
    "P0111": CodeDoc(
        "an output file cannot be written",
        "The file named with `-o` lies in a folder that does not exist or must not be written to, or is a folder.",
    ),
}
