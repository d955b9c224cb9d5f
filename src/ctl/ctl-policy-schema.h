/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pieces of the JSON Schema that `healerctl policy schema` prints. All are new; NULL if memory is short, which the last
 * one to hold them says.
 */
#pragma once

#include <jansson.h>

#include "policy/policy-vocabulary.h"

/* Names of rules, protections and windows. */
#define SCHEMA_ID_PATTERN "^[A-Za-z0-9][A-Za-z0-9._-]*$"

#define SCHEMA_UNIT_PATTERN "^[A-Za-z0-9:_][A-Za-z0-9:_.-]*@[.]service$"

/* An object that takes only what is in @properties (taken). */
json_t *schema_closed_object(json_t *properties);
/* A list of at least one of @items (taken). */
json_t *schema_list_of(json_t *items);
/* @schema (taken) or a list of such. */
json_t *schema_one_or_list(json_t *schema);
json_t *schema_reference(const char *name);
/* One of the words that @name_of gives for numbers below @n. */
json_t *schema_names(const char *(*name_of)(unsigned i), unsigned n);
json_t *schema_duration(void);
/* A map of the keys that may stand at @place; @required: NULL-terminated. */
json_t *schema_of_place(KeyPlace place, const char *const *required);
