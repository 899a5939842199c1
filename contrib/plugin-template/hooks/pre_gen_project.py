"""Refuse answers that would not make a plugin: names that are none, texts that end their own quotes."""

import re
import sys

names = {"plugin": {{ cookiecutter.plugin | tojson }}, "module": {{ cookiecutter.module | tojson }}}
texts = {"description": {{ cookiecutter.description | tojson }}, "author": {{ cookiecutter.author | tojson }}}

for what, name in names.items():
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        sys.exit(f"{what}: {name!r}: a name has only a-z, 0-9 and _, and begins with a letter")
for what, text in texts.items():
    if not text.isprintable() or set(text) & set('"\\'):
        sys.exit(f'{what}: {text!r}: write it in one line, without " and \\')
