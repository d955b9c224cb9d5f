#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""match-schema.py SCHEMA: every JSON value on standard input, one after the other, is as the schema says."""

import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    validator = jsonschema.Draft202012Validator(json.load(file))
text = sys.stdin.read().lstrip()
n_values = n_bad = 0
while text:
    value, end = json.JSONDecoder().raw_decode(text)
    text = text[end:].lstrip()
    n_values += 1
    for error in validator.iter_errors(value):
        n_bad += 1
        print(f"{json.dumps(value)[:200]}: {jsonschema.exceptions.best_match([error]).message}")
sys.exit(n_bad > 0 or n_values == 0)
