"""Refuse names that could be neither a plugin's nor a module's."""

import re
import sys

for what, name in {"plugin": "{{ cookiecutter.plugin }}", "module": "{{ cookiecutter.module }}"}.items():
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        sys.exit(f"{what}: {name!r}: a name has only a-z, 0-9 and _, and begins with a letter")
